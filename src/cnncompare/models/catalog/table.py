"""The table of the available networks, read from a file without importing torch.

``python -m cnncompare.models.catalog.tabulate`` regenerates the file; a test recomputes its rows.
"""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from cnncompare.models.catalog.names import known_names

FILE = Path(__file__).with_name("table.json")
COLUMNS = (
    "name",
    "family",
    "year",
    "source",
    "paper",
    "params",
    "gmacs",
    "gmacs_32",
    "size_mb",
    "input_size",
    "small_image_changes",
    "weights",
    "depth",
)
NetworkRow = dict[str, Any]


def read_table() -> list[NetworkRow]:
    """Return a row for each network of this project and torchvision, and for some of timm.

    The keys are those of COLUMNS. `params` and `gmacs` hold for the published stem, the native
    input size and 1,000 classes (10 for networks for small images); those of GoogLeNet exclude its
    auxiliary heads, as in torchvision's documentation. `gmacs_32` holds for the small-image form on
    3x32x32 and is null without one. `depth` counts the convolutions and fully connected layers
    on the longest path from the image to the scores.
    """
    rows: list[NetworkRow] = json.loads(FILE.read_text("utf-8"))
    return rows


def find_rows(pattern: str | None) -> list[NetworkRow]:
    """Return the rows of the networks that match `pattern`, or the whole table for None.

    A pattern with ``*``, ``?`` or ``[`` must match the whole name, any other a part of it. Networks
    outside the table come last; their unknown values are null.
    """
    rows = read_table()
    if pattern is None:
        return rows
    glob = pattern if any(sign in pattern for sign in "*?[") else f"*{pattern}*"
    matching = [row for row in rows if fnmatchcase(row["name"], glob)]
    return matching + _rows_outside_table(glob, {(row["source"], row["name"]) for row in rows})


def _rows_outside_table(glob: str, in_table: set[tuple[str, str]]) -> list[NetworkRow]:
    return [
        {**dict.fromkeys(COLUMNS), "name": name, "source": source}
        for source in ("torchvision", "timm")
        for name in known_names(source)
        if fnmatchcase(name, glob) and (source, name) not in in_table
    ]
