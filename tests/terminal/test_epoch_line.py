"""The line of an epoch: complete at 80 columns, shorter and without a cut number below."""

import re

import pytest

from cnncompare.terminal.epoch_line import EpochRow, epoch_line

ROW: dict[str, float | None] = {
    "epoch": 3,
    "train_s": 12.06,
    "val_s": 0.84,
    "train_loss": 0.4123,
    "train_acc1": 0.851,
    "val_loss": 0.5,
    "val_acc1": 0.8391,
}
LARGE: EpochRow = ROW | {"epoch": 100, "train_s": 4321.0, "train_acc1": 1.0, "val_acc1": 1.0}


def test_an_epochs_line_is_as_promised() -> None:
    assert epoch_line(ROW, 25, 80) == (
        "epoch  3/25  train loss 0.412 acc  85.1 %  val loss 0.500 acc  83.9 %   12.9 s"
    )


def test_80_columns_hold_every_number_of_a_long_training() -> None:
    line = epoch_line(LARGE, 200, 80)
    assert len(line) <= 80
    assert re.findall(r"[\d.]+", line) == ["100", "200", "0.412", "100.0", "0.500", "100.0", "4322"]


@pytest.mark.parametrize("row", [ROW, LARGE])
@pytest.mark.parametrize("width", [40, 50, 60, 64, 70, 78, 80, 120])
def test_a_narrow_line_leaves_numbers_out_and_cuts_none(row: EpochRow, width: int) -> None:
    line, whole = epoch_line(row, 200, width), epoch_line(row, 200, 1000)
    assert len(line) <= width
    assert set(re.findall(r"[\d.]+", line)) <= set(re.findall(r"[\d.]+", whole))
    assert "val " in line
    assert width < 50 or line.endswith(" s")


def test_the_columns_are_aligned_over_the_epochs() -> None:
    lines = [epoch_line(ROW, 200, 80), epoch_line(LARGE, 200, 80)]
    lines += [epoch_line(ROW | {"train_loss": 12.345, "val_loss": 123.45}, 200, 80)]
    assert len({len(line) for line in lines}) == 1
    assert "train loss 12.35 acc" in lines[2] or "train loss 12.34 acc" in lines[2]
    assert "val loss 123.5 acc" in lines[2] or "val loss 123.4 acc" in lines[2]


def test_an_epoch_without_validation_has_dashes() -> None:
    line = epoch_line(ROW | {"val_s": None, "val_acc1": None, "val_loss": None}, 9, 1000)
    assert "val loss     \u2013 acc       \u2013" in line
    assert line.endswith("12.1 s")
    assert epoch_line(ROW | {"train_s": None}, 9, 1000).endswith("\u2013 s")
