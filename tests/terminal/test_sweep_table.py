"""The table of a sweep, on terminals of several widths and in files."""

import re
from itertools import product
from pathlib import Path

import pytest
import yaml

from cnncompare.runs.resampling import ResamplingSection
from cnncompare.runs.run import Run
from cnncompare.terminal.result import print_run_result
from cnncompare.terminal.sweep_table import print_sweep_table
from tests.terminal.conftest import Printed, make_run


def _runs(folder: Path) -> list[Run]:
    return [
        make_run(folder, "lenet5", 0.9111),
        make_run(folder, "broken", None),
        make_run(folder, "mobilenet_v2", 0.9722, seed=1),
    ]


def test_the_runs_are_in_the_order_of_the_jobs_with_the_errors_below(
    tmp_path: Path, printed: Printed
) -> None:
    runs = _runs(tmp_path)
    text = printed(None, lambda: print_sweep_table(runs))
    rows = [line.split()[0] for line in text.splitlines() if line.split()]
    assert rows[:5] == ["model", rows[1], "lenet5", "broken", "mobilenet_v2"]
    assert "single runs, not ranked" in text
    assert "broken-digits-e5-d1-s0-0123abcd: out of [memory]" in text
    assert text.splitlines()[-1] == str(tmp_path)
    header = text.splitlines()[1]
    columns = ["seed", "status", "val top-1", "test top-1", "epoch (s)", "images/s"]
    units = ["parameters (M)", "GMACs", "peak memory (MiB)"]
    assert all(name in header for name in [*columns, *units])
    assert "\x1b" not in text
    assert "0.555" in text


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120, 160])
def test_a_narrow_terminal_drops_columns_not_digits(
    tmp_path: Path, printed: Printed, width: int
) -> None:
    runs = [run for run in _runs(tmp_path) if run.record.error is None]
    text = printed(width, lambda: print_sweep_table(runs))
    table = text.partition("single runs")[0].splitlines()[1:]
    assert all(len(line) <= width for line in table)
    assert "…" not in text
    (row,) = [line for line in table if line.lstrip().startswith("mobilenet_v2")]
    assert "97.2 %" in row
    assert ("parameters (M)" in table[0]) == ("11.2" in row)


def test_only_settings_that_differ_have_a_column(tmp_path: Path, printed: Printed) -> None:
    runs = [make_run(tmp_path, "a", 0.5, lr=0.1), make_run(tmp_path, "a", 0.6, lr=0.025)]
    text = printed(None, lambda: print_sweep_table(runs))
    header, _, first, second = text.splitlines()[1:5]
    assert header.split()[:2] == ["model", "lr"]
    assert [first.split()[1], second.split()[1]] == ["0.1", "0.025"]


def test_no_runs_print_an_empty_table(printed: Printed) -> None:
    assert "test top-1" in printed(None, lambda: print_sweep_table([]))


def test_runs_of_folds_have_their_number(tmp_path: Path, printed: Printed) -> None:
    runs = [make_run(tmp_path, "a", accuracy) for accuracy in (0.5, 0.6)]
    for number, run in enumerate(runs, start=1):
        run.folder = tmp_path / str(number)
        run.folder.mkdir()
        fold = ResamplingSection(method="folds", number=number, count=2, n=720, fingerprint="f")
        run.change(data={"resampling": fold})
    text = printed(None, lambda: print_sweep_table(runs))
    header, _, first, second = text.splitlines()[1:5]
    assert header.split()[:2] == ["model", "fold"]
    assert "hold-out" not in header
    assert [first.split()[1], second.split()[1]] == ["1", "2"]
    result = printed(None, lambda: print_run_result(runs[1]))
    assert re.search(r"fold +2 of 2, of all 720 images", result)


def with_config(run: Run, folder: Path, **changed: object) -> Run:
    """Return the run in a folder of its own, with a config.yaml."""
    config = {
        "seed": 0,
        "output_root": str(folder),
        "data": {"name": "digits", "source": "digits", "augment": {"flip": False, "erase": 0.0}},
        "optimizer": {"name": "sgd", "lr": 0.1, "momentum": 0.9, "weight_decay": 0.0005},
        "trainer": {"ema_decay": None, "threads": 1},
        "sweep": {"workers": folder.name},
    }
    for key, value in changed.items():
        section, _, name = key.partition("__")
        config[section] = {**config[section], name: value}  # type: ignore[dict-item]
    run.folder = folder
    run.record = run.record.model_copy(update={"id": folder.name})
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    return run


def test_any_setting_that_differs_has_a_column(tmp_path: Path, printed: Printed) -> None:
    runs = [
        with_config(
            make_run(tmp_path, "a", 0.5 + number / 10),
            tmp_path / str(number),
            optimizer__momentum=momentum,
            trainer__ema_decay=ema_decay,
        )
        for number, (momentum, ema_decay) in enumerate(product((0.8, 0.9), (None, 0.99)))
    ]
    text = printed(None, lambda: print_sweep_table(runs))
    header, _, *rows = text.splitlines()[1:7]
    assert header.split()[:4] == ["model", "momentum", "ema", "decay"]
    assert [row.split()[1:3] for row in rows] == [
        *(["0.8", "null"], ["0.8", "0.99"]),
        *(["0.9", "null"], ["0.9", "0.99"]),
    ]
    assert "workers" not in header  # of the sweep: not part of a run
    assert "root" not in header


def test_a_setting_that_follows_from_others_has_none(tmp_path: Path, printed: Printed) -> None:
    """The weight decay is that of the optimizer, and one job failed before its configuration."""
    runs = [
        with_config(
            make_run(tmp_path, "a", 0.5 + number / 10, optimizer=name),
            tmp_path / name,
            optimizer__name=name,
            optimizer__weight_decay=decay,
        )
        for number, (name, decay) in enumerate({"sgd": 0.0005, "adamw": 0.05}.items())
    ]
    text = printed(None, lambda: print_sweep_table([*runs, make_run(tmp_path, "broken", None)]))
    header = text.splitlines()[1]
    assert "optimizer" in header.split()
    assert "decay" not in header


def test_equal_names_of_different_settings_are_written_in_full(
    tmp_path: Path, printed: Printed
) -> None:
    runs = [
        with_config(
            make_run(tmp_path, "a", 0.5),
            tmp_path / f"{number}",
            data__options={"gamma": ours},
            optimizer__gamma=theirs,
        )
        for number, (ours, theirs) in enumerate(product((1, 2), (3, 4)))
    ]
    header = printed(None, lambda: print_sweep_table(runs)).splitlines()[1]
    assert header.split()[1:3] == ["data.options.gamma", "optimizer.gamma"]


def test_an_incomparable_run_is_named(tmp_path: Path, printed: Printed) -> None:
    run = make_run(tmp_path, "a", 0.5, incomparable=["trainer.fast_dev_run=1"])
    text = printed(None, lambda: print_sweep_table([run]))
    assert "a: not comparable: trainer.fast_dev_run=1; report leaves the run out" in text
