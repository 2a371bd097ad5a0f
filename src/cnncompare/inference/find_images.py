"""Image files of the arguments: files, folders and globs; imports no torch."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from cnncompare.data.decode import CorruptImageError, read_size
from cnncompare.data.walk import has_image_suffix, is_hidden
from cnncompare.errors import DataError


def find_images(arguments: Iterable[str | os.PathLike[str]]) -> list[str]:
    """Return the files that the arguments name, each once, in their order.

    A folder stands for all images below it, sorted; a glob, such as ``photos/**/*.jpg``, for the
    images that match. Raises DataError if an argument names no image, or if no file is one.
    """
    found = [file for argument in arguments for file in _files(os.fspath(argument))]
    files = list(dict.fromkeys(found))
    if not files:
        raise DataError("no image was given; name files, folders or globs")
    _check_any_image(files)
    return files


def _files(argument: str) -> list[str]:
    path = os.path.expanduser(argument)
    if os.path.isdir(path):
        files = _below(path)
        if not files:
            raise DataError(f"{argument}: there is no image in this folder")
        return files
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(path):
        raise DataError(f"{argument}: there is no such file or folder")
    matches = sorted(glob.glob(path, recursive=True))
    files = [file for file in matches if has_image_suffix(file) and os.path.isfile(file)]
    if not files:
        others = f", only {len(matches)} other files or folders" if matches else ""
        raise DataError(f"{argument}: no image matches{others}")
    return files


def _below(folder: str) -> list[str]:
    """Return the images of a folder, then those of its folders, sorted by name."""
    try:
        with os.scandir(folder) as entries:
            seen = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({error.strerror})") from None
    visible = [(str(Path(folder, name)), is_dir) for name, is_dir in seen if not is_hidden(name)]
    files = [path for path, is_dir in visible if not is_dir and has_image_suffix(path)]
    return files + [file for path, is_dir in visible if is_dir for file in _below(path)]


def _check_any_image(files: list[str]) -> None:
    """Raise DataError if the header of no file is that of an image; read as few as possible."""
    problem: CorruptImageError | None = None
    for file in files:
        try:
            read_size(file)
            return
        except CorruptImageError as error:
            problem = problem or error
    reason = str(problem).partition("; replace it")[0]
    several = f"none of the {len(files)} files is an image: " if len(files) > 1 else ""
    raise DataError(several + reason)
