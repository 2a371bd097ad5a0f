"""Find tables of encoded images in Parquet and Arrow files, or on the Hugging Face Hub.

The tables are those that Hugging Face `datasets` writes: `to_parquet`, `push_to_hub` and
`save_to_disk`. Nothing here imports torch, and pyarrow is imported on use.
"""

import json
import logging
import os
import re
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from cnncompare.config.data import HUB_PREFIX
from cnncompare.data.sources.class_folders import split_of
from cnncompare.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

SUFFIXES = (".parquet", ".arrow")
_BATCH = 256  # rows read at once


class ImageTable(NamedTuple):
    """A file, or a split of a data set on the hub, with images and labels.

    `state` changes with the content. `batches` yields the rows of the columns with these names.
    """

    name: str
    split: str  # train, val or test
    schema: "pa.Schema"
    state: tuple[Any, ...]
    folder: Path  # of images that the table names but does not contain
    batches: "Callable[[list[str]], Iterator[pa.RecordBatch]]"


def find_tables(root: str) -> list[ImageTable]:
    """Return the tables of `data.root`, training first, files in the order of their names.

    Files without a split in their names or folders are training images if none has one. Raises
    ConfigError without the package that reads them, and DataError if there is none to read.
    """
    require_packages(root)
    if root.startswith(HUB_PREFIX):
        return _in_order(_hub_tables(root), root)
    path = Path(os.path.abspath(os.path.expanduser(root)))
    if path.is_file():
        return [_file_table(path, path.name, "train")]
    if not path.is_dir():
        raise DataError(f"data.root={path} does not exist; give a Parquet or Arrow file or folder")
    names = _table_files(path)
    split_of_file = {name: _split_of_path(name) for name in names}
    if not any(split_of_file.values()):
        split_of_file = dict.fromkeys(names, "train")
    _warn_of_others([name for name, split in split_of_file.items() if split is None], root)
    tables = [
        _file_table(path / name, name, split) for name, split in split_of_file.items() if split
    ]
    return _in_order(tables, root)


def read_rows(table: ImageTable, columns: list[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the values of these columns row by row. Raises DataError if the table ends early."""
    import pyarrow as pa

    try:
        for batch in table.batches(columns):
            yield from zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{table.name} cannot be read to its end ({reason})") from None


def require_packages(root: str) -> None:
    """Raise ConfigError with the command that installs a package needed to read `root`."""
    package, extra = ("datasets", "hf") if root.startswith(HUB_PREFIX) else ("pyarrow", "parquet")
    if find_spec(package) is None:
        raise ConfigError(
            f"data.root={root} needs the package {package}: pip install 'cnncompare[{extra}]'"
        )


def _in_order(tables: Sequence[ImageTable], root: str) -> list[ImageTable]:
    splits = [table.split for table in tables]
    if "train" not in splits:
        found = ", ".join(dict.fromkeys(splits)) or "none"
        raise DataError(
            f"data.root={root} has no training images (its splits: {found}); a file of them has "
            f"train in its name, such as train-00000-of-00001.parquet"
        )
    return sorted(tables, key=lambda table: ("train", "val", "test").index(table.split))


def _table_files(root: Path) -> list[str]:
    """Return the tables below `root`, relative to it, sorted."""
    found = []
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        tables = [name for name in files if name.endswith(SUFFIXES) and not name.startswith(".")]
        if "state.json" in files:  # of save_to_disk; other Arrow files beside it are its caches
            tables = _saved_files(Path(parent, "state.json"))
        found += [Path(parent, name).relative_to(root).as_posix() for name in tables]
    if not found:
        raise DataError(f"data.root={root} has no file ending in {' or '.join(SUFFIXES)}")
    kinds = {Path(name).suffix for name in found}
    if len(kinds) > 1:
        raise DataError(
            f"data.root={root} has files ending in .parquet and in .arrow, which may hold the same "
            f"images; set data.root to the folder of one kind"
        )
    return sorted(found)


def _saved_files(state: Path) -> list[str]:
    try:
        return [str(entry["filename"]) for entry in json.loads(state.read_bytes())["_data_files"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise DataError(f"{state} does not list the files of a saved data set") from None


def _warn_of_others(names: list[str], root: str) -> None:
    if names:
        log.warning(
            "data.root=%s: not read, as their split is none of train, validation and test: %s",
            root,
            ", ".join(names),
        )


def _file_table(path: Path, name: str, split: str) -> ImageTable:
    import pyarrow as pa

    read = _read_parquet if path.suffix.lower() == ".parquet" else _read_arrow
    try:
        state = path.stat()
        schema, batches = read(path)
    except (OSError, pa.ArrowException) as error:
        reason = (getattr(error, "strerror", None) or str(error)).partition("\n")[0]
        raise DataError(
            f"{path} cannot be read ({reason}); it needs Parquet or Arrow data"
        ) from None
    key = (str(path), state.st_size, state.st_mtime_ns)
    return ImageTable(name, split, schema, key, path.parent, batches)


def _read_parquet(path: Path) -> tuple[Any, Callable[[list[str]], Iterator[Any]]]:
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)

    def batches(columns: list[str]) -> Iterator[Any]:
        with pq.ParquetFile(path) as file:
            yield from file.iter_batches(_BATCH, columns=columns)

    return schema, batches


def _read_arrow(path: Path) -> tuple[Any, Callable[[list[str]], Iterator[Any]]]:
    import pyarrow as pa

    def open_reader(source: Any) -> Any:
        try:
            return pa.ipc.open_stream(source)  # the format of datasets
        except pa.ArrowInvalid:
            return pa.ipc.open_file(source)

    def batches(columns: list[str]) -> Iterator[Any]:
        with pa.memory_map(str(path)) as source:
            reader = open_reader(source)
            stored = (
                reader
                if hasattr(reader, "__iter__")
                else map(reader.get_batch, range(reader.num_record_batches))
            )
            for batch in stored:
                for start in range(0, batch.num_rows, _BATCH):
                    yield batch.select(columns).slice(start, _BATCH)

    with pa.memory_map(str(path)) as source:
        return open_reader(source).schema, batches


def _hub_tables(root: str) -> list[ImageTable]:
    """Return the splits of hf://OWNER/NAME[/CONFIG][@REVISION]; no code of the hub is run."""
    import datasets

    name, _, revision = root.removeprefix(HUB_PREFIX).partition("@")
    owner, _, rest = name.partition("/")
    dataset, _, config = rest.partition("/")
    try:
        loaded = datasets.load_dataset(
            f"{owner}/{dataset}" if dataset else owner, config or None, revision=revision or None
        )
    except Exception as error:  # of the network, the hub or the data set's files
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise DataError(f"data.root={root} cannot be loaded from the hub ({reason})") from None
    splits = {split_name: split_of(split_name) for split_name in loaded}
    _warn_of_others([split_name for split_name, split in splits.items() if split is None], root)
    return [
        ImageTable(
            name=split_name,
            split=split,
            schema=loaded[split_name].features.arrow_schema,
            state=(root, split_name, str(loaded[split_name]._fingerprint)),
            folder=Path(os.sep),  # paths are absolute
            batches=_hub_batches(loaded[split_name]),
        )
        for split_name, split in splits.items()
        if split
    ]


def _hub_batches(dataset: Any) -> Callable[[list[str]], Iterator[Any]]:
    def batches(columns: list[str]) -> Iterator[Any]:
        chosen = dataset.select_columns(columns).with_format("arrow")
        return iter(chosen.iter(batch_size=_BATCH))

    return batches


def _split_of_path(path: str) -> str | None:
    """Return the split that a file's name or, failing that, its folders are named after.

    `data/train-00000-of-00001.parquet` and `default/train/0000.parquet` belong to train.
    """
    for name in reversed(path.split("/")):
        for piece in re.split(r"[^A-Za-z]+", name):
            if split := split_of(piece):
                return split
    return None
