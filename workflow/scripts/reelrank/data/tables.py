"""The data contracts: the schema of every Parquet file. Reading and writing check it."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq

from reelrank.errors import InputError
from reelrank.files import atomic

#: Errors of pyarrow for a file that is missing or not Parquet.
NOT_PARQUET = (pa.ArrowInvalid, FileNotFoundError)

#: Rows of a chunk of a large table, and of a row group.
ROWS_PER_CHUNK = 2**20

#: The splits of the interactions, in the order of their dictionary codes.
SPLITS = ("train", "valid", "test", "unused")

#: Keys that the Parquet metadata of a list must hold.
LIST_METADATA = (
    "dataset",
    "protocol",
    "base_model",
    "seed",
    "reranker",
    "kind",
    "depth",
    "split",
    "config_digest",
)


def _schema(*fields):
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in fields])


#: Required columns of each table. Tables in OPEN may have any further columns, other tables
#: only those in OPTIONAL, which are checked too.
SCHEMAS = {
    "interactions": _schema(
        ("user", pa.int32()), ("item", pa.int32()), ("timestamp", pa.int64()), ("position", pa.int32())
    ),
    "users": _schema(("user", pa.int32()), ("user_id", pa.string()), ("length", pa.int32())),
    "items": _schema(("item", pa.int32()), ("item_id", pa.string()), ("title", pa.string())),
    "comments": _schema(("user", pa.int32()), ("item", pa.int32()), ("comment", pa.string())),
    "texts": _schema(("item", pa.int32()), ("text", pa.string())),
    "split": _schema(("user", pa.int32()), ("position", pa.int32()), ("split", pa.dictionary(pa.int8(), pa.string()))),
    "item_statistics": pa.schema(
        [
            pa.field("item", pa.int32(), nullable=False),
            pa.field("popularity", pa.int64(), nullable=False),
            pa.field("first_timestamp", pa.int64()),
            pa.field("last_timestamp", pa.int64()),
        ]
    ),
    "list": _schema(("user", pa.int32()), ("rank", pa.int16()), ("item", pa.int32()), ("score", pa.float32())),
    "ranks": pa.schema(
        [
            pa.field("user", pa.int32(), nullable=False),
            pa.field("rank", pa.int16()),
            pa.field("in_list", pa.bool_(), nullable=False),
            pa.field("raw_rank", pa.int16()),
        ]
    ),
    "answers": pa.schema(
        [
            *_schema(("user", pa.int32()), ("permutation", pa.int16()), ("step", pa.int16())),
            *_schema(("key", pa.string()), ("text", pa.string()), ("finish_reason", pa.string())),
            pa.field("logprobs", pa.string()),
            *_schema(("input_tokens", pa.int32()), ("output_tokens", pa.int32())),
            *_schema(("model", pa.string()), ("fingerprint", pa.string())),
            *_schema(("latency_s", pa.float32()), ("attempt", pa.int16())),
        ]
    ),
    "parsing": _schema(
        ("user", pa.int32()),
        ("permutation", pa.int16()),
        ("step", pa.int16()),
        ("fault", pa.string()),
        ("missing", pa.int16()),
        ("repeated", pa.int16()),
        ("unknown", pa.int16()),
        ("out_of_range", pa.int16()),
        ("prose_around", pa.int16()),
        ("shown", pa.list_(pa.int16())),
        ("order", pa.list_(pa.int16())),
    ),
    "training": _schema(("epoch", pa.int32()), ("loss", pa.float64()), ("valid_ndcg", pa.float64())),
}

#: Tables that may have further columns (user profiles, item fields).
OPEN = frozenset({"users", "items"})

#: Optional columns of each table. ``raw_rank`` is an item's rank in the generative model's answer, before repair;
#: null if the answer lacked it. For the audit, ``redrawn_item`` replaces the item of a held-out interaction; null
#: for all other interactions.
OPTIONAL = {
    "interactions": {"rating": pa.float32()},
    "list": {"raw_rank": pa.int16()},
    "split": {"redrawn_item": pa.int32()},
}

#: Columns in OPTIONAL that may hold nulls.
NULLABLE = frozenset({"raw_rank", "redrawn_item"})


def check_table(table, name, path, whole=True):
    """Raise `InputError` unless `table` matches the contract `name`.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
        A key of `SCHEMAS`.
    path : str or Path
        Named in the error.
    whole : bool
        False allows missing columns.
    """
    schema = SCHEMAS[name]
    optional = OPTIONAL.get(name, {})
    for field in schema:
        if field.name not in table.column_names:
            if not whole:
                continue
            raise InputError(f"{path}: column {field.name!r} of contract {name} is missing; found {table.column_names}")
        _check_column(table, field.name, field.type, field.nullable, path)
    for column in table.column_names:
        if column in schema.names:
            continue
        if column in optional:
            _check_column(table, column, optional[column], column in NULLABLE, path)
        elif name not in OPEN:
            raise InputError(f"{path}: column {column!r} does not belong to contract {name}; expected {schema.names}")


def _check_column(table, column, kind, nullable, path):
    found = table.schema.field(column).type
    if found != kind:
        raise InputError(f"{path}: column {column!r} has type {found}; expected {kind}")
    if not nullable and table.column(column).null_count:
        raise InputError(f"{path}: column {column!r} holds {table.column(column).null_count} nulls; expected none")


def _check_metadata(table, name, path):
    missing = [key for key in LIST_METADATA if key not in metadata(table)] if name == "list" else []
    if missing:
        raise InputError(f"{path}: the Parquet metadata lack {missing}; expected all of {list(LIST_METADATA)}")


def write_table(table, name, path, metadata=None):
    """Check `table` against the contract `name` and write it to `path` as Parquet, atomically.

    Parameters
    ----------
    table : pyarrow.Table, dict of str to array, or iterable of pyarrow.Table
        A dict is converted to a table with the contract's types. Several tables are written to one file, one at a
        time.
    name : str
        A key of `SCHEMAS`.
    path : str or Path
    metadata : dict of str to object, optional
        Written to the file's key-value metadata, as strings.

    Raises
    ------
    InputError
        If the table does not match the contract.
    """
    if isinstance(table, dict):
        table = to_table(table, name)
    with atomic(path) as temporary, contextlib.ExitStack() as stack:
        writer = None
        for chunk in [table] if isinstance(table, pa.Table) else table:
            check_table(chunk, name, path)
            chunk = chunk.replace_schema_metadata({key: str(value) for key, value in (metadata or {}).items()})
            _check_metadata(chunk, name, path)
            if writer is None:
                writer = stack.enter_context(pq.ParquetWriter(temporary, chunk.schema, **_encoding(chunk.schema)))
            writer.write_table(chunk)


def write_tables(tables, paths, metadata=None):
    """Write several tables in parallel with `write_table`; `tables` and `paths` are dicts by contract name."""
    with ThreadPoolExecutor() as pool:  # pyarrow releases the GIL while it encodes
        for done in [pool.submit(write_table, table, name, paths[name], metadata) for name, table in tables.items()]:
            done.result()


def _encoding(schema):
    """Return the encoding of each column: deltas for integers (zstd hardly shrinks them further), zstd for the rest."""
    integers = [field.name for field in schema if pa.types.is_integer(field.type)]
    return {
        "compression": {field.name: "none" if field.name in integers else "zstd" for field in schema},
        "use_dictionary": [field.name for field in schema if field.name not in integers],
        "column_encoding": dict.fromkeys(integers, "DELTA_BINARY_PACKED"),
    }


def to_table(columns, name):
    """Return columns as a `pyarrow.Table` with the types of the contract `name`."""
    kinds = {field.name: field.type for field in SCHEMAS[name]} | OPTIONAL.get(name, {})
    arrays = {
        key: value if isinstance(value, (pa.Array, pa.ChunkedArray)) else pa.array(value, kinds.get(key))
        for key, value in columns.items()
    }
    return pa.table(arrays)


def read_table(path, name):
    """Read the Parquet file `path` and check it against the contract `name`.

    Parameters
    ----------
    path : str or Path
    name : str
        A key of `SCHEMAS`.

    Returns
    -------
    pyarrow.Table
        The schema's metadata are those given to `write_table`, as bytes.
    """
    try:
        table = pq.read_table(path)
    except NOT_PARQUET as error:
        raise InputError(f"{path}: expected a Parquet file of contract {name} ({error})") from None
    check_table(table, name, path)
    _check_metadata(table, name, path)
    return table


def read_chunks(path, name, columns=None):
    """Read a Parquet file in chunks of at most `ROWS_PER_CHUNK` rows, each checked against the contract `name`.

    Parameters
    ----------
    path : str or Path
    name : str
        A key of `SCHEMAS`.
    columns : sequence of str, optional
        Columns to read; optional ones may be missing. Default: all.

    Yields
    ------
    pyarrow.Table
        The first has no rows but all columns.
    """
    try:
        file = pq.ParquetFile(path)
    except NOT_PARQUET as error:
        raise InputError(f"{path}: expected a Parquet file of contract {name} ({error})") from None
    with file:
        empty = file.schema_arrow.empty_table()
        _check_metadata(empty, name, path)
        check_table(empty, name, path)
        yield empty
        columns = None if columns is None else [column for column in columns if column in empty.column_names]
        for chunk in file.iter_batches(ROWS_PER_CHUNK, columns=columns):
            chunk = pa.Table.from_batches([chunk])
            check_table(chunk, name, path, whole=False)
            yield chunk


def metadata(table):
    """Return the key-value metadata of `table` as a dict of str to str."""
    return {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items() if key != b"pandas"}
