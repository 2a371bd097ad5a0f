"""The table of the networks that can be named, from a file: answers at once, without torch.

``python -m cnncompare.models.catalog.tabulate`` writes the file anew; a test recomputes it.
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
)
NetworkRow = dict[str, Any]


def read_table() -> list[NetworkRow]:
    """Return a row for each network of the project and of torchvision, and for timm's best known.

    Keys as in COLUMNS: `params` and `gmacs` with the published stem, native input and 1,000
    classes (10 for networks made for small images), GoogLeNet without its auxiliary heads, as
    torchvision publishes it; `gmacs_32` in the small form on 3x32x32, null where there is none.
    """
    rows: list[NetworkRow] = json.loads(FILE.read_text("utf-8"))
    return rows


def find_rows(pattern: str | None) -> list[NetworkRow]:
    """Return the rows whose name holds `pattern`, or fits it when it has a ``*``; all for None.

    Other networks of torchvision and timm that fit come last, with null where nothing is known.
    """
    rows = read_table()
    if pattern is None:
        return rows
    form = pattern if any(sign in pattern for sign in "*?[") else f"*{pattern}*"
    known = [row for row in rows if fnmatchcase(row["name"], form)]
    listed = {(row["source"], row["name"]) for row in rows}
    others = [
        {**dict.fromkeys(COLUMNS), "name": name, "source": source}
        for source in ("torchvision", "timm")
        for name in known_names(source)
        if fnmatchcase(name, form) and (source, name) not in listed
    ]
    return known + others
