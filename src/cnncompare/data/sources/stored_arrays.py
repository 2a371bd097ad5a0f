"""Read and check NumPy files with images and labels, without torch and without unpickling."""

import logging
import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnncompare.data.sources.class_folders import split_of
from cnncompare.errors import DataError

log = logging.getLogger(__name__)

ROLES = {
    "images": ("images", "image", "x"),
    "labels": ("labels", "label", "y", "targets", "target"),
    "classes": ("classes", "class_names", "label_names"),
}
"""Names of arrays within an .npz file, in any letter case, alone or with that of a split."""

_UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error, MemoryError)
_HEADER_READERS: dict[tuple[int, int], Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class StoredArray(NamedTuple):
    """An array in an .npy file or, if `member` is set, in an .npz file."""

    file: Path
    member: str | None = None

    def __str__(self) -> str:
        return str(self.file) if self.member is None else f"the array {self.member} in {self.file}"

    def header(self) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Return shape and dtype without reading the values. Raises DataError."""
        try:
            if self.member is None:
                with open(self.file, "rb") as content:
                    return _read_header(content)
            with zipfile.ZipFile(self.file) as archive, archive.open(f"{self.member}.npy") as part:
                return _read_header(part)
        except _UNREADABLE as error:
            raise self._unreadable(error) from None

    def load(self) -> NDArray[Any]:
        """Return the array. Raises DataError if it cannot be read."""
        try:
            loaded = np.load(self.file, allow_pickle=False)
            if self.member is None:
                return np.asarray(loaded)
            with loaded:
                return np.asarray(loaded[self.member])
        except _UNREADABLE as error:
            raise self._unreadable(error) from None

    def _unreadable(self, error: BaseException) -> DataError:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        return DataError(f"{self} cannot be read as a NumPy array ({reason or 'out of memory'})")


class LabelledArrays(NamedTuple):
    """The images and labels of one split, as stored."""

    images: StoredArray
    labels: StoredArray


class ArraySet(NamedTuple):
    """The arrays of each split, train, val or test, and of the class names if there is one."""

    splits: dict[str, LabelledArrays]
    classes: StoredArray | None


def find_arrays(root: str, labels: str | None) -> ArraySet:
    """Return the arrays of an .npz file, or of an .npy file with images and one with labels.

    Their shapes and types are checked from the headers. Raises DataError.
    """
    file = _file("data.root", root)
    if file.suffix.lower() == ".npz":
        if labels is not None:
            raise DataError(f"data.labels={labels}: {file} contains the labels; omit data.labels")
        found = _arrays_of_npz(file)
    elif file.suffix.lower() == ".npy":
        if labels is None:
            raise DataError(f"data.root={root} contains images; add data.labels=LABELS.npy")
        pair = LabelledArrays(StoredArray(file), StoredArray(_file("data.labels", labels)))
        found = ArraySet({"train": pair}, None)
    else:
        raise DataError(f"data.root={root} is no NumPy file; its name must end in .npz or .npy")
    for arrays in found.splits.values():
        _check_headers(arrays)
    _check_equal_headers(found.splits)
    return found


def channels_last(shape: tuple[int, ...]) -> bool | None:
    """Return whether images of this shape are [N, H, W, C]; None if they are [N, H, W]."""
    if len(shape) == 3:
        return None
    return shape[3] in (1, 3)


def _file(key: str, path: str) -> Path:
    file = Path(os.path.abspath(os.path.expanduser(path)))
    if not file.is_file():
        raise DataError(f"{key}={path}: there is no file {file}; give an .npz or .npy file")
    return file


def _arrays_of_npz(file: Path) -> ArraySet:
    try:
        with zipfile.ZipFile(file) as archive:
            members = [name.removesuffix(".npy") for name in archive.namelist()]
    except _UNREADABLE as error:
        raise DataError(f"{file} is no .npz file ({error}); write it with numpy.savez") from None
    found: dict[tuple[str, str], str] = {}
    for member in members:
        key = _role_and_split(member)
        if key is None:
            log.warning("%s: the array %s is not used", file, member)
        elif key in found:
            raise DataError(f"{file}: {found[key]} and {member} have the same meaning; keep one")
        else:
            found[key] = member
    return _paired(file, found, members)


def _role_and_split(member: str) -> tuple[str, str] | None:
    """Return role and split of an array such as x_train or val_images; the split may be ""."""
    name = member.lower()
    for role, names in ROLES.items():
        if name in names:
            return role, ""
    first, _, second = name.partition("_")
    for role_name, split_name in ((first, second), (second, first)):
        for role in ("images", "labels"):
            if role_name in ROLES[role] and (split := split_of(split_name)):
                return role, split
    return None


def _paired(file: Path, found: Mapping[tuple[str, str], str], members: list[str]) -> ArraySet:
    splits = {}
    for split in ("", "train", "val", "test"):
        pair = [found.get((role, split)) for role in ("images", "labels")]
        if pair.count(None) == 1:
            present = next(name for name in pair if name)
            missing = "labels" if pair[1] is None else "images"
            raise DataError(f"{file}: {present} has no array of {missing} beside it")
        if all(pair):
            splits[split] = LabelledArrays(*(StoredArray(file, name) for name in pair))
    if "" in splits and len(splits) > 1:
        raise DataError(f"{file} has arrays with and without a split ({', '.join(members)[:200]})")
    if "" in splits:
        splits = {"train": splits[""]}
    if "train" not in splits:
        raise DataError(
            f"{file} has no training images (its arrays: {', '.join(members)[:200] or 'none'}); "
            f"name the arrays images and labels, or x_train, y_train, x_test and y_test"
        )
    names = found.get(("classes", ""))
    return ArraySet(splits, None if names is None else StoredArray(file, names))


def _check_headers(arrays: LabelledArrays) -> None:
    shape, dtype = arrays.images.header()
    if dtype.kind not in "uf" or (dtype.kind == "u" and dtype.itemsize > 2):
        raise DataError(
            f"{arrays.images} has the type {_type_name(dtype)}; images are uint8, uint16 or float"
        )
    last = channels_last(shape) if len(shape) in (3, 4) else None
    n_channels = 1 if last is None else shape[3 if last else 1]
    if len(shape) not in (3, 4) or n_channels not in (1, 3) or 0 in shape:
        raise DataError(
            f"{arrays.images} has the shape {shape}; images are [N, H, W], [N, H, W, C] or "
            f"[N, C, H, W] with 1 or 3 channels"
        )
    _check_label_header(arrays, shape[0])


def _check_label_header(arrays: LabelledArrays, n_images: int) -> None:
    shape, dtype = arrays.labels.header()
    if dtype.kind not in "iuUS":
        raise DataError(
            f"{arrays.labels} has the type {_type_name(dtype)}; labels are integers or strings"
        )
    if len(shape) not in (1, 2) or (len(shape) == 2 and shape[1] != 1):
        advice = "; of one-hot rows, save argmax(axis=1)" if len(shape) == 2 else ""
        raise DataError(f"{arrays.labels} has the shape {shape}; labels are [N]{advice}")
    if shape[0] != n_images:
        raise DataError(
            f"{arrays.images} has {n_images} images, but {arrays.labels} has {shape[0]} labels"
        )


def _check_equal_headers(splits: Mapping[str, LabelledArrays]) -> None:
    """Raise DataError unless the splits agree in the images' size and type, and the labels'."""
    for role, one, other in (
        (role, getattr(splits["train"], role), getattr(arrays, role))
        for arrays in splits.values()
        for role in ("images", "labels")
    ):
        (shape, dtype), (other_shape, other_dtype) = one.header(), other.header()
        same_type = dtype == other_dtype if role == "images" else _is_text(dtype, other_dtype)
        if not same_type or (role == "images" and shape[1:] != other_shape[1:]):
            raise DataError(
                f"{one} has the type {dtype} and the shape {shape}, {other} {other_dtype} and "
                f"{other_shape}; all splits need the same"
            )


def _is_text(dtype: np.dtype[Any], other: np.dtype[Any]) -> bool:
    """Return whether both types or none of them are strings."""
    return (dtype.kind in "US") == (other.kind in "US")


def _type_name(dtype: np.dtype[Any]) -> str:
    return "object (Python objects, which are never loaded)" if dtype.kind == "O" else str(dtype)


def _read_header(content: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    version = np.lib.format.read_magic(content)
    reader = _HEADER_READERS.get(version)
    if reader is None:
        raise ValueError(f"format version {'.'.join(map(str, version))}")
    shape, _, dtype = reader(content)
    return tuple(shape), dtype
