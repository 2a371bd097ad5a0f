"""The line of a finished epoch; imports no torch."""

from collections.abc import Mapping

from rich.cells import cell_len

from cnncompare.language.catalogue import tr
from cnncompare.terminal.formatting import UNKNOWN, number, percent

EpochRow = Mapping[str, float | None]  # of epochs.csv


def epoch_line(row: EpochRow, epochs: int | None, width: int) -> str:
    """Return the line of a finished epoch in the longest form that fits the width.

    `epochs` is None if the number of steps ends the training. The forms keep their columns aligned,
    up to 9,999 epochs and seconds.
    """
    digits = 4 if epochs is None else len(str(epochs))
    number = f"{row['epoch']:{digits}.0f}" + ("" if epochs is None else f"/{epochs}")
    epoch, seconds = tr("epoch {number}", number=number), tr("{seconds} s", seconds=_seconds(row))
    train, val = (f"{percent(row[f'{split}_acc1']):>7}" for split in ("train", "val"))
    train_loss, val_loss = (_loss(row[f"{split}_loss"]) for split in ("train", "val"))
    validated = tr("val {results}", results=val)
    forms = (
        (
            epoch,
            tr("train loss {loss} acc {accuracy}", loss=train_loss, accuracy=train),
            tr("val loss {loss} acc {accuracy}", loss=val_loss, accuracy=val),
            seconds,
        ),
        (
            epoch,
            tr("train {results}", results=f"{train_loss} {train}"),
            tr("val {results}", results=f"{val_loss} {val}"),
            seconds,
        ),
        (epoch, tr("train {results}", results=train), validated, seconds),
        (epoch, validated),
    )
    lines = ["  ".join(form) for form in forms]
    return next((line for line in lines if cell_len(line) <= width), lines[-1])


def _loss(value: float | None) -> str:
    """Return a loss in five characters, for values below 1,000."""
    decimals = 3 if value is None or abs(value) < 10 else 2 if abs(value) < 100 else 1
    return f"{number(value, f'.{decimals}f'):>5}"


def _seconds(row: EpochRow) -> str:
    """Return the time of training and validation in five characters."""
    if row["train_s"] is None:
        return f"{UNKNOWN:>5}"
    seconds = row["train_s"] + (row["val_s"] or 0.0)
    return f"{number(seconds, '.1f' if seconds < 100 else '.0f'):>5}"
