"""The network to be explained, found by any name of the catalog; imports no torch."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cnncompare.config.files import conf_folder
from cnncompare.errors import ModelError, closest
from cnncompare.models.catalog.names import SOURCES, known_names
from cnncompare.models.catalog.table import COLUMNS, read_table

SMALL = 64  # pixels up to which a network is for small images, with 10 instead of 1,000 classes


@dataclass(frozen=True)
class Subject:
    """A network with its row of the table of networks, whose values are None outside the table."""

    name: str
    source: str
    row: dict[str, Any]

    @property
    def input_size(self) -> tuple[int, int, int]:
        """(channels, height, width) of the paper; imports the library outside the table."""
        if self.row["input_size"] is not None:
            channels, height, width = self.row["input_size"]
            return channels, height, width
        from importlib import import_module

        size: int = import_module(f"cnncompare.models.{self.source}").native_size(self.name)
        return 3, size, size


def find_subject(name: str) -> Subject:
    """Return the network of a name that `models` lists, or of an option of the group `model`.

    Raises ModelError with the closest names for any other.
    """
    rows = {row["name"]: row for row in read_table()}
    options = _options()
    if name in options and name not in rows:
        name = options[name]
    if name in rows:
        return Subject(name, rows[name]["source"], rows[name])
    for source in SOURCES:
        if name.split(".")[0] in known_names(source):
            row = {**dict.fromkeys(COLUMNS), "name": name, "source": source}
            return Subject(name, source, row)
    near = closest(name, [*rows, *options]) or closest(name, known_names("timm"))
    raise ModelError(f"unknown model {name!r}{near} (python -m cnncompare models lists them)")


def _options() -> dict[str, str]:
    """Return the network of each option of the config group `model`."""
    files = sorted((Path(conf_folder()) / "model").glob("*.yaml"))
    return {file.stem: yaml.safe_load(file.read_text("utf-8"))["name"] for file in files}
