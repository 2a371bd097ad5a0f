import logging
from pathlib import Path

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
    with pytest.raises(RunError, match="the disk is full"), close_on_exit(new_run(tmp_path)):
        raise OSError(28, "No space left on device")


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
