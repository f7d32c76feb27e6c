"""Put answers together that jobs of their own asked for, each for a part of the users."""

from typing import TYPE_CHECKING

import pyarrow as pa

from reelrank import step
from reelrank.data.tables import metadata, read_table, write_table
from reelrank.files import read_json, write_json
from reelrank.llm.ask.ledgers import gather_ledgers

if TYPE_CHECKING:
    from snakemake.iocontainers import snakemake

PARTS = ("valid", "test")


def main(shards, outputs):
    """Write the answers of both parts and the ledger.

    Parameters
    ----------
    shards : dict of str to sequence of path
        ``valid``, ``test``, ``ledger``: of each shard, in the order of the users.
    outputs : dict of str to path
        ``valid``, ``test``, ``ledger``.
    """
    tables = {part: [read_table(path, "answers") for path in shards[part]] for part in PARTS}
    gathered = {part: pa.concat_tables(tables[part]).combine_chunks() for part in PARTS}
    ledgers = {path: read_json(path) for path in shards["ledger"]}
    ledger = gather_ledgers(ledgers, pa.concat_tables(gathered.values()))
    for part in PARTS:
        write_table(gathered[part], "answers", outputs[part], metadata(tables[part][0]))
    write_json(outputs["ledger"], ledger)


if __name__ == "__main__":
    step.start(snakemake.log)
    main(
        {key: snakemake.input[f"{key}_shards"] for key in (*PARTS, "ledger")},
        dict(snakemake.output.items()),
    )
