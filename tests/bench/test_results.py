import io
import json

from rich.console import Console

from cnncompare.bench.results import notes, suite_json, suite_table
from cnncompare.bench.rounds import BenchRow, Goal, ratio_row
from cnncompare.bench.suite.benchmark_table import BENCHMARKS
from cnncompare.bench.suite.run_suite import RowGroup, SuiteResult, run_group

KEYS = ["name", "ours", "other", "ratio", "ratio_low", "ratio_high", "n", "goal"]


def empty_result() -> SuiteResult:
    return SuiteResult({"cpu": "some"}, {"data": "synthetic", "rows": {}})


def test_the_json_has_the_keys_of_the_contract() -> None:
    result = empty_result()
    row = ratio_row("LeNet-5 epoch, images/s", [9.0, 8.0], [2.0, 2.0], Goal(3.5, "at least"))
    run_group(RowGroup(lambda: [row], {row.name: {"ours": "model=lenet5"}}), result)
    whole = json.loads(suite_json(result))
    assert list(whole) == ["machine", "settings", "rows"]
    (only,) = whole["rows"]
    assert list(only) == KEYS
    assert only == {
        "name": "LeNet-5 epoch, images/s",
        "ours": 8.5,
        "other": 2.0,
        "ratio": 4.25,
        "ratio_low": 4.0,
        "ratio_high": 4.5,
        "n": 2,
        "goal": 3.5,
    }
    how = whole["settings"]["rows"]["LeNet-5 epoch, images/s"]
    assert how["ours"] == "model=lenet5"
    assert how["goal"] == "at least 3.5"
    assert how["reached"] is True
    share = how["other_cpu_share"]  # None within one tick of the system's clock
    assert share is None or 0 <= share <= 1


def test_rows_of_a_group_that_fails_are_null_and_have_the_reason() -> None:
    def fails() -> list[BenchRow]:
        raise MemoryError("not enough")

    result = empty_result()
    goals = {"a": Goal(1.0, "at most")}
    run_group(RowGroup(fails, {"a": {}, "b": {}}, goals), result)
    run_group(RowGroup(lambda: [BenchRow("c", ours=1.0, n=1)], {"c": {}}), result)
    whole = json.loads(suite_json(result))
    assert [row["name"] for row in whole["rows"]] == ["a", "b", "c"]
    a = whole["rows"][0]
    assert [a[key] for key in KEYS[1:6]] == [None] * 5
    assert (a["n"], a["goal"]) == (0, 1.0)
    assert whole["settings"]["rows"]["a"]["reason"] == "MemoryError: not enough"
    assert "a: not measured: MemoryError: not enough" in notes(result)


def test_an_estimate_is_not_a_measurement() -> None:
    estimate: dict[str, float | str] = {"other": 900.0, "ratio": 15.0, "how": "seen"}
    row = BenchRow("time to 70 %, s", ours=60.0, n=1, estimate=estimate)
    result = empty_result()
    run_group(RowGroup(lambda: [row], {row.name: {}}), result)
    (only,) = json.loads(suite_json(result))["rows"]
    assert only["other"] is None
    assert only["ratio"] is None
    assert any("estimated, not measured" in note and "15 times" in note for note in notes(result))


def test_the_table_fits_80_columns() -> None:
    rows = [
        BenchRow(row.name, 123456.0, 123456.0, 12.34, 10.12, 15.67, 5, row.goal)
        for benchmark in BENCHMARKS
        for row in benchmark.rows
    ]
    text = io.StringIO()
    console = Console(file=text, width=80)
    console.print(suite_table(rows, console))
    lines = text.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert text.getvalue().count("123,456") == 2 * len(rows)  # no number was cut
    assert "…" not in text.getvalue()


def test_contention_is_reported() -> None:
    result = empty_result()
    result.settings["rows"] = {"a": {"other_cpu_share": 0.3}}
    assert notes(result) == [
        "other programs used up to 30% of the CPU: repeat the benchmark without them"
    ]


def test_row_names_are_unique() -> None:
    names = [row.name for benchmark in BENCHMARKS for row in benchmark.rows]
    assert len(names) == len(set(names))
