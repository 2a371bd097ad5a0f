"""The bar and the epochs' lines, on terminals of two widths and into a file."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from cnncompare.training.callbacks import progress as module
from cnncompare.training.callbacks.epoch_recorder import EpochRecorder
from cnncompare.training.callbacks.progress import Progress

from .conftest import QUIET, Clock, Loader, make_task, make_trainer

pytestmark = QUIET
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def _fit(folder: Path, progress: Progress, clock: Clock, epochs: int = 3, **loud: Any) -> str:
    """Train on a console that is written into memory; return what it was sent."""
    screen = io.StringIO()
    progress.console = Console(file=screen, highlight=False, **loud)
    trainer = make_trainer(folder, [EpochRecorder(folder, clock), progress], max_epochs=epochs)
    trainer.fit(make_task(clock), Loader(18, evaluation=False), Loader(11, evaluation=True, seed=1))
    return screen.getvalue()


def test_lines_are_one_per_epoch_and_nothing_else(tmp_path: Path, clock: Clock) -> None:
    text = _fit(tmp_path, Progress("lines"), clock, width=1000)
    lines = text.splitlines()
    assert len(lines) == 3
    form = (
        r"epoch 1/3  train loss \d\.\d{3} acc +\d+\.\d %  "
        r"val loss \d\.\d{3} acc +\d+\.\d %   11\.5 s"
    )
    assert re.fullmatch(form, lines[0])
    assert "\x1b" not in text
    assert "\r" not in text


def test_off_is_silent(tmp_path: Path, clock: Clock) -> None:
    assert _fit(tmp_path, Progress("off"), clock) == ""


@pytest.mark.parametrize("width", [60, 160])
def test_the_bar_keeps_to_one_line(
    tmp_path: Path, clock: Clock, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "REFRESH_S", 0.0)
    text = _fit(tmp_path, Progress("bar"), clock, width=width, force_terminal=True)
    frames = CONTROL.sub("", text).replace("\r", "\n").splitlines()
    assert max(cell_len(frame) for frame in frames) <= width
    bars = [frame for frame in frames if "/8" in frame]  # 5 training and 3 validation batches
    assert all(frame.startswith("epoch ") for frame in bars)
    (last,) = {frame for frame in bars if frame.startswith("epoch 3/3") and "5/8" in frame}
    assert re.search(r"0 s left +loss \d\.\d{3} +val +\d+\.\d %", last)
    assert any("8/8" in frame for frame in bars)
    assert sum("  train " in frame for frame in frames) == 3  # the lines that stay
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h") == 1  # the cursor comes back


def test_the_bar_waits_for_the_device_a_few_times_a_second_at_most(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(0.1 * step for step in range(1000))
    monkeypatch.setattr("cnncompare.training.callbacks.progress.time.monotonic", lambda: next(now))
    text = _fit(tmp_path, Progress("bar"), clock, epochs=2, width=100, force_terminal=True)
    frames = CONTROL.sub("", text).replace("\r", "\n").splitlines()
    read = [frame for frame in frames if "left" in frame]
    assert 0 < len(set(read)) < 10  # of the 10 training batches of 0.1 s or more


def test_the_cursor_comes_back_after_a_failure(tmp_path: Path, clock: Clock) -> None:
    class Broken(Loader):
        def __iter__(self) -> Any:
            yield from list(super().__iter__())[:2]
            raise ValueError("torn")

    screen = io.StringIO()
    progress = Progress("bar")
    progress.console = Console(file=screen, force_terminal=True, width=80)
    trainer = make_trainer(tmp_path, [EpochRecorder(tmp_path, clock), progress])
    with pytest.raises(ValueError, match="torn"):
        trainer.fit(make_task(clock), Broken(18, evaluation=False), Loader(4, evaluation=True))
    assert screen.getvalue().count("\x1b[?25h") == 1


def test_the_lines_of_a_sweeps_job_begin_with_its_title(tmp_path: Path, clock: Clock) -> None:
    progress = Progress("lines", title="job 4 of 9  [x]")
    lines = _fit(tmp_path, progress, clock, width=1000).splitlines()
    assert [line.partition("  train ")[0] for line in lines] == [
        f"job 4 of 9  [x]  epoch {number}/3" for number in (1, 2, 3)
    ]
    progress = Progress("bar", title="job 4 of 9  [x]")
    assert "job 4" not in _fit(tmp_path, progress, clock, width=100, force_terminal=True)
