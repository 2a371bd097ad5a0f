"""Image folders, divided into train/CLASS/, val/CLASS/ and test/CLASS/, or CLASS/ alone."""

import logging
import os
from pathlib import Path

import torch

from cnncompare.config.data import DataConfig
from cnncompare.data.decode import DecodeOptions, read_size
from cnncompare.data.files import ImageFiles
from cnncompare.data.source import Source, Split
from cnncompare.data.sources.class_folders import (
    find_class_folders,
    list_class_files,
    unreadable_error,
)
from cnncompare.data.sources.label_table import read_labelled_files
from cnncompare.data.walk import HIDDEN, describe_ignored

log = logging.getLogger(__name__)


def load_folder(config: DataConfig) -> Source:
    """Return the images below `data.root` without decoding; labels follow the sorted class names.

    With `data.labels`, labels and splits are those of the table. Without folders or a column for
    the splits, all images are in `train`, and `test` is None. Raises DataError if a split or a
    class is missing or empty, and if a file or folder cannot be read.
    """
    if config.labels is not None:
        root, classes, labelled = read_labelled_files(config.root or "", config.labels)
        return _source(_image_files(root, labelled, config), labelled, classes, {})
    found = find_class_folders(config.root or "")
    files, walk = list_class_files(found)
    try:
        images = _image_files(Path(found.root), files, config)
    except OSError as error:
        raise unreadable_error(error) from None
    if set(walk.ignored) - {HIDDEN}:
        log.warning("%s: %s", found.root, describe_ignored(walk.ignored, walk.links))
    return _source(images, files, found.classes["train"], dict(walk.ignored))


def _source(
    images: ImageFiles,
    files: dict[str, list[list[str]]],
    classes: list[str],
    ignored_files: dict[str, int],
) -> Source:
    """Divide the images, which are ordered by split and class, into splits."""
    keys = [
        f"{file}\0{size}\n".encode(errors="surrogateescape")
        for file, size in zip(images.files, images.bytes, strict=True)
    ]
    splits, start = {}, 0
    for name, folders in files.items():
        counts = torch.tensor([len(folder) for folder in folders])
        labels = torch.repeat_interleave(torch.arange(len(classes)), counts)
        splits[name] = Split(images, labels, torch.arange(start, start + len(labels)), keys)
        start += len(labels)
    return Source(
        classes=classes,
        shape=images.options[:3],
        train=splits["train"],
        test=splits.get("test"),
        val=splits.get("val"),
        ignored_files=ignored_files,
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
