"""ImageNet's validation images in the layouts that people have, recognised by what lies there.

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
    KNOWN,
    Labels,
    label_files,
    labelled,
    unsorted_list,
)
from cnncompare.data.sources.imagenet.synsets import WNID, index_of, wnids_named
from cnncompare.errors import DataError

ARCHIVE = "ILSVRC2012_img_val.tar"


class Layout(NamedTuple):
    """How the images lie in `place`: in folders by wnid or by number, flat, or in an archive.

    `labels` is what files beside the images say of their classes, where folders do not.
    """

    kind: Literal["wnid", "number", "flat", "archive"]
    place: Path
    labels: list[Labels]
    unsorted_list: Path | None


class ListedImage(NamedTuple):
    """One image: its path below the layout's place, its label, size and time, where it starts."""

    label: int
    name: str  # without its folders
    path: str
    bytes: int
    mtime_ns: int
    start: int


def detect_layout(root: str) -> Layout:
    """Return the layout of `data.root`, which is the images' folder, the one above, or an archive.

    Reads folder names and label files, no image. Raises DataError that names what is wrong:
    nothing there, the training part alone, images without classes, folders that are no wnids.
    """
    path = Path(os.path.abspath(os.path.expanduser(root)))
    with _readable():
        if path.is_file():
            return _archive(path, path)
        if not path.is_dir():
            raise DataError(f"data.root={path} does not exist; give the validation images' folder")
        for place in (path / "val", path):
            layout = _folder(place, path) if place.is_dir() else None
            if layout is not None:
                return layout
        if (path / ARCHIVE).exists():
            return _archive(path / ARCHIVE, path)
        raise _nothing(path)


def list_images(layout: Layout) -> tuple[list[ListedImage], int]:
    """Return the images by class, then by name, and how many other files were passed over.

    The order does not depend on the layout. Raises DataError for an archive that is cut, files
    that cannot be reached, and an image that lies in two classes.
    """
    with _readable():
        if layout.kind == "archive":
            images, others = _members(layout)
        elif layout.kind == "flat":
            images, others = _in_one_folder(layout)
        else:
            images, others = _in_class_folders(layout)
    if not images:
        raise DataError(f"{layout.place} holds no image (they end in {' '.join(IMAGE_SUFFIXES)})")
    images.sort()
    _check_once(layout, images)
    return images, others


def _folder(place: Path, root: Path) -> Layout | None:
    """Return the layout of a folder, None if it holds no ImageNet images."""
    entries = sorted(entry.name for entry in place.iterdir() if not entry.name.startswith("."))
    folders = [name for name in entries if (place / name).is_dir()]
    beside = [place, place.parent, root]
    if any(WNID.fullmatch(name) for name in folders):
        _check_wnids(place, folders)
        return Layout("wnid", place, [], unsorted_list(beside))
    if len(folders) > 1 and all(name.isdecimal() for name in folders):
        _check_numbers(place, folders, beside)
        return Layout("number", place, [], None)
    if any(is_image(name) for name in entries):
        return Layout("flat", place, _label_files(place, beside), unsorted_list(beside))
    if place != root or not {"train", "val", "test"} & set(folders):
        _refuse_class_names(place, folders)
    return None


def is_image(name: str) -> bool:
    """Return whether a file name is an image's, and no hidden companion of one."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def _check_wnids(place: Path, folders: list[str]) -> None:
    unknown = [name for name in folders if name not in index_of()]
    if unknown:
        raise DataError(
            f"{place} has {len(folders):,} class folders, {len(unknown):,} of them none of the "
            f"1,000 classes of ImageNet-1k: {', '.join(unknown[:3])}{_more(unknown)}; take them out"
        )


def _check_numbers(place: Path, folders: list[str], beside: list[Path]) -> None:
    high = max(int(name) for name in folders)
    if high > 999:
        raise DataError(
            f"{place} has class folders up to {high}; right are 0 to 999, the places of the "
            f"sorted wnids, as in ImageNet-V2"
        )
    _refuse_unsorted(place, unsorted_list(beside))


def _refuse_unsorted(place: Path, unsorted: Path | None) -> None:
    if unsorted is not None:
        raise DataError(
            f"{place} names its classes by number, and {unsorted} lists them in another order than "
            f"the sorted one of the networks' outputs; name them by wnid, or take the list out"
        )


def _label_files(place: Path, beside: list[Path]) -> list[Labels]:
    files = label_files(beside)
    if not files:
        raise DataError(
            f"{place} holds images without class folders, and no file says which class each has; "
            f"put {KNOWN} beside them, or the images into folders by wnid"
        )
    if any(file.by_index for file in files):
        _refuse_unsorted(place, unsorted_list(beside))
    return files


def _refuse_class_names(place: Path, folders: list[str]) -> None:
    """Refuse folders that are named by class: names are ambiguous, and so is their order."""
    known = [name for name in folders if wnids_named(name)]
    if known:
        others = f"{len(folders):,} class folders" if len(folders) > 1 else "a class folder"
        raise DataError(
            f"{place} has {others} by name, not by wnid: {known[0]!r} would be "
            f"{' or '.join(wnids_named(known[0]))}; rename them to their wnids"
        )


def _nothing(root: Path) -> DataError:
    found = sorted(entry.name for entry in root.iterdir())
    if not found:
        return DataError(f"data.root={root} is empty; give the validation images' folder")
    if "train" in found:
        return DataError(
            f"data.root={root} has train/ but no val/: networks are tested on the validation "
            f"images, not on what they were trained on"
        )
    if "val" in found:
        return DataError(f"data.root={root} has a val without images of ImageNet")
    return DataError(
        f"data.root={root} holds no validation images of ImageNet (it has: "
        f"{', '.join(found[:5])}{_more(found, 5)}); right are val/WNID/IMAGE.JPEG, {ARCHIVE}, or "
        f"images with a file of their classes"
    )


def _in_class_folders(layout: Layout) -> tuple[list[ListedImage], int]:
    images, others = [], 0
    for folder in sorted(layout.place.iterdir()):
        if not folder.is_dir() or folder.name.startswith("."):
            continue
        label = index_of()[folder.name] if layout.kind == "wnid" else int(folder.name)
        for where, _, files in os.walk(folder, followlinks=True):
            chosen = [name for name in files if is_image(name)]
            others += len(files) - len(chosen)
            images += [_stated(label, Path(where, name), layout.place) for name in chosen]
    return images, others


def _in_one_folder(layout: Layout) -> tuple[list[ListedImage], int]:
    files = sorted(entry.name for entry in layout.place.iterdir() if entry.is_file())
    names = [name for name in files if is_image(name)]
    labels = labelled(names, layout.labels)
    return [
        _stated(label, layout.place / name, layout.place)
        for label, name in zip(labels, names, strict=True)
    ], 0  # the other files are those that say the classes


def _stated(label: int, file: Path, place: Path) -> ListedImage:
    state = os.stat(file)
    path = file.relative_to(place).as_posix()
    return ListedImage(label, file.name, path, state.st_size, state.st_mtime_ns, 0)


def _archive(path: Path, root: Path) -> Layout:
    """Return the layout of an archive, known from its first image."""
    with _opened(path) as tar:
        first = next((member for member in tar if _is_image_member(member)), None)
    if first is None:
        raise DataError(f"{path} holds no image (they end in {' '.join(IMAGE_SUFFIXES)})")
    if WNID.fullmatch(PurePosixPath(first.name).parent.name):
        return Layout("archive", path, [], None)
    beside = [path.parent] if root == path else [path.parent, root]
    return Layout("archive", path, _label_files(path, beside), None)


def _members(layout: Layout) -> tuple[list[ListedImage], int]:
    """Return the archive's images; nothing is unpacked, and names are only compared."""
    mtime_ns = layout.place.stat().st_mtime_ns
    with _opened(layout.place) as tar:
        everything = [member for member in tar if not member.isdir()]
        _check_end(layout.place, tar.offset)
    members = [member for member in everything if _is_image_member(member)]
    paths = [PurePosixPath(member.name) for member in members]
    if layout.labels:
        labels = labelled([path.name for path in paths], layout.labels)
    else:
        _check_wnids(layout.place, sorted({path.parent.name for path in paths}))
        labels = [index_of()[path.parent.name] for path in paths]
    return [
        ListedImage(label, path.name, str(path), member.size, mtime_ns, member.offset_data)
        for label, path, member in zip(labels, paths, members, strict=True)
    ], len(everything) - len(members)


def _check_end(path: Path, end: int) -> None:
    """Refuse an archive without the block of zeros that follows the last member.

    tarfile takes one that was cut between two members, or in a header, for a whole one.
    """
    with open(path, "rb") as archive:
        archive.seek(end)
        if archive.read(512) != bytes(512):
            raise DataError(f"{path} ends early; copy or download it again")


def _is_image_member(member: tarfile.TarInfo) -> bool:
    return member.isreg() and not member.issparse() and is_image(PurePosixPath(member.name).name)


@contextmanager
def _opened(path: Path) -> Iterator[tarfile.TarFile]:
    try:
        with tarfile.open(path, "r:") as tar:
            yield tar
    except tarfile.TarError as error:
        raise DataError(
            f"{path} cannot be read as an uncompressed tar archive ({error}); decompress it, or "
            f"copy or download it again"
        ) from None


def _check_once(layout: Layout, images: list[ListedImage]) -> None:
    """Refuse a numbered validation image that lies in two classes: one of them is wrong."""
    seen: dict[str, str] = {}
    for image in images:
        if image.name.startswith("ILSVRC2012_val_") and image.name in seen:
            raise DataError(
                f"{image.name} is in {layout.place} twice: {seen[image.name]} and {image.path}; "
                f"take the one in the wrong class out"
            )
        seen[image.name] = image.path


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror or error})") from None


def _more(names: list[str], shown: int = 3) -> str:
    return f" and {len(names) - shown:,} more" if len(names) > shown else ""
