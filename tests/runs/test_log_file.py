import io
import logging
from pathlib import Path
from typing import Any, cast

import pytest

from cnncompare.errors import Interrupted, RunError
from cnncompare.runs.lifecycle import close_on_exit
from cnncompare.runs.log_file import log_file
from cnncompare.runs.run import LOG, Run
from tests.runs.test_run import new_run


def test_a_run_that_ends_well_is_finished(tmp_path: Path) -> None:
    with close_on_exit(new_run(tmp_path)):
        pass
    assert Run.read(tmp_path).record.status == "finished"


def test_a_failure_is_in_the_record_and_its_traceback_in_the_log(tmp_path: Path) -> None:
    run = new_run(tmp_path / "run")
    with pytest.raises(RunError, match=r"run: ZeroDivisionError: division by zero \(see .*run.log"):
        with log_file(run.folder / LOG), close_on_exit(run):
            _ = 1 / 0
    record = Run.read(run.folder).record
    assert (record.status, record.error.type) == ("failed", "ZeroDivisionError")
    log = (run.folder / LOG).read_text()
    assert "Traceback (most recent call last)" in log
    assert "_ = 1 / 0" in log


def test_a_full_disk_is_reported_in_plain_words(tmp_path: Path) -> None:
    line = rf"^{tmp_path.name}: {tmp_path}/run.json cannot be written \(No space left on device\), "
    line += r"\d+ MB are free there; the same command continues the run$"
    with pytest.raises(RunError, match=line), close_on_exit(new_run(tmp_path)):
        raise OSError(28, "No space left on device", str(tmp_path / "run.json"))
    assert Run.read(tmp_path).record.error.type == "OutputError"


def test_a_log_that_cannot_be_written_ends_no_run_and_prints_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class FullDisk(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

        flush = close = lambda self: self.write("")

    with log_file(tmp_path / LOG):
        (handler,) = [
            each
            for each in logging.getLogger("cnncompare").handlers
            if isinstance(each, logging.FileHandler)
        ]
        handler.stream.close()
        handler.stream = cast(Any, FullDisk())
        logging.getLogger("cnncompare").info("lost")
    assert capfd.readouterr() == ("", "")


def test_a_record_that_cannot_be_closed_ends_the_run_with_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path)
    run.save()

    def full(self: Run) -> None:
        raise OSError(28, "No space left on device", str(self.folder / "run.json"))

    monkeypatch.setattr(Run, "save", full)
    with pytest.raises(RunError, match=r"run\.json cannot be written .* MB are free there"):
        with close_on_exit(run):
            pass
    assert Run.read(tmp_path).record.status == "running"  # without its lock: interrupted


def test_a_signal_makes_a_run_interrupted(tmp_path: Path) -> None:
    with pytest.raises(Interrupted) as caught, close_on_exit(new_run(tmp_path)):
        raise Interrupted(15)
    assert caught.value.exit_code == 143
    record = Run.read(tmp_path).record
    assert (record.status, record.error.message) == ("interrupted", "stopped by SIGTERM")


def test_the_log_file_is_closed(tmp_path: Path) -> None:
    before = {
        name: list(logging.getLogger(name).handlers) for name in ("cnncompare", "py.warnings")
    }
    with log_file(tmp_path / LOG):
        logging.getLogger("cnncompare").info("inside")
    logging.getLogger("cnncompare").info("outside")
    assert "inside" in (tmp_path / LOG).read_text()
    assert "outside" not in (tmp_path / LOG).read_text()
    assert before == {name: list(logging.getLogger(name).handlers) for name in before}


def test_tips_and_advertisements_stay_out_of_the_log(tmp_path: Path) -> None:
    with log_file(tmp_path / LOG):
        lightning = logging.getLogger("pytorch_lightning.utilities.rank_zero")
        lightning.setLevel(logging.INFO)
        lightning.info("\U0001f4a1 Tip: For seamless cloud logging, try installing litlogger")
        lightning.info("`Trainer.fit` stopped: `max_epochs=2` reached.")
        lightning.warning("a loss is not finite")
        logging.getLogger("py.warnings").warning("The `srun` command is available, HINT: use it")
        logging.getLogger("cnncompare").info("epoch 1/2")
    lines = (tmp_path / LOG).read_text().splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == ["a loss is not finite", "epoch 1/2"]
