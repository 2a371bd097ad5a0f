"""No table of any command cuts a number, at 50, 80 and 120 columns and in a pipe."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from cnncompare.bench.results import suite_table, throughput_table
from cnncompare.bench.rounds import BenchRow
from cnncompare.bench.suite.benchmark_table import BENCHMARKS
from cnncompare.bench.tune import Candidate, CandidateResult, print_ranking
from cnncompare.comparison.compare import Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.data.audit.console import counts_table
from cnncompare.explain.console import print_explanation
from cnncompare.explain.explanation import Explanation, explain
from cnncompare.explain.subject import find_subject
from cnncompare.inference.answers import Answer
from cnncompare.inference.console import print_answers
from cnncompare.models.catalog.command import print_networks
from cnncompare.models.catalog.table import find_rows
from cnncompare.report.console import print_comparison
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.plan import _print as print_plan
from cnncompare.sweep.status import RunState
from cnncompare.sweep.status import _print as print_status
from cnncompare.terminal.console import make_console
from cnncompare.terminal.result import print_run_result
from cnncompare.terminal.sweep_table import print_sweep_table
from tests.comparison.factory import write_sweep
from tests.composing import compose_config
from tests.terminal.conftest import Printed, make_run

WIDTHS = (50, 80, 120)
ROWS = [
    BenchRow(row.name, 123456.0, 98765.0, 12.34, 10.12, 15.67, 5, row.goal)
    for benchmark in BENCHMARKS
    for row in benchmark.rows
]
LONG = "mobilenet_v3_large_with_a_name"


def sweep(folder: Path) -> None:
    runs = [make_run(folder, name, 0.97, seed) for name in ("lenet5", LONG) for seed in (0, 1)]
    print_sweep_table(runs)


def result(folder: Path) -> None:
    print_run_result(make_run(folder, LONG, 0.9722))


def models(folder: Path) -> None:
    print_networks(find_rows(None), None, make_console())


def plan(folder: Path) -> None:
    config = compose_config("data=digits")
    cost = {
        "params": 11_173_962,
        "macs": 555_422_720,
        "peak_rss_mib": 1612.3,
        "epoch_s": 123.4,
        "hours": 1.234,
        "disk_mb": 4321.9,
    }
    jobs = [
        Job(number, config, None, (), f"model={name} optimizer.lr=0.05 seed=0")  # type: ignore[arg-type]
        for number, name in enumerate(("lenet5", LONG), start=1)
    ]
    nothing = {"epoch_s": None, "hours": None, "disk_mb": None, "problem": "does not fit"}
    print_plan([(jobs[0], cost, True), (jobs[1], cost, False), (jobs[0], nothing, False)])


def bench(folder: Path) -> None:
    console = make_console()
    console.print(suite_table(ROWS, console))


def throughput(folder: Path) -> None:
    console = make_console()
    console.print(throughput_table(ROWS, "plain", console))


def tune(folder: Path) -> None:
    candidate = Candidate({"channels_last": True, "compile": True})
    config = compose_config("data=digits", "data.limit_train=1024", "data.limit_val=512")
    results = [CandidateResult(candidate, row, 0.9123) for row in ROWS[:3]]
    print_ranking(results, config, [])


_EXPLAINED: dict[str, Explanation] = {}


def explanation(folder: Path) -> None:
    for name in ("lenet5", "resnet18"):
        _EXPLAINED[name] = _EXPLAINED.get(name) or explain(find_subject(name), None)
        print_explanation(_EXPLAINED[name], make_console(), all_layers=False)


def status(folder: Path) -> None:
    names = [f"{LONG}-digits-e100-d1-s0-0123abcd", "lenet5-digits-e100-d1-s0-0123abcd"]
    print_status([RunState(folder / name, "finished", 99, 100) for name in names], make_console())


def audit(folder: Path) -> None:
    per_class = {f"class number {k}, a long name of a kind": 123_456 + k for k in range(3)}
    split = {"n": 370_371, "per_class": per_class}
    make_console().print(counts_table({"splits": dict.fromkeys(("train", "val", "test"), split)}))


def predict(folder: Path) -> None:
    runs = [make_run(folder, name, 0.9) for name in ("lenet5", "resnet20", LONG)]
    top = (("golden retriever", 0.9713), ("Labrador retriever", 0.0213))
    answers = [
        tuple(Answer(f"photos/IMG_{k}.jpg", run.record.id, run.record.label, top) for run in runs)
        for k in (20411, 20412)
    ]
    print_answers(runs, answers)


def report(folder: Path) -> None:
    study = folder / "study"
    if not study.exists():
        write_sweep(study, {"resnet20": 0.93, LONG: 0.925, "lenet5": 0.8}, n=400)
    results, skipped = load_results([study])
    print_comparison(compare_results(results, skipped), make_console())


PRINTERS = (
    *(sweep, result, models, plan, bench, throughput, tune),
    *(explanation, status, audit, predict, report),
)


def table_lines(text: str) -> list[str]:
    """Return the lines of tables and of columns; sentences and commands have no wide gaps."""
    lines = [line.rstrip() for line in text.splitlines()]
    return [line for line in lines if re.search(r"\S {2,}\S|──", line) and "cnncompare" not in line]


def numbers(text: str) -> set[str]:
    """Return the cells that are numbers, with units or in pairs."""
    cells = re.split(r"\s+", "\n".join(table_lines(text)))
    return {cell for cell in cells if re.fullmatch(r"[-+<≥≤]?\d[\d.,/x-]*[GMk%]?", cell)}


@pytest.mark.parametrize("show", PRINTERS, ids=lambda show: show.__name__)
def test_no_table_cuts_a_number(
    show: Callable[[Path], None], tmp_path: Path, printed: Printed, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = printed(None, lambda: show(tmp_path))
    assert numbers(whole)
    assert "…" not in whole
    assert "\x1b" not in whole
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        text = printed(width, lambda: show(tmp_path))
        assert "…" not in text, width
        assert numbers(text) <= numbers(whole), width
        wide = [line for line in table_lines(text) if cell_len(line) > width]
        assert not wide, (width, wide)
        assert numbers(text), width


@pytest.mark.parametrize("baseline", [None, "lenet5"])
@pytest.mark.parametrize("metric", METRICS)
def test_a_report_on_any_metric_keeps_the_networks_and_whole_numbers(
    metric: str,
    baseline: str | None,
    tmp_path: Path,
    printed: Printed,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_sweep(tmp_path, {"resnet20": 0.93, "lenet5": 0.8}, n=400)
    options = Options(metric=METRICS[metric], baseline=baseline)
    comparison = compare_results(*load_results([tmp_path]), options)
    whole = printed(None, lambda: print_comparison(comparison, make_console()))
    for width in WIDTHS:
        monkeypatch.setenv("COLUMNS", str(width))
        text = printed(width, lambda: print_comparison(comparison, make_console()))
        assert numbers(text) <= numbers(whole), width
        rows = [line for line in table_lines(text) if re.match(r"(resnet20|lenet5) ", line)]
        assert len(rows) == 2, (width, text)
        assert max(map(cell_len, table_lines(text))) <= width
