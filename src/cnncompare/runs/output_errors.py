"""Failures to write a run's files, such as on a full disk; imports no torch."""

import errno
import os
import shutil
from pathlib import Path

from cnncompare.errors import OutputError
from cnncompare.runs.record import Failure

_FULL = (errno.ENOSPC, errno.EDQUOT)
_BROKEN = (errno.EIO, errno.EROFS, errno.EFBIG, errno.ESTALE)  # reading can fail with them too


def output_failure(folder: Path, error: BaseException) -> Failure | None:
    """Return what of the run in `folder` could not be written; None for any other error.

    Such a run is resumed once its files can be written again.
    """
    if isinstance(error, OutputError):
        return Failure(type="OutputError", message=str(error))
    if not isinstance(error, OSError) or not _is_of_output(folder, error):
        return None
    path = None if error.filename is None else Path(os.fsdecode(error.filename))
    message = (
        f"{path or 'a file'} cannot be written ({os.strerror(error.errno or 0)}), "
        f"{_free_mb(path, folder):.0f} MB are free there"
    )
    return Failure(type="OutputError", message=message)


def _is_of_output(folder: Path, error: OSError) -> bool:
    if error.errno in _FULL:
        return True
    if error.errno not in _BROKEN or error.filename is None:
        return False
    return Path(os.path.abspath(os.fsdecode(error.filename))).is_relative_to(
        os.path.abspath(folder.parent)
    )


def _free_mb(path: Path | None, folder: Path) -> float:
    for candidate in (path and path.parent, folder, folder.parent):
        if candidate is not None and candidate.is_dir():
            return shutil.disk_usage(candidate).free / 1e6
    return 0.0
