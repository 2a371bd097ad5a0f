"""The result of one run and the next commands of a sweep, printed on the terminal."""

import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from cnncompare.errors import shortened
from cnncompare.language.catalogue import language, marked, tr, trc
from cnncompare.language.recorded import recorded
from cnncompare.runs.record import RunRecord
from cnncompare.runs.run import Run
from cnncompare.terminal.console import make_console
from cnncompare.terminal.formatting import (
    UNKNOWN,
    duration,
    gmacs,
    integer,
    millions,
    padded,
    percent,
    significant,
)

MOST_CLASSES = 8  # named in a line


def print_run_result(run: Run) -> None:
    """Print the results of a run, the next commands and, on a line of its own, its folder."""
    console = make_console()
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for name, value in _results(run.record):
        table.add_row(name, value)
    console.print()
    console.print(table)
    remarks = [*health_remarks(run.record), *class_remarks(run), *evaluation_remarks(run.record)]
    for line in [*comparability_remarks(run.record), *remarks]:
        console.print(line, markup=False)
    folder = shell_path(run.folder)
    commands = {
        **_with_own_lr(run.record),
        "predict": f"predict {folder} IMAGE",
        **_commands(run.folder.parent),
    }
    _print_commands(console, commands)
    console.print(folder, soft_wrap=True)


def print_next_steps(folders: Sequence[Path]) -> None:
    """Print the folders with a sweep's results, and the commands that compare and display them."""
    console = make_console()
    for folder in dict.fromkeys(folders):
        title = padded(tr("results"), 11)
        console.print(f"\n{title}  {shell_path(folder)}", soft_wrap=True)
        predict = {"predict": f"predict {shell_path(folder)} IMAGE"}
        _print_commands(console, _commands(folder) | predict)


def _commands(study: Path) -> dict[str, str]:
    path = shell_path(study)
    option = "" if language() == "en" else f" --language {language()}"
    return {"report": f"report {path}{option}", "TensorBoard": f"tensorboard {path}"}


def _with_own_lr(record: RunRecord) -> dict[str, str]:
    """Return the run's command without its learning rate, if the network did not train with it."""
    checks = {finding.check for finding in record.training.health} if record.training else set()
    given = record.environment.argv[3:] if record.environment else []  # after python -m cnncompare
    others = [override for override in given if not override.startswith("optimizer.lr=")]
    if len(others) == len(given) or not checks & {"diverged", "at_chance"}:
        return {}
    return {"own rate": shlex.join(others)}


def _print_commands(console: Console, commands: Mapping[str, str]) -> None:
    """Print each command on a line of its own, unwrapped, so that it can be copied."""
    for name, command in commands.items():
        title = padded(tr(name), 11)
        console.print(f"{title}  {_program()} {command}", soft_wrap=True, markup=False)


def _program() -> str:
    """Return how this program is called: by its name, if a shell finds it under that name."""
    own = Path(sys.executable).with_name("cnncompare")
    found = shutil.which("cnncompare")
    if found and Path(found).absolute() == own.absolute():
        return "cnncompare"
    return f"{shell_path(Path(sys.executable))} -m cnncompare"


def comparability_remarks(record: RunRecord) -> list[str]:
    """Return a line with the reasons why no report compares the run; empty without any."""
    reasons = record.training.incomparable if record.training else []
    if not reasons:
        return []
    message = marked("not comparable: {reasons}; report leaves the run out")
    return [tr(message, reasons=", ".join(reasons))]


def health_remarks(record: RunRecord) -> list[str]:
    """Return a line for each failed health check of the training; empty if all is well."""
    findings = record.training.health if record.training else []
    return [
        f"{tr(f.check.replace('_', ' '))}: {recorded(f.evidence)}; {recorded(f.advice)}"
        for f in findings
    ]


_CHECKS = (
    *(marked("diverged"), marked("at chance"), marked("still rising"), marked("few steps")),
    *(marked("images left out"), marked("saturated")),
)
_COMMANDS = (marked("predict"), marked("report"))  # which the result names
_STATUS = (marked("finished"), marked("failed"), marked("interrupted"), marked("running"))


def class_remarks(run: Run) -> list[str]:
    """Return a line that names the classes with test images that the network never predicts."""
    names = [row["class"] for row in run.per_class() if row["n"] != "0" and not row["precision"]]
    if not names:
        return []
    return [tr("never predicted: {classes}", classes=shortened(names, MOST_CLASSES))]


def evaluation_remarks(record: RunRecord) -> list[str]:
    """Return the check against the reference result and the test images that were not read.

    Empty for a run that was trained.
    """
    evaluation = record.evaluation
    if evaluation is None:
        return []
    lines = [recorded(evaluation.check.message)] if evaluation.check else []
    message = marked("corrupt image, counted as wrong: {name}")
    if evaluation.on_corrupt_image == "skip":
        message = marked("corrupt image, skipped: {name}")
    return lines + [tr(message, name=name) for name in evaluation.corrupt_images]


def shell_path(path: Path) -> str:
    """Return the path quoted for a shell, relative if it is below the working directory."""
    here = Path.cwd()
    return shlex.quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def _results(record: RunRecord) -> list[tuple[str, str]]:
    data = record.data.name if record.data else UNKNOWN
    status = tr(record.status)
    run = tr("{model} on {data}, {status}", model=record.label, data=data, status=status)
    return [
        (tr("run"), run),
        *_resampling_results(record),
        *_test_results(record),
        *_training_results(record),
        *_cost_results(record),
    ]


def _test_results(record: RunRecord) -> list[tuple[str, str]]:
    if record.settings is not None and record.settings.test_reads == 0:
        return [(trc("split", "test"), tr("not evaluated (test=false)"))]
    test = record.test
    return [
        (
            tr("test top-1"),
            tr("{accuracy} of {n} images", accuracy=percent(test.acc1), n=integer(test.n)),
        ),
        *_balanced_result(record),
        (tr("test top-5"), percent(test.acc5)),
    ]


def _balanced_result(record: RunRecord) -> list[tuple[str, str]]:
    """Return the balanced accuracy, if the accuracy mostly reflects the large classes."""
    imbalance = record.data and record.data.imbalance
    if not imbalance or not imbalance.is_large:
        return []
    return [(tr("balanced accuracy"), percent(record.test.balanced_acc1))]


def _resampling_results(record: RunRecord) -> list[tuple[str, str]]:
    """Return which fold or hold-out was tested."""
    drawn = record.data.resampling if record.data else None
    if drawn is None:
        return []
    if drawn.method == "folds":
        message = marked("{number} of {count}, of all {n:,} images")
        text = tr(message, number=drawn.number, count=drawn.count, n=drawn.n)
        return [(tr("fold"), text)]
    text = tr("{number}, of all {n:,} images", number=drawn.number, n=drawn.n)
    return [(tr("hold-out"), text)]


def _training_results(record: RunRecord) -> list[tuple[str, str]]:
    if record.evaluation is not None:
        return []
    best = record.best
    epochs = record.training.epochs_done if record.training else None
    selected = tr(
        "{epoch} of {n}, val top-1 {accuracy}",
        epoch=integer(best.epoch),
        n=integer(epochs),
        accuracy=percent(best.val_acc1),
    )
    return [
        (tr("best epoch"), selected),
        (tr("trained in"), duration(record.wall_s)),
        (tr("epoch (s)"), significant(record.timing.epoch_s)),
    ]


def _cost_results(record: RunRecord) -> list[tuple[str, str]]:
    phase = tr("testing") if record.evaluation else tr("training")
    memory, model = record.memory, record.model
    gpu_peak = memory.peak_gpu_mib
    gpu = [] if gpu_peak is None else [(tr("peak GPU memory (MiB)"), integer(gpu_peak))]
    return [
        (phase, tr("{n} images/s", n=integer(record.timing.images_per_s))),
        (tr("parameters (M)"), millions(None if model is None else model.params)),
        (tr("size (MB)"), significant(None if model is None else model.size_mb)),
        (tr("GMACs"), gmacs(None if model is None else model.macs)),
        (tr("peak memory (MiB)"), integer(memory.peak_rss_mib)),
        *gpu,
    ]
