"""Which errors are failures to write a run's files, and in which words."""

import errno
from pathlib import Path

import pytest

from cnncompare.errors import OutputError
from cnncompare.runs.output_errors import output_failure
from cnncompare.runs.storage import naming


def failure(folder: Path, number: int, file: Path | bytes | None) -> str | None:
    error = OSError(number, "...")
    error.filename = str(file) if isinstance(file, Path) else file
    found = output_failure(folder, error)
    return None if found is None else found.message


def test_a_full_disk_is_named_with_the_file_and_the_free_space(tmp_path: Path) -> None:
    text = failure(tmp_path, errno.ENOSPC, tmp_path / "checkpoints" / "last.ckpt")
    assert text is not None
    assert text.startswith(f"{tmp_path}/checkpoints/last.ckpt cannot be written (No space left on ")
    assert text.endswith(" MB are free there")


def test_a_name_of_bytes_and_no_name(tmp_path: Path) -> None:
    assert (failure(tmp_path, errno.EDQUOT, b"/a/b") or "").startswith("/a/b cannot be written")
    assert (failure(tmp_path, errno.ENOSPC, None) or "").startswith("a file cannot be written")


def test_a_file_of_the_data_that_cannot_be_read_is_no_such_failure(tmp_path: Path) -> None:
    run = tmp_path / "outputs" / "study" / "run"
    assert failure(run, errno.EIO, tmp_path / "photos" / "cat.png") is None
    assert failure(run, errno.EIO, None) is None
    assert failure(run, errno.EIO, run / "epochs.csv") is not None
    assert failure(run, errno.EROFS, run.parent / "test-images-0.npy") is not None
    assert failure(run, errno.ENOENT, run / "epochs.csv") is None
    assert output_failure(run, ValueError("of the network")) is None


def test_an_output_error_keeps_its_words(tmp_path: Path) -> None:
    found = output_failure(tmp_path, OutputError("cannot write to x: Input/output error"))
    assert found is not None
    assert found.text == "OutputError: cannot write to x: Input/output error"


def test_an_error_gets_the_name_of_its_file(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"run\.json") as caught, naming(tmp_path / "run.json"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert caught.value.filename == str(tmp_path / "run.json")
    with pytest.raises(OSError, match="other"), naming(tmp_path / "run.json"):
        raise OSError(errno.ENOSPC, "No space left on device", "other")
