import time
from dataclasses import replace
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from cnncompare.runs.lifecycle import close_run, open_run, start_run
from cnncompare.runs.run import Run
from cnncompare.sweep.job_state import Job, RunningJob
from cnncompare.sweep.live_view import LiveView, _epoch_rows, progress
from cnncompare.sweep.processes import JobProcess
from cnncompare.sweep.resources import DeviceSlot
from tests.composing import compose_config


def test_progress_by_hand() -> None:
    row: dict[str, float | None] = {"train_s": 50.0, "val_s": 10.0, "val_acc1": 0.5}
    assert progress([row, row], 5) == [
        "epoch 2/5  val acc 50.0 %  3 min 00 s left",
        "epoch 2/5  50.0 %",
        "epoch 2/5",
    ]
    assert progress([], 5) == ["epoch 0/5"]
    assert progress([], 0) == ["testing"]


@pytest.fixture
def job(tmp_path: Path) -> RunningJob:
    """A job that runs beside others, of a network with two epochs."""
    config = compose_config(
        "data=digits", "model=lenet5", "seed=3", "trainer.max_epochs=2", f"output_root={tmp_path}"
    )
    job = Job(4, config, OmegaConf.create(), ("model=lenet5", "seed=3"), "model=lenet5 seed=3")
    slot = DeviceSlot((), shared=True)
    return RunningJob(job, tmp_path / "job.json", JobProcess(0, lambda: None), slot, 0, None)


def write_epochs(run: Run, n: int) -> None:
    header = "epoch,train_s,val_s,train_loss,train_acc1,val_loss,val_acc1\n"
    rows = [f"{epoch},10,1,0.5,0.7,0.6,0.8\n" for epoch in range(1, n + 1)]
    (run.folder / "epochs.csv").write_text(header + "".join(rows))


def test_a_pipe_gets_each_epoch_once_until_the_process_ends(
    job: RunningJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cnncompare.sweep.live_view.REFRESH_S", 0.0)
    view = LiveView(9)
    view.print_start(job, [job], [])
    with open_run(job.job.config, 1.0) as run:
        run.save()
        view.show([job], [])
        for n in (0, 1, 1, 2):
            write_epochs(run, n)
            view.show([job], [])
        close_run(run, "finished")  # the process still runs for a moment
        view.show([job], [])
    view.print_end(job, finished=True)
    lines = capsys.readouterr().out.splitlines()
    title = "job 4 of 9  lenet5  seed 3  "
    assert lines == [
        f"{title}epoch {n}/2  train loss 0.500 acc  70.0 %  val loss 0.600 acc  80.0 %   11.0 s"
        for n in (1, 2)
    ]


def test_the_epochs_before_an_interruption_are_not_printed_again(
    job: RunningJob, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cnncompare.sweep.live_view.REFRESH_S", 0.0)
    with open_run(job.job.config, 1.0) as run:
        run.save()
        write_epochs(run, 1)
        close_run(run, "interrupted")
    view = LiveView(None)
    view.print_start(job, [job], [])
    start_run(run)
    view.show([job], [])
    assert capsys.readouterr().out == ""
    write_epochs(run, 2)
    view.show([job], [])
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("job 4  lenet5  seed 3  epoch 2/2")


@pytest.mark.parametrize("width", [20, 30, 40, 50, 80])
def test_a_line_of_the_live_view_fits_and_cuts_no_number(
    job: RunningJob, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_run(job.job.config, 1.0) as run:
        run.save()
        write_epochs(run, 1)
    view = LiveView(9)
    monkeypatch.setattr(view, "_console", Console(width=width))
    line = view._line(job, _epoch_rows(job.job))
    assert len(line) < width
    assert "epoch 1/2" in line
    assert width < 80 or line == "job 4 of 9  lenet5  seed 3  epoch 1/2  val acc 80.0 %  11 s left"


def test_a_job_that_runs_alone_is_announced_with_the_time_left(
    job: RunningJob, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = replace(job, slot=DeviceSlot((), shared=False), started=time.monotonic() - 60)
    view = LiveView(9)
    view.print_start(alone, [alone], [])
    view.print_end(alone, finished=True)
    again = replace(alone, started=time.monotonic())
    view.print_start(again, [again], [job.job])
    assert capsys.readouterr().out.splitlines() == [
        "job 4 of 9  lenet5  seed 3",
        "job 4 of 9  lenet5  seed 3  (sweep: 2 jobs, 2 min 00 s left)",
    ]


def test_other_overrides_of_a_job_follow_its_title(job: RunningJob) -> None:
    other = replace(job.job, label="model=lenet5 optimizer.lr=0.05 seed=3")
    assert other.title(None) == "job 4  lenet5  seed 3  optimizer.lr=0.05"
    assert replace(job.job, label=job.job.config.run_id()).title(2) == "job 4 of 2  lenet5  seed 3"
