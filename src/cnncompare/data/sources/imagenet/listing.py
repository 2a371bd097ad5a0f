"""Lists of ImageNet's validation images with their labels, in an order independent of the layout.

Imports no torch.
"""

import os
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from cnncompare.data.sources.imagenet.labels import assign_labels
from cnncompare.data.sources.imagenet.layout import (
    Layout,
    check_wnids,
    is_image,
    is_image_member,
    no_image_error,
    open_archive,
    reporting_unreadable_files,
)
from cnncompare.data.sources.imagenet.synsets import label_by_wnid
from cnncompare.data.walk import FolderWalk, kind_of, subfolders
from cnncompare.errors import DataError


class ListedImage(NamedTuple):
    """An image file or a member of an archive, with its label."""

    label: int
    name: str  # without folders
    path: str  # relative to the layout's location
    bytes: int
    mtime_ns: int
    start: int  # byte offset in the archive


def list_images(layout: Layout) -> tuple[list[ListedImage], Counter[str]]:
    """Return the images, sorted by class and name, and the numbers of other files by suffix.

    The order does not depend on the layout. Raises DataError for a truncated archive, unreadable
    files, and an image that is in two classes.
    """
    with reporting_unreadable_files():
        if layout.kind == "archive":
            images, others = _list_archive(layout)
        elif layout.kind == "flat":
            images, others = _list_flat_folder(layout)
        else:
            images, others = _list_class_folders(layout)
    if not images:
        raise no_image_error(layout.location)
    images.sort()
    _check_unique(layout, images)
    return images, others


def _list_class_folders(layout: Layout) -> tuple[list[ListedImage], Counter[str]]:
    names = subfolders(str(layout.location))
    walk = FolderWalk(str(layout.location), names)
    images = []
    for name in names:
        label = label_by_wnid()[name] if layout.kind == "wnid" else int(name)
        files = [layout.location / file for file in walk.images(name)]
        images += [_list_file(label, file, layout.location) for file in files]
    return images, walk.ignored


def _list_flat_folder(layout: Layout) -> tuple[list[ListedImage], Counter[str]]:
    files = sorted(entry.name for entry in layout.location.iterdir() if entry.is_file())
    names = [name for name in files if is_image(name)]
    labels = assign_labels(names, layout.labels)
    return [
        _list_file(label, layout.location / name, layout.location)
        for label, name in zip(labels, names, strict=True)
    ], Counter()  # the other files are the label files


def _list_file(label: int, file: Path, root: Path) -> ListedImage:
    state = os.stat(file)
    path = file.relative_to(root).as_posix()
    return ListedImage(label, file.name, path, state.st_size, state.st_mtime_ns, 0)


def _list_archive(layout: Layout) -> tuple[list[ListedImage], Counter[str]]:
    """List the images in an archive without unpacking it."""
    mtime_ns = layout.location.stat().st_mtime_ns
    with open_archive(layout.location) as tar:
        files = [member for member in tar if not member.isdir()]
        _check_end(layout.location, tar.offset)
    members = [member for member in files if is_image_member(member)]
    others = [member.name for member in files if not is_image_member(member)]
    paths = [PurePosixPath(member.name) for member in members]
    labels = _archive_labels(layout, paths)
    return [
        ListedImage(label, path.name, str(path), member.size, mtime_ns, member.offset_data)
        for label, path, member in zip(labels, paths, members, strict=True)
    ], Counter(kind_of(PurePosixPath(name).name) for name in others)


def _archive_labels(layout: Layout, paths: list[PurePosixPath]) -> list[int]:
    if layout.labels:
        return assign_labels([path.name for path in paths], layout.labels)
    check_wnids(layout.location, sorted({path.parent.name for path in paths}))
    return [label_by_wnid()[path.parent.name] for path in paths]


def _check_end(path: Path, end: int) -> None:
    """Raise DataError if the last member is not followed by a block of zeros.

    tarfile accepts an archive that was truncated between two members or within a header.
    """
    with open(path, "rb") as archive:
        archive.seek(end)
        if archive.read(512) != bytes(512):
            raise DataError(f"{path} is truncated; copy or download it again")


def _check_unique(layout: Layout, images: list[ListedImage]) -> None:
    """Raise DataError if a numbered validation image is in two classes, one of which is wrong."""
    paths: dict[str, str] = {}
    for image in images:
        if image.name.startswith("ILSVRC2012_val_") and image.name in paths:
            raise DataError(
                f"{image.name} is in {layout.location} twice: {paths[image.name]} and "
                f"{image.path}; remove the one in the wrong class"
            )
        paths[image.name] = image.path
