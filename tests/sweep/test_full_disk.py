"""A sweep whose own files cannot be written ends with one line."""

import errno
import tempfile
from pathlib import Path

import pytest

from cnncompare.errors import RunError
from cnncompare.sweep.run_sweep import unwritten_in_one_line


def test_a_full_temporary_folder_is_named() -> None:
    file = Path(tempfile.gettempdir()) / "cnncompare-1" / "job.json"
    line = (
        r"^the sweep stops: .*job\.json cannot be written \(No space left on device\), \d+ MB are "
    )
    with pytest.raises(RunError, match=line + "free there; the same command continues it$"):
        with unwritten_in_one_line():
            raise OSError(errno.ENOSPC, "...", str(file))


def test_another_error_stays_as_it_is() -> None:
    with pytest.raises(FileNotFoundError), unwritten_in_one_line():
        raise FileNotFoundError(errno.ENOENT, "...", "x")
