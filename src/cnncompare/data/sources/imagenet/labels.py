"""The classes of images that lie in one folder or archive, from the files people keep beside them.

Imports no torch.
"""

import os
import re
import tarfile
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from cnncompare.data.sources.imagenet.synsets import WNID, index_of, synsets
from cnncompare.errors import DataError

DEVKIT = "ILSVRC2012_devkit_t12"
_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
_LARGEST_LABELS = 16 * 2**20  # bytes: LOC_val_solution.csv has 3 million
_LARGEST_LIST = 2**18  # a list of the classes with all their names has 31,000
_NUMBERED = re.compile(r"ILSVRC2012_val_(\d{8})$")
KNOWN = f"{DEVKIT}.tar.gz, LOC_val_solution.csv, val.txt or a text file with one wnid a line"


class Labels(NamedTuple):
    """Labels 0 to 999 by file name without suffix, or line by line in the order of the names."""

    source: str
    by_name: dict[str, int]
    by_line: list[int]
    by_index: bool = False  # the file has places among the sorted wnids

    def of(self, names: Sequence[str]) -> list[int]:
        """Return the label of each base name. Raises DataError if one has none."""
        stems = [PurePosixPath(name).stem for name in names]
        if self.by_name:
            missing = [stem for stem in stems if stem not in self.by_name]
            if missing:
                raise DataError(
                    f"{self.source} has no class for {len(missing)} of {len(stems)} images, the "
                    f"first {missing[0]}; it must be the file that belongs to these images"
                )
            return [self.by_name[stem] for stem in stems]
        return self._by_number(stems)

    def _by_number(self, stems: list[str]) -> list[int]:
        numbers = [_NUMBERED.match(stem) for stem in stems]
        if all(numbers):  # the names say which line is theirs, so images may be missing
            lines = [int(number[1]) - 1 for number in numbers if number]
            if min(lines) >= 0 and max(lines) < len(self.by_line):
                return [self.by_line[line] for line in lines]
        elif len(stems) == len(self.by_line):
            order = sorted(range(len(stems)), key=stems.__getitem__)
            label = dict(zip(order, self.by_line, strict=True))
            return [label[place] for place in range(len(stems))]
        raise DataError(
            f"{self.source} has {len(self.by_line)} lines, which do not fit the {len(stems)} "
            f"images ({min(stems)} to {max(stems)}); it must have one for each, in the order of "
            f"their names"
        )


def label_files(folders: Iterable[Path]) -> list[Labels]:
    """Return what the files in the folders, and the development kit there, say of classes.

    Empty if there are none. Raises DataError where all there are have numbers that are not those
    of the sorted synsets, or need the development kit.
    """
    places = list(dict.fromkeys(place for folder in folders for place in _around(folder)))
    found, problems = [], []
    for file in _text_files(places, _LARGEST_LABELS):
        try:
            labels = _parsed(file, places)
        except DataError as error:
            problems.append(error)
            continue
        found += [labels] if labels is not None else []
    kits = [place / f"{DEVKIT}.tar.gz" for place in places]
    found += [_of_devkit(kit) for kit in kits if kit.exists() and not found]
    if problems and not found:
        raise problems[0]
    return found


def labelled(names: Sequence[str], files: Sequence[Labels]) -> list[int]:
    """Return the label of each base name by the files that fit; there is at least one file.

    Raises DataError where none fits, or where two that fit say different things.
    """
    fitting: list[tuple[str, list[int]]] = []
    problems = []
    for file in files:
        try:
            fitting.append((file.source, file.of(names)))
        except DataError as error:  # a train.txt beside val.txt, for example
            problems.append(error)
    if not fitting:
        raise problems[0]
    source, labels = fitting[0]
    for other, others in fitting[1:]:
        if others != labels:
            raise DataError(
                f"{source} and {other} give the images different classes; take the wrong one out"
            )
    return labels


def unsorted_list(folders: Iterable[Path]) -> Path | None:
    """Return a list of the 1,000 wnids beside the images that is not in sorted order."""
    for file in _text_files(list(dict.fromkeys(folders)), _LARGEST_LIST):
        wnids = [line.split()[0] for line in _lines(file)]
        if len(wnids) == 1000 and set(wnids) == set(synsets()) and wnids != sorted(wnids):
            return file
    return None


def _around(folder: Path) -> list[Path]:
    return [folder, folder / DEVKIT / "data"]


def _text_files(folders: list[Path], largest: int) -> list[Path]:
    files = []
    for folder in folders:
        if folder.is_dir() and os.access(folder, os.R_OK | os.X_OK):
            files += sorted(
                entry
                for entry in folder.iterdir()
                if entry.suffix.lower() in (".txt", ".csv") and not entry.name.startswith(".")
            )
    return [file for file in files if file.is_file() and file.stat().st_size <= largest]


def _lines(file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8-sig", errors="replace")
    return [line for line in text.splitlines() if line.strip()]


def _parsed(file: Path, places: list[Path]) -> Labels | None:
    """Return the labels of a text file, None if it is none."""
    lines = _lines(file)
    if lines and lines[0].replace(" ", "").lower() == "imageid,predictionstring":
        words = [line.replace(",", " ").split()[:2] for line in lines[1:]]
        return _of_pairs(file, words)
    words = [line.split() for line in lines]
    widths = {len(line) for line in words}
    firsts = [line[0] for line in words]
    if widths == {1} and all(WNID.fullmatch(first) for first in firsts):
        if len(firsts) == 1000 and set(firsts) == set(synsets()):
            return None  # the list of the classes, not of the images
        return Labels(str(file), {}, [_label(file, first) for first in firsts])
    if widths == {1} and all(first.isdecimal() for first in firsts):
        return _of_numbers(file, [int(first) for first in firsts], places)
    if widths == {2} and all(PurePosixPath(first).suffix for first in firsts):
        return _of_pairs(file, words)
    return None


def _of_pairs(file: Path, words: list[list[str]]) -> Labels | None:
    stems = [PurePosixPath(first).stem for first, _ in words]
    classes = [second for _, second in words]
    if all(WNID.fullmatch(wnid) for wnid in classes):
        labels = [_label(file, wnid) for wnid in classes]
        return Labels(str(file), dict(zip(stems, labels, strict=True)), [])
    if all(number.isdecimal() for number in classes):
        labels = [int(number) for number in classes]
        _check_indices(file, labels)
        return Labels(str(file), dict(zip(stems, labels, strict=True)), [], by_index=True)
    return None


def _label(file: Path, wnid: str) -> int:
    if wnid not in index_of():
        raise DataError(f"{file} names {wnid}, which is none of the 1,000 classes of ImageNet-1k")
    return index_of()[wnid]


def _check_indices(file: Path, numbers: list[int]) -> None:
    low, high = min(numbers), max(numbers)
    if high > 999:
        raise DataError(
            f"{file} has class numbers from {low} to {high}; right are 0 to 999, the places of "
            f"the sorted wnids, not ILSVRC2012_IDs or numbers that count from 1; give wnids, or "
            f"{DEVKIT}.tar.gz beside the images"
        )


def _of_numbers(file: Path, numbers: list[int], places: list[Path]) -> Labels:
    """Take ILSVRC2012_IDs by the development kit's table, other numbers as they are."""
    if file.name != _TRUTH:
        _check_indices(file, numbers)
        return Labels(str(file), {}, numbers, by_index=True)
    for place in places:
        if (place / "meta.mat").exists():
            return _of_ids(str(file), numbers, (place / "meta.mat").read_bytes())
    for place in places:
        if (place / f"{DEVKIT}.tar.gz").exists():
            _, meta = _devkit_files(place / f"{DEVKIT}.tar.gz")
            return _of_ids(str(file), numbers, meta)
    raise DataError(
        f"{file} has ILSVRC2012_IDs, which are not in the order of the networks' outputs: "
        f"{DEVKIT}.tar.gz or its data/meta.mat must lie beside it"
    )


def _of_devkit(archive: Path) -> Labels:
    truth, meta = _devkit_files(archive)
    return _of_ids(str(archive), [int(word) for word in truth.split()], meta)


def _devkit_files(archive: Path) -> tuple[bytes, bytes]:
    """Return the ground truth and the table of the development kit, read from its archive."""
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                content = tar.extractfile(member) if member.isreg() else None
                if name in (_TRUTH, "meta.mat") and content is not None:
                    found[name] = content.read()
        return found[_TRUTH], found["meta.mat"]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{archive} cannot be read ({error}); download it again") from None
    except KeyError as error:
        raise DataError(
            f"{archive} holds no {error.args[0]}; it is not ImageNet's development kit"
        ) from None


def _of_ids(source: str, ids: list[int], meta: bytes) -> Labels:
    wnids = _wnids_by_id(source, meta)
    try:
        return Labels(source, {}, [index_of()[wnids[number]] for number in ids])
    except KeyError as error:
        raise DataError(
            f"{source}: {error.args[0]} is none of the 1,000 classes of its meta.mat"
        ) from None


def _wnids_by_id(source: str, meta: bytes) -> dict[int, str]:
    """Return the wnid of each ILSVRC2012_ID that stands for a class and not for a group of them."""
    from scipy.io import loadmat  # half a second, for this form alone

    try:
        content: Any = BytesIO(meta)
        rows: Any = loadmat(content, squeeze_me=True)["synsets"]
        return {int(row[0]): str(row[1]) for row in rows if int(row[4]) == 0}
    except Exception as error:  # scipy raises whatever the bytes lead it to
        raise DataError(f"the meta.mat of {source} cannot be read ({error})") from None
