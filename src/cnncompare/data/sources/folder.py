"""A folder of the user's own images: train/CLASS/, [val/CLASS/], test/CLASS/."""

import logging
import os
from pathlib import Path

import torch

from cnncompare.config.data import IMAGE_SUFFIXES, DataConfig
from cnncompare.data.decode import Form, size_of
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, Split
from cnncompare.errors import DataError

log = logging.getLogger(__name__)


def folder(config: DataConfig) -> Source:
    """Return the images below `data.root`, not decoded yet; labels follow the sorted class names.

    Raises DataError when a part or a class is missing or empty, in one part or another, or when
    a file or folder cannot be reached.
    """
    root = Path(os.path.abspath(os.path.expanduser(config.root or "")))
    try:
        parts = {name: _classes(root, name) for name in _parts(root)}
        classes = sorted(parts["train"])
        _check_classes(root, classes, parts)
        files = {name: [folders[kind] for kind in classes] for name, folders in parts.items()}
        return _source(_image_files(root, files, config), files, classes)
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror})") from None


def _source(images: ImageFiles, files: dict[str, list[list[str]]], classes: list[str]) -> Source:
    """Cut the images, which lie part after part and class after class, into parts."""
    keys = [
        f"{file}\0{size}\n".encode() for file, size in zip(images.files, images.bytes, strict=True)
    ]
    parts, start = {}, 0
    for name, folders in files.items():
        counts = torch.tensor([len(folder) for folder in folders])
        labels = torch.repeat_interleave(torch.arange(len(classes)), counts)
        parts[name] = Split(images, labels, torch.arange(start, start + len(labels)), keys)
        start += len(labels)
    return Source(classes, images.form[:3], parts["train"], parts["test"], parts.get("val"))


def _parts(root: Path) -> list[str]:
    if not root.is_dir():
        raise DataError(f"data.root={root} is not a folder; it should hold train/ and test/")
    found = sorted(entry.name for entry in root.iterdir() if entry.is_dir())
    for name in ("train", "test"):
        if name not in found:
            raise DataError(
                f"data.root={root} has no folder {name}/ (it has: "
                f"{', '.join(found[:8]) or 'none'}); needed are train/CLASS/ and test/CLASS/, "
                f"and val/CLASS/ if there is one"
            )
    return [name for name in ("train", "val", "test") if name in found]


def _classes(root: Path, part: str) -> dict[str, list[str]]:
    """Return the image files of each class folder of a part, sorted, relative to the root."""
    folders = {
        entry.name: _image_names(root, entry)
        for entry in sorted((root / part).iterdir())
        if entry.is_dir() and not entry.name.startswith(".")
    }
    for name, files in folders.items():
        if not files:
            raise DataError(
                f"class folder {root / part / name} holds no image; fill it or take it out of "
                f"every part (images end in {' '.join(IMAGE_SUFFIXES)})"
            )
    return folders


def _image_names(root: Path, folder: Path) -> list[str]:
    names, others = [], 0
    for where, _, files in os.walk(folder, followlinks=True):
        images = [name for name in files if name.lower().endswith(IMAGE_SUFFIXES)]
        below = Path(where).relative_to(root).as_posix()  # a Path for each file costs a second
        names += [f"{below}/{name}" for name in images]
        others += len(files) - len(images)
    if others:
        log.warning("%s: %d files that are no images are ignored", folder, others)
    return sorted(names)


def _check_classes(root: Path, classes: list[str], parts: dict[str, dict[str, list[str]]]) -> None:
    if len(classes) < 2:
        raise DataError(
            f"{root / 'train'} has {len(classes)} class folders; at least 2 are needed: "
            f"train/CLASS/IMAGE"
        )
    for name, folders in parts.items():
        for kind in classes:
            if kind not in folders:
                raise DataError(
                    f"class {kind!r} is in train/ but not in {name}/ of {root}; "
                    f"every part needs every class"
                )
        for kind in folders:
            if kind not in classes:
                raise DataError(
                    f"class {kind!r} is in {name}/ but not in train/ of {root}; "
                    f"a class that is not trained cannot be recognised"
                )


def _image_files(root: Path, parts: dict[str, list[list[str]]], config: DataConfig) -> ImageFiles:
    files = [file for folders in parts.values() for folder in folders for file in folder]
    states = [os.stat(f"{root}/{file}") for file in files]
    first = str(root / files[0])
    size, channels = config.image_size, config.channels or 3
    width, height = (size, size) if size is not None else size_of(first)
    return ImageFiles(
        root=root,
        files=files,
        bytes=[state.st_size for state in states],
        mtimes_ns=[state.st_mtime_ns for state in states],
        form=Form(
            channels,
            height,
            width,
            size,
            like=first,
            resize=config.resize,
            interpolation=config.interpolation or "bilinear",
        ),
    )
