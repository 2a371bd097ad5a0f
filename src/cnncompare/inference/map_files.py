"""Files of class activation maps, and the package that makes them; imports no torch."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cnncompare.errors import ConfigError, OutputError
from cnncompare.inference.answers import printable
from cnncompare.plotting.heat_map import heat_overlay
from cnncompare.runs.run import Run

FOLDER = "cam"
PACKAGE = "torchcam"
SIDE = 224  # pixels of an overlay, at least

Key = tuple[str, str]  # image file and id of the run


def check_cam_package(command: str) -> None:
    """Raise ConfigError with the line to install if the package for the maps is missing."""
    if find_spec(PACKAGE) is None:
        raise ConfigError(f"{command}: --cam needs {PACKAGE}: pip install 'cnncompare[cam]'")


class MapFolder:
    """A folder that gets the maps of all images and networks at once, or nothing.

    They are written into a temporary folder next to it, and moved by `finish`. For each image and
    network there are NAME.png, the map over the pixels that the network saw, and NAME.npy, the map
    of these pixels as float32 [H, W] in [0, 1].
    """

    def __init__(self, folder: Path, files: Sequence[str], runs: Iterable[Run]) -> None:
        self.folder = folder
        self.written: dict[Key, Path] = {}  # the overlays; `finish` moves them
        self.layers: dict[str, str] = {}  # by the network's label
        self._names = _file_names(files, runs)

    def __enter__(self) -> Self:
        try:
            if self.folder.exists() and not self.folder.is_dir():
                raise NotADirectoryError(0, "it is a file")
            self._temporary = Path(
                tempfile.mkdtemp(prefix=f".{self.folder.name}-", dir=self.folder.parent)
            )
        except OSError as error:
            raise self._problem(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        shutil.rmtree(self._temporary, ignore_errors=True)

    def write(self, key: Key, pixels: NDArray[np.uint8], heat: NDArray[np.float32]) -> None:
        """Write the map `heat` [H, W] for `pixels`, uint8 [H, W, C]."""
        path = self._temporary / f"{self._names[key]}.png"
        try:
            heat_overlay(pixels, heat, SIDE).save(path)
            np.save(path.with_suffix(".npy"), heat)
        except OSError as error:
            raise self._problem(error) from None
        self.written[key] = path

    def finish(self) -> None:
        """Move the files into the folder; files of the same names are replaced."""
        try:
            self.folder.mkdir(exist_ok=True)
            for path in sorted(self._temporary.iterdir()):
                os.replace(path, self.folder / path.name)
        except OSError as error:
            raise self._problem(error) from None
        self.written = {key: self.folder / path.name for key, path in self.written.items()}

    def _problem(self, error: OSError) -> OutputError:
        reason = error.strerror or error
        return OutputError(f"predict: --cam cannot write to {self.folder} ({reason})")


def _file_names(files: Sequence[str], runs: Iterable[Run]) -> dict[Key, str]:
    """Return different names without suffix: the image's path from the common root, the network."""
    root = os.path.commonpath([os.path.abspath(Path(file).parent) for file in files])
    names: dict[Key, str] = {}
    taken: set[str] = set()
    labels = [(run.record.id, run.record.label) for run in runs]
    for file in files:
        image = Path(os.path.relpath(file, root)).with_suffix("")
        for run_id, label in labels:
            stem = _as_file_name(f"{image}-{label}")
            name, number = stem, 2
            while name.lower() in taken:
                name, number = f"{stem}-{number}", number + 1
            taken.add(name.lower())
            names[file, run_id] = name
    return names


def _as_file_name(text: str) -> str:
    return re.sub(r"[^\w.+-]+", "-", printable(text)).strip("-.")[-120:] or "image"
