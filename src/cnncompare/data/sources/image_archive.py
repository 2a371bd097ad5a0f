"""Copy the encoded images of tables into one archive in the cache, with an index of their labels.

Parquet compresses whole columns, so a single image cannot be read from it; in the archive it can.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from filelock import FileLock

from cnncompare.data.sources.image_tables import ImageTable, read_rows
from cnncompare.data.sources.table_columns import Columns, check_label
from cnncompare.errors import DataError
from cnncompare.system import strict_json
from cnncompare.system.durable_files import replace_durably


class TableIndex(NamedTuple):
    """The images of an archive in the order of their rows; one value per image in each list."""

    files: list[str]  # "FILE row NUMBER", for messages
    splits: list[str]
    sizes: list[int]  # bytes
    sha256s: list[str]  # of the encoded images
    labels: list[int | str]


def copy_to_archive(
    tables: list[ImageTable], columns: Columns, cache_dir: str
) -> tuple[Path, TableIndex]:
    """Return the archive and its index; both are written once and reused while nothing changes.

    Raises DataError for a row without image or label, for a table that cannot be read, and for a
    cache folder that is not writable.
    """
    folder = Path(os.path.abspath(os.path.expanduser(cache_dir)))
    key = repr([(*table.state, table.split) for table in tables]) + repr(columns[:2])
    archive = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.images"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(archive.with_suffix(".lock")):
            index = _load_index(archive)
            return archive, index or _write(archive, tables, columns)
    except OSError as error:
        raise DataError(
            f"data.cache_dir={folder} cannot store the images ({error.strerror or error}); set "
            f"another folder"
        ) from None


def _load_index(archive: Path) -> TableIndex | None:
    """Return the index of a complete archive, or None."""
    try:
        index = TableIndex(**strict_json.loads(archive.with_suffix(".index.json").read_bytes()))
        return index if archive.stat().st_size == sum(index.sizes) else None
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write(archive: Path, tables: list[ImageTable], columns: Columns) -> TableIndex:
    index = TableIndex([], [], [], [], [])
    unfinished = archive.with_suffix(".tmp")  # the lock admits one writer at a time
    try:
        with open(unfinished, "wb") as out:
            for table in tables:
                _copy(table, columns, out, index)
        archive.with_suffix(".index.json").write_text(json.dumps(index._asdict()))
        replace_durably(unfinished, archive)
    finally:
        unfinished.unlink(missing_ok=True)
    return index


def _copy(table: ImageTable, columns: Columns, out: BinaryIO, index: TableIndex) -> None:
    for row, (image, label) in enumerate(read_rows(table, [columns.image, columns.label])):
        name = f"{table.name} row {row}"
        check_label(label, name, columns.label)
        content = _content(image, name, table.folder)
        out.write(content)
        index.files.append(name)
        index.splits.append(table.split)
        index.sizes.append(len(content))
        index.sha256s.append(hashlib.sha256(content).hexdigest())
        index.labels.append(label)


def _content(image: Any, name: str, folder: Path) -> bytes:
    """Return the encoded image: its bytes or, if a table only names it, those of its file."""
    content = image.get("bytes") if isinstance(image, dict) else image
    if content is not None:
        return bytes(content)
    path = image.get("path") if isinstance(image, dict) else None
    if not path:
        raise DataError(f"{name} has no image; remove such rows")
    try:
        return (folder / str(path)).read_bytes()
    except OSError as error:
        raise DataError(
            f"{name} contains no image, only the path {path}, which cannot be read "
            f"({error.strerror}); save the data set with the images embedded"
        ) from None
