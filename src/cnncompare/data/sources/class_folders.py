"""Layouts of image folders: one folder per class, with or without folders for the splits.

Imports no torch.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from cnncompare.config.data import IMAGE_SUFFIXES
from cnncompare.data.sources.class_sizes import ClassSizes
from cnncompare.data.walk import (
    UNREAD_FORMATS,
    FolderWalk,
    has_image_suffix,
    is_hidden,
    is_within,
    subfolders,
)
from cnncompare.errors import DataError, closest

SPLIT_NAMES = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "dev"),
    "test": ("test", "testing"),
}
"""Spellings of the splits' names in folders and tables, in any letter case."""


class ClassFolders(NamedTuple):
    """Class folders of an image folder.

    `splits` maps train, val and test to the folder of the split, relative to `root`; without
    folders for the splits, it maps train to ".". `classes` maps each split to its class names,
    sorted.
    """

    root: str  # absolute
    splits: dict[str, str]
    classes: dict[str, list[str]]

    @property
    def has_splits(self) -> bool:
        """Whether the folders divide the images into splits."""
        return "test" in self.splits

    def folder(self, split: str, name: str) -> str:
        """Return the folder of a class in a split, relative to the root."""
        return f"{self.splits[split]}/{name}" if self.has_splits else name

    def all_folders(self) -> list[str]:
        """Return the folders of all classes in all splits, relative to the root."""
        return [self.folder(split, name) for split in self.splits for name in self.classes[split]]


def split_of(name: str) -> str | None:
    """Return train, val or test for a usual spelling of a split's name, otherwise None."""
    return next((split for split, names in SPLIT_NAMES.items() if name.lower() in names), None)


def find_class_folders(root: str) -> ClassFolders:
    """Return the class folders of `data.root` from folder names alone, without a look at images.

    Raises DataError if a split is missing or has two folders, if another folder lies beside the
    splits, if a split lacks a class, and if two class folders are the same folder.
    """
    path = os.path.abspath(os.path.expanduser(root))
    if not os.path.isdir(path):
        raise DataError(
            f"data.root={path} is not a folder; set one that contains train/ and test/, or one "
            f"folder of images per class"
        )
    try:
        splits = _split_folders(path)
        classes = {split: subfolders(os.path.join(path, name)) for split, name in splits.items()}
    except OSError as error:
        raise unreadable_error(error) from None
    found = ClassFolders(path, splits, classes)
    _check_distinct(found)
    _check_classes(found)
    return found


def list_class_files(found: ClassFolders) -> tuple[dict[str, list[list[str]]], FolderWalk]:
    """Return the image files of each split by class, relative to the root, and the walk.

    Raises DataError for a class folder without images or that cannot be read.
    """
    walk = FolderWalk(found.root, found.all_folders())
    try:
        for folder in sorted({".", *found.splits.values()}):
            walk.ignore(folder)
        files = {
            split: [_class_files(walk, found.folder(split, name)) for name in found.classes[split]]
            for split in found.splits
        }
    except OSError as error:
        raise unreadable_error(error) from None
    return files, walk


def count_class_files(root: str) -> ClassSizes:
    """Return the number of image files of each class, without decoding them.

    Raises DataError for what a look at folders and files shows.
    """
    found = find_class_folders(root)
    files, _ = list_class_files(found)
    counts = {split: [len(images) for images in files[split]] for split in files}
    return ClassSizes(found.classes["train"], counts)


def unreadable_error(error: OSError) -> DataError:
    """Return the error for a file or folder that the system does not let us read."""
    name = os.fsdecode(error.filename or "").encode("utf-8", "backslashreplace").decode()
    return DataError(f"{name} cannot be read ({error.strerror})")


def _class_files(walk: FolderWalk, folder: str) -> list[str]:
    before = walk.ignored.copy()
    files = walk.images(folder)
    if not files:
        raise _no_image_error(f"{walk.root}/{folder}", walk.ignored - before)
    return files


def _split_folders(root: str) -> dict[str, str]:
    names = subfolders(root)
    spelled = {name: split for name in names if (split := split_of(name))}
    others = [name for name in names if name not in spelled]
    if not spelled or (len(spelled) == 1 and others and _is_class(root, *spelled)):
        return {"train": "."}
    folders: dict[str, str] = {}
    for name, split in spelled.items():
        if split in folders:
            raise DataError(
                f"data.root={root} has {folders[split]}/ and {name}/, two folders for one split "
                f"({split}); merge them or move one elsewhere"
            )
        folders[split] = name
    _check_complete(root, folders, names)
    folders = {split: folders[split] for split in SPLIT_NAMES if split in folders}
    if others:
        raise _unknown_folders_error(root, folders, others)
    return folders


def _unknown_folders_error(root: str, folders: dict[str, str], others: list[str]) -> DataError:
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    plural = "folders" if len(others) > 1 else "folder"
    near = closest(others[0].lower(), [name for names in SPLIT_NAMES.values() for name in names])
    rename = "" if "val" in folders else "rename it to val/ if it is the validation split, or "
    return DataError(
        f"data.root={root} has the {plural} {'/, '.join(others[:3])}/{more} beside "
        f"{'/, '.join(folders.values())}/, not read as a split{near}; {rename}move it elsewhere"
    )


def _check_complete(root: str, folders: dict[str, str], names: list[str]) -> None:
    for split in ("train", "test"):
        if split not in folders:
            only = f"; to draw all splits from train/, set data.root={root}/{folders['train']}"
            raise DataError(
                f"data.root={root} has no folder {split}/ (it has: {', '.join(names[:8])}); it "
                f"needs train/CLASS/ and test/CLASS/, val/CLASS/ is optional"
                + (only if list(folders) == ["train"] else "")
            )


def _is_class(root: str, name: str) -> bool:
    """Return whether a folder named like a split directly contains images and no folders."""
    folder = os.path.join(root, name)
    files = [name for name in os.listdir(folder) if not is_hidden(name)]
    return not subfolders(folder) and any(map(has_image_suffix, files))


def _check_classes(found: ClassFolders) -> None:
    classes = found.classes["train"]
    _check_encoding(found)
    if len(classes) < 2:
        folder = f"{found.root}/{found.splits['train']}".removesuffix("/.")
        has = f" (it has: {', '.join(classes)})" if classes else ""
        raise DataError(
            f"{folder} has {len(classes)} class folders; at least 2 are needed: "
            f"{'train/' if found.has_splits else ''}CLASS/IMAGE{has}"
        )
    for split, names in found.classes.items():
        _check_same_classes(found, split, classes, names)


def _check_encoding(found: ClassFolders) -> None:
    """Raise DataError for a class name that could not stand in tables and reports."""
    for names in found.classes.values():
        for name in names:
            if os.fsencode(name).decode("utf-8", "ignore") != name:
                raise DataError(
                    f"data.root={found.root} has a class folder whose name is not UTF-8, "
                    f"{os.fsencode(name)!r}; rename it"
                )


def _check_same_classes(
    found: ClassFolders, split: str, classes: Sequence[str], names: Sequence[str]
) -> None:
    train, other = found.splits["train"], found.splits[split]
    missing, extra = sorted(set(classes) - set(names)), sorted(set(names) - set(classes))
    if missing:
        raise DataError(
            f"class {missing[0]!r} is in {train}/ but not in {other}/ of {found.root}; "
            f"every split needs every class"
        )
    if extra:
        raise DataError(
            f"class {extra[0]!r} is in {other}/ but not in {train}/ of {found.root}; "
            f"a network cannot predict a class without training images"
        )


def _check_distinct(found: ClassFolders) -> None:
    """Raise DataError if a class folder is, contains or lies in another one, through a link."""
    root = os.path.realpath(found.root)
    seen: dict[str, str] = {}
    for folder in found.all_folders():
        real = os.path.realpath(os.path.join(found.root, folder))
        if is_within(root, real):
            raise DataError(
                f"{found.root}/{folder} is a link to {real}, which contains it; remove the link"
            )
        if real in seen:
            raise _same_folder_error(found.root, seen[real], folder)
        seen[real] = folder
    for real, folder in seen.items():
        for parent in map(str, Path(real).parents):
            if parent in seen:
                raise _same_folder_error(found.root, seen[parent], folder)


def _same_folder_error(root: str, one: str, other: str) -> DataError:
    return DataError(
        f"{one} and {other} of {root} are the same images through a link; remove the link"
    )


def _no_image_error(folder: str, ignored: dict[str, int]) -> DataError:
    unread = [f"{n} {suffix}" for suffix, n in sorted(ignored.items()) if suffix in UNREAD_FORMATS]
    reason = f" that can be read, but {', '.join(unread)}" if unread else ""
    advice = "convert them to JPEG or PNG" if unread else "add images"
    return DataError(
        f"class folder {folder} contains no image{reason}; {advice} or remove the class from "
        f"every split (file names must end in {' '.join(IMAGE_SUFFIXES)})"
    )
