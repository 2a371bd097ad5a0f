"""Detection of the layout in which ImageNet's validation images are stored.

Imports no torch. docs/imagenet.md lists the layouts.
"""

import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from cnncompare.config.data import IMAGE_SUFFIXES
from cnncompare.data.sources.imagenet.labels import (
    LABEL_FILE_NAMES,
    LabelFile,
    find_unsorted_list,
    read_label_files,
)
from cnncompare.data.sources.imagenet.synsets import WNID, find_wnids, label_by_wnid
from cnncompare.data.walk import is_hidden
from cnncompare.errors import DataError

ARCHIVE = "ILSVRC2012_img_val.tar"


class Layout(NamedTuple):
    """The layout of the images at `location`: class folders, one flat folder, or an archive.

    Class folders are named by wnid or by number. `labels` are the label files of a flat folder or
    archive.
    """

    kind: Literal["wnid", "number", "flat", "archive"]
    location: Path
    labels: list[LabelFile]
    unsorted_list: Path | None


def detect_layout(root: str) -> Layout:
    """Return the layout of `data.root`: the folder of the images, its parent, or an archive.

    Reads folder names and label files, but no images. Raises DataError if there are no images, only
    training images, images without classes, or folders whose names are not wnids.
    """
    path = Path(os.path.abspath(os.path.expanduser(root)))
    with reporting_unreadable_files():
        if path.is_file():
            return _archive_layout(path, path)
        if not path.is_dir():
            raise DataError(
                f"data.root={path} does not exist; set the folder of the validation images"
            )
        for folder in (path / "val", path):
            layout = _folder_layout(folder, path) if folder.is_dir() else None
            if layout is not None:
                return layout
        if (path / ARCHIVE).exists():
            return _archive_layout(path / ARCHIVE, path)
        raise _no_images_error(path)


def is_image(name: str) -> bool:
    """Return whether a file name is that of an image and not of a hidden file."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def is_image_member(member: tarfile.TarInfo) -> bool:
    """Return whether a member of an archive is an image that is stored contiguously."""
    return member.isreg() and not member.issparse() and is_image(PurePosixPath(member.name).name)


@contextmanager
def open_archive(path: Path) -> Iterator[tarfile.TarFile]:
    """Open an uncompressed tar archive. Raises DataError if it is another or a corrupt file."""
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except tarfile.TarError as error:
        raise DataError(
            f"{path} cannot be read as an uncompressed tar archive ({error}); decompress it, or "
            f"copy or download it again"
        ) from None


@contextmanager
def reporting_unreadable_files() -> Iterator[None]:
    """Convert an OSError into a DataError that contains the file name."""
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror or error})") from None


def check_wnids(location: Path, folders: list[str]) -> None:
    """Raise DataError if a class folder is not named by a wnid of ImageNet-1k."""
    unknown = [name for name in folders if name not in label_by_wnid()]
    if unknown:
        raise DataError(
            f"{location} has {len(folders):,} class folders, {len(unknown):,} of which are not "
            f"classes of ImageNet-1k: {', '.join(unknown[:3])}{_more(unknown)}; remove them"
        )


def _folder_layout(folder: Path, root: Path) -> Layout | None:
    """Return the layout of a folder, None if it contains no ImageNet images."""
    entries = sorted(entry.name for entry in folder.iterdir() if not is_hidden(entry.name))
    subfolders = [name for name in entries if (folder / name).is_dir()]
    searched = [folder, folder.parent, root]
    if any(WNID.fullmatch(name) for name in subfolders):
        check_wnids(folder, subfolders)
        return Layout("wnid", folder, [], find_unsorted_list(searched))
    if len(subfolders) > 1 and all(name.isdecimal() for name in subfolders):
        _check_numbers(folder, subfolders, searched)
        return Layout("number", folder, [], None)
    if any(is_image(name) for name in entries):
        labels = _label_files(folder, searched)
        return Layout("flat", folder, labels, find_unsorted_list(searched))
    if folder != root or not {"train", "val", "test"} & set(subfolders):
        _reject_class_names(folder, subfolders)
    return None


def _archive_layout(path: Path, root: Path) -> Layout:
    """Return the layout of an archive, determined from its first image."""
    with open_archive(path) as tar:
        first = next((member for member in tar if is_image_member(member)), None)
    if first is None:
        raise no_image_error(path)
    if WNID.fullmatch(PurePosixPath(first.name).parent.name):
        return Layout("archive", path, [], None)
    searched = [path.parent] if root == path else [path.parent, root]
    return Layout("archive", path, _label_files(path, searched), None)


def _check_numbers(folder: Path, subfolders: list[str], searched: list[Path]) -> None:
    high = max(int(name) for name in subfolders)
    if high > 999:
        raise DataError(
            f"{folder} has class folders up to {high}; their names must be indices into the sorted "
            f"wnids, 0 to 999, as in ImageNet-V2"
        )
    _reject_unsorted(folder, find_unsorted_list(searched))


def _reject_unsorted(location: Path, unsorted: Path | None) -> None:
    if unsorted is not None:
        raise DataError(
            f"{location} has classes by number, and {unsorted} lists them in another than the "
            f"sorted order of the networks' outputs; name classes by wnid, or remove the list"
        )


def _label_files(location: Path, searched: list[Path]) -> list[LabelFile]:
    files = read_label_files(searched)
    if not files:
        raise DataError(
            f"{location} contains images without class folders, and no file lists their classes; "
            f"put {LABEL_FILE_NAMES} beside them, or the images into folders by wnid"
        )
    if any(file.by_index for file in files):
        _reject_unsorted(location, find_unsorted_list(searched))
    return files


def _reject_class_names(folder: Path, subfolders: list[str]) -> None:
    """Raise DataError for folders with class names, which are ambiguous, as is their order."""
    known = [name for name in subfolders if find_wnids(name)]
    if known:
        count = f"{len(subfolders):,} class folders" if len(subfolders) > 1 else "a class folder"
        raise DataError(
            f"{folder} has {count} by name, not by wnid: {known[0]!r} would be "
            f"{' or '.join(find_wnids(known[0]))}; rename them to their wnids"
        )


def no_image_error(location: Path) -> DataError:
    """Return the error for a folder or an archive without images."""
    suffixes = " ".join(IMAGE_SUFFIXES)
    return DataError(f"{location} contains no image (file names must end in {suffixes})")


def _no_images_error(root: Path) -> DataError:
    names = sorted(entry.name for entry in root.iterdir())
    if not names:
        return DataError(f"data.root={root} is empty; set the folder of the validation images")
    if "train" in names:
        return DataError(
            f"data.root={root} has train/ but no val/; networks are tested on validation images, "
            f"not on the images they were trained on"
        )
    if "val" in names:
        return DataError(f"data.root={root} has a folder val/ without ImageNet images")
    return DataError(
        f"data.root={root} contains no validation images of ImageNet (it has: "
        f"{', '.join(names[:5])}{_more(names, 5)}); it needs val/WNID/IMAGE.JPEG, {ARCHIVE}, or "
        f"images with a label file"
    )


def _more(names: list[str], n_listed: int = 3) -> str:
    return f" and {len(names) - n_listed:,} more" if len(names) > n_listed else ""
