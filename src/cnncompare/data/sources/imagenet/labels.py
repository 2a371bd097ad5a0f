"""Labels of images without class folders, read from text files or the development kit.

Imports no torch.
"""

import os
import re
import tarfile
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from cnncompare.data.sources.imagenet.synsets import WNID, label_by_wnid, synsets
from cnncompare.errors import DataError

DEVKIT = "ILSVRC2012_devkit_t12"
_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
_LARGEST_LABELS = 16 * 2**20  # bytes; LOC_val_solution.csv has 3 million
_LARGEST_LIST = 2**18  # bytes; a list of the classes with all their names has 31,000
_NUMBERED = re.compile(r"ILSVRC2012_val_(\d{8})$")
LABEL_FILE_NAMES = (
    f"{DEVKIT}.tar.gz, LOC_val_solution.csv, val.txt or a text file with one wnid per line"
)


class LabelFile(NamedTuple):
    """Labels 0 to 999 from one file, by image name without suffix or by line number."""

    source: str
    by_name: dict[str, int]
    by_line: list[int]
    by_index: bool = False  # the file contains indices into the sorted wnids

    def labels_of(self, names: Sequence[str]) -> list[int]:
        """Return the label of each base name. Raises DataError for a name without a label."""
        stems = [PurePosixPath(name).stem for name in names]
        if self.by_name:
            missing = [stem for stem in stems if stem not in self.by_name]
            if missing:
                raise DataError(
                    f"{self.source} has no class for {len(missing)} of {len(stems)} images, the "
                    f"first is {missing[0]}; provide the file that belongs to these images"
                )
            return [self.by_name[stem] for stem in stems]
        return self._labels_by_line(stems)

    def _labels_by_line(self, stems: list[str]) -> list[int]:
        numbers = [_NUMBERED.match(stem) for stem in stems]
        if all(numbers):  # numbered names determine their lines, so images may be missing
            lines = [int(number[1]) - 1 for number in numbers if number]
            if min(lines) >= 0 and max(lines) < len(self.by_line):
                return [self.by_line[line] for line in lines]
        elif len(stems) == len(self.by_line):
            order = sorted(range(len(stems)), key=stems.__getitem__)
            label_by_position = dict(zip(order, self.by_line, strict=True))
            return [label_by_position[position] for position in range(len(stems))]
        raise DataError(
            f"{self.source} has {len(self.by_line)} lines, which do not fit the {len(stems)} "
            f"images ({min(stems)} to {max(stems)}); it needs one line per image, in the order of "
            f"their names"
        )


def read_label_files(folders: Iterable[Path]) -> list[LabelFile]:
    """Return the label files in the folders; the development kit is used if there are no others.

    Return an empty list if there are none. Raises DataError if all files contain numbers that are
    not indices into the sorted synsets, or need a development kit that is missing.
    """
    searched = list(dict.fromkeys(path for folder in folders for path in _with_devkit(folder)))
    files, problems = [], []
    for path in _text_files(searched, _LARGEST_LABELS):
        try:
            file = _parse(path, searched)
        except DataError as error:
            problems.append(error)
            continue
        files += [file] if file is not None else []
    kits = [folder / f"{DEVKIT}.tar.gz" for folder in searched]
    files += [_parse_devkit(kit) for kit in kits if kit.exists() and not files]
    if problems and not files:
        raise problems[0]
    return files


def assign_labels(names: Sequence[str], files: Sequence[LabelFile]) -> list[int]:
    """Return the label of each base name according to the files that fit; `files` is not empty.

    Raises DataError if no file fits, or if two files that fit disagree.
    """
    fitting: list[tuple[str, list[int]]] = []
    problems = []
    for file in files:
        try:
            fitting.append((file.source, file.labels_of(names)))
        except DataError as error:  # for example a train.txt beside val.txt
            problems.append(error)
    if not fitting:
        raise problems[0]
    source, labels = fitting[0]
    for other, others in fitting[1:]:
        if others != labels:
            raise DataError(f"{source} and {other} assign different classes; remove the wrong file")
    return labels


def find_unsorted_list(folders: Iterable[Path]) -> Path | None:
    """Return a file in the folders that lists the 1,000 wnids in another than the sorted order."""
    for file in _text_files(list(dict.fromkeys(folders)), _LARGEST_LIST):
        wnids = [line.split()[0] for line in _lines(file)]
        if len(wnids) == 1000 and set(wnids) == set(synsets()) and wnids != sorted(wnids):
            return file
    return None


def _with_devkit(folder: Path) -> list[Path]:
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


def _parse(file: Path, searched: list[Path]) -> LabelFile | None:
    """Return the labels in a text file, None if it is not a label file."""
    lines = _lines(file)
    if lines and lines[0].replace(" ", "").lower() == "imageid,predictionstring":
        return _parse_pairs(file, [line.replace(",", " ").split()[:2] for line in lines[1:]])
    rows = [line.split() for line in lines]
    widths = {len(row) for row in rows}
    firsts = [row[0] for row in rows]
    if widths == {1} and all(WNID.fullmatch(first) for first in firsts):
        if len(firsts) == 1000 and set(firsts) == set(synsets()):
            return None  # a list of the classes, not of the images
        return LabelFile(str(file), {}, [_label(file, first) for first in firsts])
    if widths == {1} and all(first.isdecimal() for first in firsts):
        return _parse_numbers(file, [int(first) for first in firsts], searched)
    if widths == {2} and all(PurePosixPath(first).suffix for first in firsts):
        return _parse_pairs(file, rows)
    return None


def _parse_pairs(file: Path, rows: list[list[str]]) -> LabelFile | None:
    stems = [PurePosixPath(first).stem for first, _ in rows]
    classes = [second for _, second in rows]
    if all(WNID.fullmatch(wnid) for wnid in classes):
        labels = [_label(file, wnid) for wnid in classes]
        return LabelFile(str(file), dict(zip(stems, labels, strict=True)), [])
    if all(number.isdecimal() for number in classes):
        labels = [int(number) for number in classes]
        _check_indices(file, labels)
        return LabelFile(str(file), dict(zip(stems, labels, strict=True)), [], by_index=True)
    return None


def _label(file: Path, wnid: str) -> int:
    if wnid not in label_by_wnid():
        raise DataError(f"{file} contains {wnid}, which is not a class of ImageNet-1k; correct it")
    return label_by_wnid()[wnid]


def _check_indices(file: Path, numbers: list[int]) -> None:
    low, high = min(numbers), max(numbers)
    if high > 999:
        raise DataError(
            f"{file} has class numbers from {low} to {high}; they must be indices into the sorted "
            f"wnids, 0 to 999, not ILSVRC2012_IDs and not counted from 1; use wnids, or put "
            f"{DEVKIT}.tar.gz beside the images"
        )


def _parse_numbers(file: Path, numbers: list[int], searched: list[Path]) -> LabelFile:
    """Convert ILSVRC2012_IDs by the table of the development kit; use other numbers unchanged."""
    if file.name != _TRUTH:
        _check_indices(file, numbers)
        return LabelFile(str(file), {}, numbers, by_index=True)
    for folder in searched:
        if (folder / "meta.mat").exists():
            return _convert_ids(str(file), numbers, (folder / "meta.mat").read_bytes())
    for folder in searched:
        if (folder / f"{DEVKIT}.tar.gz").exists():
            _, meta = _read_devkit(folder / f"{DEVKIT}.tar.gz")
            return _convert_ids(str(file), numbers, meta)
    raise DataError(
        f"{file} contains ILSVRC2012_IDs, which are not in the order of the networks' outputs; put "
        f"{DEVKIT}.tar.gz or its data/meta.mat beside it"
    )


def _parse_devkit(archive: Path) -> LabelFile:
    truth, meta = _read_devkit(archive)
    return _convert_ids(str(archive), [int(number) for number in truth.split()], meta)


def _read_devkit(archive: Path) -> tuple[bytes, bytes]:
    """Read the ground truth and the table of classes from the archive of the development kit."""
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                content = tar.extractfile(member) if member.isreg() else None
                if name in (_TRUTH, "meta.mat") and content is not None:
                    contents[name] = content.read()
        return contents[_TRUTH], contents["meta.mat"]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise DataError(f"{archive} cannot be read ({error}); download it again") from None
    except KeyError as error:
        raise DataError(
            f"{archive} does not contain {error.args[0]}; provide ImageNet's development kit"
        ) from None


def _convert_ids(source: str, ids: list[int], meta: bytes) -> LabelFile:
    wnids = _wnids_by_id(source, meta)
    try:
        return LabelFile(source, {}, [label_by_wnid()[wnids[number]] for number in ids])
    except KeyError as error:
        raise DataError(
            f"{source} has the class {error.args[0]}, which is not one of the 1,000 classes in its "
            f"meta.mat; download it again"
        ) from None


def _wnids_by_id(source: str, meta: bytes) -> dict[int, str]:
    """Return the wnid of each ILSVRC2012_ID of a class, without the IDs of groups of classes."""
    from scipy.io import loadmat  # takes 0.5 s and is only needed for this format

    try:
        content: Any = BytesIO(meta)
        rows: Any = loadmat(content, squeeze_me=True)["synsets"]
        return {int(row[0]): str(row[1]) for row in rows if int(row[4]) == 0}
    except Exception as error:  # scipy raises many different types
        raise DataError(f"the meta.mat of {source} cannot be read ({error})") from None
