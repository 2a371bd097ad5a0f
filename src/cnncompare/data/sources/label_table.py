"""Read a table of image files and labels, and check it against the files, without torch."""

import csv
import io
import logging
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from cnncompare.config.data import IMAGE_SUFFIXES, label_files
from cnncompare.data.sources.class_coverage import check_classes
from cnncompare.data.sources.class_folders import SPLIT_NAMES, split_of
from cnncompare.data.sources.class_sizes import ClassSizes
from cnncompare.data.walk import is_hidden
from cnncompare.errors import DataError

log = logging.getLogger(__name__)

_COLUMNS = {
    "file": ("file", "filename", "file_name", "filepath", "file_path", "image", "path"),
    "label": ("label", "class", "target"),
    "split": ("split",),
}  # header names of each column, in any letter case
_DELIMITERS = (",", ";", "\t")
_N_NAMED = 3  # files named in a message


class Entry(NamedTuple):
    """A row of the table; `split` is train, val or test, or None without a split column."""

    line: int  # of the file, from 1
    file: str
    label: str
    split: str | None


class LabelledFiles(NamedTuple):
    """The files of each split and class, sorted, relative to the root; classes are sorted.

    Without test images in the table, `splits` has no key "test".
    """

    root: Path
    classes: list[str]
    splits: dict[str, list[list[str]]]


def read_labelled_files(root: str, labels: str) -> LabelledFiles:
    """Return the files that the table `labels` names below `root`, by split and class.

    The table is looked for in the current folder, then in `root`; its paths are relative to
    `root` or to the table. Raises DataError with one line if a file or a label is missing or
    contradictory, and if an image below the root has no label.
    """
    folder = Path(os.path.abspath(os.path.expanduser(root)))
    if not folder.is_dir():
        raise DataError(f"data.root={folder} is not a folder; set the folder of the images")
    table = _find_table(root, labels)
    entries = _resolve(read_table(table), folder, table)
    _check_unlabelled(entries, folder, table)
    return _by_split_and_class(_without_duplicates(entries, table), folder, table)


def count_labelled_files(root: str, labels: str) -> ClassSizes:
    """Return the number of images of each class. Raises DataError like `read_labelled_files`."""
    found = read_labelled_files(root, labels)
    counts = {split: [len(files) for files in by_class] for split, by_class in found.splits.items()}
    return ClassSizes(found.classes, counts)


def read_table(table: Path) -> list[Entry]:
    """Return the rows of a table; comma, semicolon or tab separates its columns.

    Raises DataError with the line's number if the table cannot be read, a column is missing, or a
    row has an empty file or label or an unknown split.
    """
    text = _read_text(table)
    delimiter, columns = _header(text, table)
    entries = []
    for line, fields in _rows(text, delimiter, table):
        if line > 1 and any(field.strip() for field in fields):
            entries.append(_entry(line, fields, columns, table))
    if not entries:
        raise DataError(f"{table} has a header but no rows; each row names a file and its label")
    return entries


def _find_table(root: str, labels: str) -> Path:
    candidates = label_files(root, labels)
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    where = " or ".join(dict.fromkeys(map(str, candidates)))
    raise DataError(f"data.labels={labels}: there is no file {where}")


def _read_text(table: Path) -> str:
    try:
        content = table.read_bytes()
    except OSError as error:
        raise DataError(f"{table} cannot be read ({error.strerror})") from None
    utf16 = content.startswith((b"\xff\xfe", b"\xfe\xff"))  # "Unicode text" of spreadsheets
    try:
        return content.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DataError(f"{table} line {line} is not UTF-8 text; save it as CSV, UTF-8") from None


def _header(text: str, table: Path) -> tuple[str, dict[str, int]]:
    """Return the delimiter and the positions of the columns and, as "all", their number."""
    first = text.lstrip("\r\n").splitlines()[:1] or [""]
    headers = [(delimiter, _split_header(first[0], delimiter)) for delimiter in _DELIMITERS]
    delimiter, names = max(headers, key=lambda header: (_n_known(header[1]), len(header[1])))
    columns = {"all": len(names)}
    for role, spellings in _COLUMNS.items():
        found = [i for i, name in enumerate(names) if name.lower() in spellings]
        if len(found) > 1:
            both = " and ".join(repr(names[i]) for i in found)
            raise DataError(f"{table} line 1: columns {both} both name the {role}; rename one")
        if not found and role != "split":
            raise DataError(
                f"{table} line 1 has no column {role!r} (found: {', '.join(names)[:200]}); the "
                f"header must name the columns file and label, and optionally split"
            )
        columns.update({role: found[0]} if found else {})
    return delimiter, columns


def _split_header(line: str, delimiter: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]


def _n_known(names: list[str]) -> int:
    return sum(name.lower() in spellings for name in names for spellings in _COLUMNS.values())


def _rows(text: str, delimiter: str, table: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the first line's number and the fields of each row after leading empty lines."""
    stripped = text.lstrip("\r\n")
    n_empty = len(text[: len(text) - len(stripped)].splitlines())
    reader = csv.reader(io.StringIO(stripped, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            yield (line + n_empty if line > 1 else 1), fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{table} line {line + n_empty} cannot be read ({error})") from None


def _entry(line: int, fields: list[str], columns: dict[str, int], table: Path) -> Entry:
    if len(fields) < columns["all"] or any(field.strip() for field in fields[columns["all"] :]):
        raise DataError(
            f"{table} line {line} has {len(fields)} fields, the header has {columns['all']}; put "
            f"quotes around a field that contains the separator"
        )
    values = {role: fields[i].strip() for role, i in columns.items() if role != "all"}
    for role, value in values.items():
        if not value:
            raise DataError(f"{table} line {line}: the {role} is empty ({fields})")
    split = split_of(values["split"]) if "split" in values else None
    if "split" in values and split is None:
        known = ", ".join(name for names in SPLIT_NAMES.values() for name in names)
        raise DataError(f"{table} line {line}: {values['split']!r} is no split; use one of {known}")
    return Entry(line, values["file"].replace("\\", "/"), values["label"], split)


def _resolve(entries: list[Entry], root: Path, table: Path) -> list[Entry]:
    """Return the entries with paths relative to `root`.

    All paths are relative to the root or, if more of them exist that way, to the table.
    """
    missing_below = {
        base: [entry for entry in entries if not os.path.isfile(base / entry.file)]
        for base in dict.fromkeys((root, table.parent))
    }
    base = min(missing_below, key=lambda folder: len(missing_below[folder]))
    if missing := missing_below[base]:
        raise DataError(
            f"{table}: {len(missing)} of {len(entries)} labelled files do not exist in {base}: "
            f"{_first_names(f'{entry.file} (line {entry.line})' for entry in missing)}"
        )
    resolved = []
    for entry in entries:
        file = os.path.relpath(base / entry.file, root)
        if file.startswith(".."):
            raise DataError(
                f"{table} line {entry.line}: {entry.file} is not below data.root={root}; set "
                f"data.root to a folder that contains all images"
            )
        resolved.append(entry._replace(file=file))
    return resolved


def _check_unlabelled(entries: list[Entry], root: Path, table: Path) -> None:
    labelled = {entry.file for entry in entries}
    unlabelled = sorted(set(_images_below(root)) - labelled)
    if unlabelled:
        raise DataError(
            f"{root} has {len(unlabelled)} images that {table} does not name: "
            f"{_first_names(unlabelled)}; add their labels, or move them to another folder"
        )


def _images_below(root: Path) -> Iterator[str]:
    """Yield the images below `root`; hidden folders and files, and linked folders, hold none."""
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not is_hidden(name)]
        for name in files:
            if name.lower().endswith(IMAGE_SUFFIXES) and not is_hidden(name):
                yield os.path.relpath(os.path.join(parent, name), root)


def _without_duplicates(entries: list[Entry], table: Path) -> list[Entry]:
    """Return one entry per file. Raises DataError if two differ in their label or split."""
    first: dict[str, Entry] = {}
    for entry in entries:
        other = first.setdefault(entry.file, entry)
        for role, one, two in (
            ("label", other.label, entry.label),
            ("split", other.split, entry.split),
        ):
            if one != two:
                raise DataError(
                    f"{table}: {entry.file} has the {role} {one!r} in line {other.line} and "
                    f"{two!r} in line {entry.line}; keep one"
                )
    if len(first) < len(entries):
        log.warning("%s: ignored %d repeated rows", table, len(entries) - len(first))
    return list(first.values())


def _by_split_and_class(entries: list[Entry], root: Path, table: Path) -> LabelledFiles:
    files: dict[str, dict[str, list[str]]] = {}
    for entry in sorted(entries, key=lambda entry: entry.file):
        labels = files.setdefault(entry.split or "train", {})
        labels.setdefault(entry.label, []).append(entry.file)
    if "train" not in files:
        raise DataError(f"{table} has no row of the split train (it has: {', '.join(files)})")
    check_classes(str(table), files)
    classes = sorted(files["train"])
    order = [split for split in ("train", "val", "test") if split in files]
    return LabelledFiles(
        root, classes, {split: [files[split][name] for name in classes] for split in order}
    )


def _first_names(names: Iterable[str]) -> str:
    """Return the first three names, printable even if they are not valid Unicode."""
    listed = list(names)
    shown = ", ".join(listed[:_N_NAMED]) + (", ..." if len(listed) > _N_NAMED else "")
    return os.fsencode(shown).decode(errors="replace")
