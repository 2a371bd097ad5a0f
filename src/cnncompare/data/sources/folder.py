"""Image folders: train/CLASS/, test/CLASS/ and, optionally, val/CLASS/."""

import logging
import os
from pathlib import Path

import torch

from cnncompare.config.data import IMAGE_SUFFIXES, DataConfig
from cnncompare.data.decode import DecodeOptions, read_size
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, Split
from cnncompare.errors import DataError

log = logging.getLogger(__name__)


def load_folder(config: DataConfig) -> Source:
    """Return the images below `data.root` without decoding; labels follow the sorted class names.

    Raises DataError if a split is missing, if a class is missing or empty in any split, and if a
    file or folder cannot be read.
    """
    root = Path(os.path.abspath(os.path.expanduser(config.root or "")))
    try:
        splits = {split: _class_files(root, split) for split in _split_names(root)}
        classes = sorted(splits["train"])
        _check_classes(root, classes, splits)
        files = {split: [folders[name] for name in classes] for split, folders in splits.items()}
        return _source(_image_files(root, files, config), files, classes)
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror})") from None


def _source(images: ImageFiles, files: dict[str, list[list[str]]], classes: list[str]) -> Source:
    """Divide the images, which are ordered by split and class, into splits."""
    keys = [
        f"{file}\0{size}\n".encode() for file, size in zip(images.files, images.bytes, strict=True)
    ]
    splits, start = {}, 0
    for name, folders in files.items():
        counts = torch.tensor([len(folder) for folder in folders])
        labels = torch.repeat_interleave(torch.arange(len(classes)), counts)
        splits[name] = Split(images, labels, torch.arange(start, start + len(labels)), keys)
        start += len(labels)
    return Source(classes, images.options[:3], splits["train"], splits["test"], splits.get("val"))


def _split_names(root: Path) -> list[str]:
    if not root.is_dir():
        raise DataError(f"data.root={root} is not a folder; set one that contains train/ and test/")
    names = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    for name in ("train", "test"):
        if name not in names:
            raise DataError(
                f"data.root={root} has no folder {name}/ (it has: "
                f"{', '.join(names[:8]) or 'none'}); it needs train/CLASS/ and test/CLASS/, "
                f"val/CLASS/ is optional"
            )
    return [name for name in ("train", "val", "test") if name in names]


def _class_files(root: Path, split: str) -> dict[str, list[str]]:
    """Return the image files of each class folder of a split, sorted, relative to the root."""
    folders = {
        entry.name: _image_names(root, entry)
        for entry in sorted((root / split).iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }
    for name, files in folders.items():
        if not files:
            raise DataError(
                f"class folder {root / split / name} contains no image; add images or remove the "
                f"class from every split (file names must end in {' '.join(IMAGE_SUFFIXES)})"
            )
    return folders


def _image_names(root: Path, folder: Path) -> list[str]:
    names, n_others = [], 0
    for parent, _, files in os.walk(folder, followlinks=True):
        images = [name for name in files if name.lower().endswith(IMAGE_SUFFIXES)]
        prefix = Path(parent).relative_to(root).as_posix()  # a Path per file would cost a second
        names += [f"{prefix}/{name}" for name in images]
        n_others += len(files) - len(images)
    if n_others:
        log.warning("%s: ignored %d files that are not images", folder, n_others)
    return sorted(names)


def _check_classes(root: Path, classes: list[str], splits: dict[str, dict[str, list[str]]]) -> None:
    if len(classes) < 2:
        raise DataError(
            f"{root / 'train'} has {len(classes)} class folders; at least 2 are needed: "
            f"train/CLASS/IMAGE"
        )
    for split, folders in splits.items():
        for name in classes:
            if name not in folders:
                raise DataError(
                    f"class {name!r} is in train/ but not in {split}/ of {root}; "
                    f"every split needs every class"
                )
        for name in folders:
            if name not in classes:
                raise DataError(
                    f"class {name!r} is in {split}/ but not in train/ of {root}; "
                    f"a network cannot predict a class without training images"
                )


def _image_files(root: Path, splits: dict[str, list[list[str]]], config: DataConfig) -> ImageFiles:
    files = [file for folders in splits.values() for folder in folders for file in folder]
    states = [os.stat(f"{root}/{file}") for file in files]
    first = str(root / files[0])
    size, channels = config.image_size, config.channels or 3
    width, height = (size, size) if size is not None else read_size(first)
    return ImageFiles(
        root=root,
        files=files,
        bytes=[state.st_size for state in states],
        mtimes_ns=[state.st_mtime_ns for state in states],
        options=DecodeOptions(
            channels,
            height,
            width,
            size,
            reference_file=first,
            resize=config.resize,
            interpolation=config.interpolation or "bilinear",
        ),
    )
