"""Runs to print, and the output for a given terminal width."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cnncompare.runs import record as schema
from cnncompare.runs.run import Run
from cnncompare.terminal import console

Printed = Callable[[int | None, Callable[[], None]], str]


def training_section(seed: int, **changed: object) -> schema.TrainingSection:
    values: dict[str, object] = {
        name: {"str": "x", "int": 1, "float": 0.1, "bool": False}.get(
            getattr(field.annotation, "__name__", "")
        )
        for name, field in schema.TrainingSection.model_fields.items()
    }
    lists = {
        "mean": [0.5],
        "std": [0.5],
        "augment": {},
        "model_changes": [],
        "health": [],
        "incomparable": [],
        "callbacks": {},
    }
    return schema.TrainingSection.model_validate(
        values | lists | {"seed": seed, "epochs_done": 5} | changed
    )


def make_run(folder: Path, label: str, acc1: float | None, seed: int = 0, **changed: object) -> Run:
    """Return a finished run, or a failed one without accuracy."""
    record = schema.RunRecord(
        id=f"{label}-digits-e5-d1-s{seed}-0123abcd",
        label=label,
        name="default",
        status="finished" if acc1 is not None else "failed",
        started_at="2026-01-01T00:00:00.000+00:00",
        config_hash="0123abcd",
        wall_s=208.2,
        training=training_section(seed, **changed),
    )
    if acc1 is None:
        error = schema.Failure(type="RuntimeError", message="out of [memory]")
        return Run(folder / record.id, record.model_copy(update={"error": error}))
    sections = {
        "model": schema.ModelSection(
            name=label, source="own", stem="cifar", params=11_173_962, macs=555_422_720,
            size_mb=44.7, input_size=[3, 32, 32],
        ),
        "data": schema.DataSection(name="digits", classes=10, n_test=360, fingerprint="f"),
        "best": schema.BestSection(epoch=4, val_acc1=0.9791),
        "test": schema.TestSection(
            acc1=acc1, acc5=1.0, loss=0.1, n=360, correct1=350, correct5=360
        ),
        "timing": schema.TimingSection(epoch_s=1.2345, images_per_s=12345.6),
        "memory": schema.MemorySection(peak_rss_mib=612.3),
    }  # fmt: skip
    return Run(folder / record.id, record.model_copy(update=sections))


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    """Return what a function prints on a terminal of that many columns; None: into a file."""

    def run(width: int | None, show: Callable[[], None]) -> str:
        if width is not None:
            original = Console

            def sized(**options: Any) -> Any:
                return original(**(options | {"width": width}))

            monkeypatch.setattr(console, "Console", sized)
        show()
        return capsys.readouterr().out

    return run
