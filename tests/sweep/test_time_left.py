"""The time that a sweep still takes, against schedules by hand."""

import pytest

from cnncompare.sweep.time_left import TimeLeft


def test_nothing_is_known_before_the_first_epoch() -> None:
    assert TimeLeft().seconds([("a", 3.0, None)], ["a", "b"], 1) is None


def test_jobs_one_after_the_other_add_up() -> None:
    left = TimeLeft()
    left.add("a", 10.0)
    left.add("a", 20.0)  # 15 on average
    left.add("b", 100.0)
    assert left.seconds([("a", 5.0, None)], ["a", "b"], 1) == 10 + 15 + 100
    assert left.seconds([], [], 1) == 0
    assert left.seconds([("a", 40.0, None)], [], 1) == 0  # over its time, never negative


def test_an_unknown_network_counts_as_the_average_of_the_known_ones() -> None:
    left = TimeLeft()
    left.add("a", 10.0)
    left.add("b", 30.0)
    assert left.seconds([], ["c"], 1) == 20


def test_parallel_jobs_fill_the_slots_as_they_become_free() -> None:
    left = TimeLeft()
    left.add("short", 10.0)
    left.add("long", 100.0)
    # slots are free after 40 and 5 s: long from 5 to 105, short from 40 to 50 and 50 to 60
    running = [("long", 60.0, None), ("short", 5.0, None)]
    assert left.seconds(running, ["long", "short", "short"], 2) == 105
    assert left.seconds([("short", 5.0, None)], ["short"], 2) == 10  # the second slot is free


def test_the_pace_of_a_running_job_is_used_before_any_has_finished() -> None:
    left = TimeLeft()
    assert left.seconds([("a", 10.0, 50.0)], ["a", "b"], 1) == 40 + 50 + 50
    left.add("a", 60.0)
    assert left.seconds([("a", 10.0, 50.0)], ["a"], 1) == pytest.approx(40 + 60)
