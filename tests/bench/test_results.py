import io
import json

import pytest
from rich.console import Console

from cnncompare.bench.results import as_json, notes, table
from cnncompare.bench.rounds import Goal, Row, compare
from cnncompare.bench.suite.race_table import RACES
from cnncompare.bench.suite.run_suite import Group, Result, run_group

KEYS = ["name", "ours", "other", "ratio", "ratio_low", "ratio_high", "n", "goal"]


def result() -> Result:
    return Result({"cpu": "some"}, {"data": "synthetic", "rows": {}})


def test_the_json_is_the_contracts() -> None:
    found = result()
    row = compare("LeNet-5 epoch, images/s", [9.0, 8.0], [2.0, 2.0], Goal(3.5, "at least"))
    run_group(Group(lambda: [row], {row.name: {"ours": "model=lenet5"}}), found)
    whole = json.loads(as_json(found))
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
    assert 0 <= how["other_cpu_share"] <= 1


def test_a_group_that_fails_leaves_rows_of_null_with_the_reason() -> None:
    def fails() -> list[Row]:
        raise MemoryError("not enough")

    found = result()
    goals = {"a": Goal(1.0, "at most")}
    run_group(Group(fails, {"a": {}, "b": {}}, goals), found)
    run_group(Group(lambda: [Row("c", ours=1.0, n=1)], {"c": {}}), found)
    whole = json.loads(as_json(found))
    assert [row["name"] for row in whole["rows"]] == ["a", "b", "c"]
    a = whole["rows"][0]
    assert [a[key] for key in KEYS[1:6]] == [None] * 5
    assert (a["n"], a["goal"]) == (0, 1.0)
    assert whole["settings"]["rows"]["a"]["reason"] == "MemoryError: not enough"
    assert "a: not measured: MemoryError: not enough" in notes(found)


def test_an_estimate_is_not_put_as_measured() -> None:
    estimate: dict[str, float | str] = {"other": 900.0, "ratio": 15.0, "how": "seen"}
    row = Row("time to 70 %, s", ours=60.0, n=1, estimate=estimate)
    found = result()
    run_group(Group(lambda: [row], {row.name: {}}), found)
    (only,) = json.loads(as_json(found))["rows"]
    assert only["other"] is None
    assert only["ratio"] is None
    assert any("estimated, not measured" in note and "15 times" in note for note in notes(found))


def test_the_table_fits_80_columns() -> None:
    rows = [
        Row(wanted.name, 123456.0, 123456.0, 12.34, 10.12, 15.67, 5, wanted.goal)
        for race in RACES
        for wanted in race.wanted
    ]
    text = io.StringIO()
    Console(file=text, width=80).print(table(rows))
    lines = text.getvalue().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 80
    assert text.getvalue().count("123,456") == 2 * len(rows)  # no number was cut
    assert "…" not in text.getvalue()


def test_a_busy_machine_is_said() -> None:
    found = result()
    found.settings["rows"] = {"a": {"other_cpu_share": 0.3}}
    assert notes(found) == ["other programs took up to 30% of the CPU: repeat it alone"]


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.title)
def test_a_race_names_each_row_once(race: object) -> None:
    names = [wanted.name for one in RACES for wanted in one.wanted]
    assert len(names) == len(set(names))
