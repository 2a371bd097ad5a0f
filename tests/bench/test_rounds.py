import pytest

from cnncompare.bench.rounds import BenchRow, Goal, alternate, ratio_row, single_row
from cnncompare.errors import RunError


def test_a_row_computed_by_hand() -> None:
    row = ratio_row("epoch", [10.0, 30.0, 24.0], [5.0, 10.0, 6.0], Goal(3, "at least"))
    assert (row.ours, row.other) == (24.0, 6.0)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (3.0, 2.0, 4.0)  # 2, 3, 4: by round
    assert row.n == 3
    assert row.reached is True


def test_the_ratio_is_computed_within_rounds_and_not_from_medians() -> None:
    # the machine slows down between rounds, for both sides alike
    row = ratio_row("epoch", [100.0, 2.0, 4.0], [50.0, 1.0, 2.0], None)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (2.0, 2.0, 2.0)


def test_rounds_in_which_one_side_failed_do_not_count() -> None:
    row = ratio_row("epoch", [1.0, None, 3.0], [1.0, 1.0, None], None)
    assert (row.ratio, row.n) == (1.0, 1)
    nothing = ratio_row("epoch", [None], [1.0], Goal(2, "at least"))
    assert nothing.ratio is None
    assert nothing.n == 0
    assert nothing.reason
    assert nothing.reached is None


@pytest.mark.parametrize(
    ("goal", "reached"),
    [(Goal(1.05, "at most"), True), (Goal(1.0, "at most"), False), (Goal(1.05, "at least"), True)],
)
def test_a_goal_is_compared_with_the_ratio(goal: Goal, reached: bool) -> None:
    assert ratio_row("loop", [1.05], [1.0], goal).reached is reached


def test_the_goal_of_a_single_variant_applies_to_its_number() -> None:
    row = single_row("--help, s", [0.9, 1.2, 0.5], Goal(1.0, "at most"))
    assert row == BenchRow("--help, s", ours=0.9, n=3, goal=Goal(1.0, "at most"))
    assert row.reached is True


def test_variants_alternate_in_both_directions() -> None:
    order: list[str] = []

    def turn(name: str) -> float:
        order.append(name)
        return 1.0

    results = alternate({"a": lambda: turn("a"), "b": lambda: turn("b")}, rounds=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert results.series == {"a": [1.0] * 3, "b": [1.0] * 3}


def test_the_budget_limits_the_rounds_to_at_least_two() -> None:
    now = [0.0]

    def slow() -> float:
        now[0] += 10
        return now[0]

    results = alternate({"a": slow}, rounds=9, budget_s=25, clock=lambda: now[0])
    assert results.series["a"] == [10.0, 20.0, 30.0]
    results = alternate({"a": slow}, rounds=9, budget_s=1, clock=lambda: now[0])
    assert len(results.series["a"]) == 2


def test_a_variant_that_fails_is_not_measured_again() -> None:
    calls: list[int] = []

    def fails() -> float:
        calls.append(1)
        raise ValueError("no bfloat16\nhere")

    def ends() -> float:
        raise RunError("the process ended")

    results = alternate({"a": fails, "b": lambda: 2.0, "c": ends}, rounds=3)
    assert len(calls) == 1
    assert results.series["b"] == [2.0, 2.0, 2.0]
    assert results.series["a"] == [None, None, None]
    assert results.failures == {"a": "ValueError: no bfloat16", "c": "the process ended"}
