import pytest

from cnncompare.bench.rounds import Goal, Row, alone, alternate, compare
from cnncompare.errors import RunError


def test_a_row_by_hand() -> None:
    row = compare("epoch", [10.0, 30.0, 24.0], [5.0, 10.0, 6.0], Goal(3, "at least"))
    assert (row.ours, row.other) == (24.0, 6.0)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (3.0, 2.0, 4.0)  # 2, 3, 4: by round
    assert row.n == 3
    assert row.reached is True


def test_the_ratio_is_the_rounds_own_and_not_that_of_the_medians() -> None:
    # the machine slows down between rounds, for both sides alike
    row = compare("epoch", [100.0, 2.0, 4.0], [50.0, 1.0, 2.0], None)
    assert (row.ratio, row.ratio_low, row.ratio_high) == (2.0, 2.0, 2.0)


def test_rounds_in_which_one_side_failed_do_not_count() -> None:
    row = compare("epoch", [1.0, None, 3.0], [1.0, 1.0, None], None)
    assert (row.ratio, row.n) == (1.0, 1)
    nothing = compare("epoch", [None], [1.0], Goal(2, "at least"))
    assert nothing.ratio is None
    assert nothing.n == 0
    assert nothing.reason
    assert nothing.reached is None


@pytest.mark.parametrize(
    ("goal", "reached"),
    [(Goal(1.05, "at most"), True), (Goal(1.0, "at most"), False), (Goal(1.05, "at least"), True)],
)
def test_a_goal_is_compared_with_the_ratio(goal: Goal, reached: bool) -> None:
    assert compare("loop", [1.05], [1.0], goal).reached is reached


def test_a_number_alone_is_compared_itself() -> None:
    row = alone("--help, s", [0.9, 1.2, 0.5], Goal(1.0, "at most"))
    assert row == Row("--help, s", ours=0.9, n=3, goal=Goal(1.0, "at most"))
    assert row.reached is True


def test_variants_take_turns_in_both_directions() -> None:
    order: list[str] = []

    def turn(name: str) -> float:
        order.append(name)
        return 1.0

    laps = alternate({"a": lambda: turn("a"), "b": lambda: turn("b")}, rounds=3)
    assert order == ["a", "b", "b", "a", "a", "b"]
    assert laps.series == {"a": [1.0] * 3, "b": [1.0] * 3}


def test_the_time_is_kept_but_two_rounds_are_made() -> None:
    now = [0.0]

    def slow() -> float:
        now[0] += 10
        return now[0]

    laps = alternate({"a": slow}, rounds=9, budget_s=25, clock=lambda: now[0])
    assert laps.series["a"] == [10.0, 20.0, 30.0]
    laps = alternate({"a": slow}, rounds=9, budget_s=1, clock=lambda: now[0])
    assert len(laps.series["a"]) == 2


def test_a_variant_that_fails_is_left_out_and_the_others_go_on() -> None:
    calls: list[int] = []

    def fails() -> float:
        calls.append(1)
        raise ValueError("no bfloat16\nhere")

    def told() -> float:
        raise RunError("the process ended")

    laps = alternate({"a": fails, "b": lambda: 2.0, "c": told}, rounds=3)
    assert len(calls) == 1
    assert laps.series["b"] == [2.0, 2.0, 2.0]
    assert laps.series["a"] == [None, None, None]
    assert laps.failures == {"a": "ValueError: no bfloat16", "c": "the process ended"}
