"""Join the answers of all user shards."""

import pyarrow as pa

from reelrank import step
from reelrank.data.tables import metadata, read_table, write_table
from reelrank.files import read_json, write_json
from reelrank.llm.ask.ledgers import gather_ledgers

SPLITS = ("valid", "test")


def main(inputs, outputs):
    """Write the answers for both splits and the ledger.

    Parameters
    ----------
    inputs : dict of str to sequence of path
        ``valid``, ``test``, ``ledger``: one file per shard, in the order of the users.
    outputs : dict of str to path
        ``valid``, ``test``, ``ledger``.
    """
    tables = {split: [read_table(path, "answers") for path in inputs[split]] for split in SPLITS}
    gathered = {split: pa.concat_tables(tables[split]).combine_chunks() for split in SPLITS}
    ledgers = {path: read_json(path) for path in inputs["ledger"]}
    ledger = gather_ledgers(ledgers, pa.concat_tables(gathered.values()))
    for split in SPLITS:
        write_table(gathered[split], "answers", outputs[split], metadata(tables[split][0]))
    write_json(outputs["ledger"], ledger)


step.run(main, snakemake)
