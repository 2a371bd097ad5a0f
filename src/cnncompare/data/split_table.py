"""Tables of images and their splits, as split.csv of a run: reading and writing without torch."""

import csv
import io
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from cnncompare.data.sources.class_folders import SPLIT_NAMES, split_of
from cnncompare.errors import DataError

COLUMNS = ("file", "label", "split")
_N_NAMED = 3  # files that an error message names


class SplitRow(NamedTuple):
    """An image with its class and its split: train, val or test.

    `file` is relative to `data.root`, with /; for images that are not files it is their row.
    """

    file: str
    label: str
    split: str


def format_split_table(rows: Iterable[SplitRow]) -> bytes:
    """Return the table as CSV in UTF-8; bytes of file names that are not UTF-8 stay as they are."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    return text.getvalue().encode(errors="surrogateescape")


def read_split_table(path: str) -> list[SplitRow]:
    """Return the rows of a table with the columns file and split and, optionally, label.

    The columns are separated by commas, semicolons or tabs; the usual spellings of the splits are
    known; a missing label is "". Raises DataError with the number of the first invalid line.
    """
    name = f"data.split={path}"
    try:
        content = Path(os.path.expanduser(path)).read_bytes()
        text = content.decode("utf-8-sig", errors="surrogateescape")
        separator = _separator(text.partition("\n")[0])
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
        columns = _columns(name, next(reader, []))
        rows = [_row(name, reader.line_num, cells, columns) for cells in reader if any(cells)]
    except OSError as error:
        raise DataError(f"{name} cannot be read ({error.strerror})") from None
    except csv.Error as error:
        raise DataError(f"{name} cannot be read, line {reader.line_num}: {error}") from None
    _check_unique(name, rows)
    return rows


def check_fit(
    path: str, rows: Sequence[SplitRow], files: Sequence[str], labels: Sequence[str]
) -> None:
    """Raise DataError unless the table has exactly the images `files`, with their class names."""
    by_file = {row.file: row for row in rows}
    known = set(files)
    faults = {
        "{n} images are not in the table": [file for file in files if file not in by_file],
        "{n} rows of the table have no image": [row.file for row in rows if row.file not in known],
        "{n} images have another label in the table": [
            file
            for file, label in zip(files, labels, strict=True)
            if file in by_file and by_file[file].label not in ("", label)
        ],
    }
    found = [
        f"{text.format(n=f'{len(names):,}')} ({', '.join(names[:_N_NAMED])}"
        f"{', ...' if len(names) > _N_NAMED else ''})"
        for text, names in faults.items()
        if names
    ]
    if found:
        raise DataError(
            f"data.split={path} does not fit the {len(files):,} images: {'; '.join(found)}"
        )


def _separator(header: str) -> str:
    return max(",;\t", key=header.count)


def _columns(name: str, header: list[str]) -> dict[str, int]:
    columns = {title.strip().lower(): index for index, title in enumerate(header)}
    for title in ("file", "split"):
        if title not in columns:
            raise DataError(
                f"{name} has no column {title!r} in its first line (it has: "
                f"{', '.join(columns) or 'none'}); it needs file,split or file,label,split"
            )
    return columns


def _row(name: str, line: int, cells: list[str], columns: dict[str, int]) -> SplitRow:
    if len(cells) != len(columns):
        raise DataError(f"{name}, line {line}: {len(cells)} columns instead of {len(columns)}")
    value = cells[columns["split"]].strip()
    split = split_of(value)
    if split is None:
        raise DataError(
            f"{name}, line {line}: split {value!r} is unknown; use {', '.join(SPLIT_NAMES)}"
        )
    label = cells[columns["label"]] if "label" in columns else ""
    return SplitRow(cells[columns["file"]], label, split)


def _check_unique(name: str, rows: list[SplitRow]) -> None:
    repeated = [file for file, n in Counter(row.file for row in rows).items() if n > 1]
    if repeated:
        raise DataError(
            f"{name} lists {len(repeated):,} files more than once: "
            f"{', '.join(repeated[:_N_NAMED])}{', ...' if len(repeated) > _N_NAMED else ''}"
        )
