"""Looks at a growing set of runs, and the tests that allow for them."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cnncompare.comparison.compare import Options, compare_results
from cnncompare.comparison.load import load_results
from cnncompare.comparison.looks import LOOKS, read_looks, record_look
from cnncompare.comparison.pairs import Pair
from cnncompare.stats.confidence_sequence import SequentialDifference
from cnncompare.stats.two_samples import Difference
from tests.comparison.factory import simulate, write_run


def add(root: Path, seeds: range, n: int = 800) -> None:
    right = simulate(np.random.default_rng(0), {"a": 0.95, "b": 0.90}, seeds=12, n=n)
    for label, rows in right.items():
        for seed in seeds:
            write_run(root, label, seed, rows[seed])


def look(root: Path) -> None:
    record_look([root], load_results([root])[0])


def pair(root: Path) -> Pair:
    options = Options(looks=tuple(read_looks([root])))
    return compare_results(*load_results([root]), options).tables[0].pairs[0]


def test_seeds_that_were_added_after_a_report_are_tested_with_allowance(tmp_path: Path) -> None:
    add(tmp_path, range(3))
    first = pair(tmp_path)
    look(tmp_path)
    assert pair(tmp_path) == first  # the same runs again
    add(tmp_path, range(3, 6))
    found = pair(tmp_path)
    assert (found.looks, found.test) == (1, "seeds-and-images-sequential")
    (tmp_path / LOOKS).unlink()
    fixed = pair(tmp_path)
    assert fixed.looks == 0
    assert found.p > fixed.p
    assert found.high - found.low > fixed.high - fixed.low
    assert (found.p < 0.05) == (found.low > 0)


def test_a_look_at_single_runs_does_not_count(tmp_path: Path) -> None:
    add(tmp_path, range(1))
    look(tmp_path)
    add(tmp_path, range(1, 4))
    assert pair(tmp_path).looks == 0


def test_the_same_runs_are_one_look(tmp_path: Path) -> None:
    add(tmp_path, range(2), n=50)
    for _ in range(3):
        look(tmp_path)
    content = json.loads((tmp_path / LOOKS).read_text())
    assert [len(entry["runs"]) for entry in content["looks"]] == [4]
    add(tmp_path, range(2, 3), n=50)
    look(tmp_path)
    assert [len(runs) for runs in read_looks([tmp_path])] == [4, 6]


@pytest.mark.parametrize("content", ["", "[]", '{"looks": 3}', '{"looks": [{"at": 1}]}', "\x00"])
def test_a_damaged_file_counts_as_no_look(tmp_path: Path, content: str) -> None:
    (tmp_path / LOOKS).write_text(content)
    assert read_looks([tmp_path]) == []


def test_a_folder_that_cannot_be_written_is_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(tmp_path, range(2), n=50)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "read-only")

    monkeypatch.setattr("cnncompare.comparison.looks.write_atomically", refuse)
    look(tmp_path)
    assert not (tmp_path / LOOKS).exists()


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.0005])
def test_the_bound_is_where_the_likelihood_ratio_reaches_1_over_alpha(alpha: float) -> None:
    """The mixture likelihood ratio of t with 0.87 times 8 degrees of freedom, as in the formula."""
    found = Difference(0.02, 1e-5, 0.0, 8.0, (5, 5), 1000, 2e-5, 0.0)
    half = SequentialDifference(found).half_width(alpha)
    spread, t2 = 1 + 2.5 * 9, half**2 / 1e-5
    ratio = ((1 + t2 / 6.96) / (1 + t2 / (6.96 * spread))) ** 3.98 / math.sqrt(spread)
    assert ratio == pytest.approx(1 / (0.6 * alpha))


def test_p_is_the_level_whose_interval_ends_at_0() -> None:
    found = Difference(0.02, 1e-5, 1e-6, 8.0, (5, 5), 1000, 2e-5, 0.0)
    sequence = SequentialDifference(found)
    bounds = sequence.interval(sequence.p())
    assert bounds is not None
    assert bounds[0] == pytest.approx(0.0, abs=1e-8)
    assert sequence.p(0.02) == 1.0


def false_alarms(repeats: int, v_images: float, first: int, noisy: float) -> float:
    """Return the share of studies of two equal networks with any significant look.

    The first look is a fixed test; each further one, after another seed each up to 20, allows for
    the earlier ones. The unit is the standard deviation over seeds.
    """
    rng = np.random.default_rng(5)
    wrong = 0
    for _ in range(repeats):
        a, b = rng.normal(0, 1, 20), rng.normal(0, noisy, 20)
        images = rng.normal(0, math.sqrt(v_images))
        for n in range(first, 21):
            va, vb = a[:n].var(ddof=1) / n, b[:n].var(ddof=1) / n
            df = (va + vb) ** 2 / ((va**2 + vb**2) / (n - 1))
            centre = a[:n].mean() - b[:n].mean() + images
            found = Difference(centre, va + vb, v_images, df, (n, n), 1000, 1.0, 0.0, cautious=True)
            if n == first:
                significant = found.p() < 0.05
            else:
                significant = abs(centre) > SequentialDifference(found).half_width(0.05)
            if significant:
                wrong += 1
                break
    return wrong / repeats


CASES = [(0.0, 2, 1.0), (0.3, 3, 1.0), (3.0, 2, 1.0), (0.0, 2, 5.0), (0.0, 3, 5.0)]


@pytest.mark.parametrize(("v_images", "first", "noisy"), CASES)
def test_looking_after_every_seed_keeps_the_level(
    v_images: float, first: int, noisy: float
) -> None:
    """300 studies; the tolerance is three standard errors."""
    assert false_alarms(300, v_images, first, noisy) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


@pytest.mark.slow
@pytest.mark.parametrize(("v_images", "first", "noisy"), CASES)
def test_looking_keeps_the_level_in_many_studies(v_images: float, first: int, noisy: float) -> None:
    share = false_alarms(4000, v_images, first, noisy)
    print(f"images {v_images}, from {first} seeds, spread {noisy}: {100 * share:.1f} % of 4,000")
    assert share <= 0.05 + math.sqrt(0.05 * 0.95 / 4000)  # expected: at most 4.9 %


@pytest.mark.parametrize("runs", [(2, 2), (3, 3), (3, 5), (10, 10)])
def test_unequal_spreads_cost_degrees_of_freedom(runs: tuple[int, int]) -> None:
    least, most = min(runs) - 1, sum(runs) - 2

    def cautious(df: float) -> float:
        return Difference(0.02, 1e-5, 0.0, df, runs, 1000, 2e-5, 0.0).cautious_df

    assert cautious(most) == pytest.approx(0.87 * most)
    assert cautious(least) == pytest.approx(0.87 * 0.8 * least)
    assert cautious(most + 1) == most + 1  # of a pool
    grid = [cautious(df) for df in np.linspace(least, most, 20)]
    assert grid == sorted(grid)


def test_a_single_run_leaves_the_degrees_of_freedom_of_the_other_network() -> None:
    assert Difference(0.02, 1e-5, 0.0, 2.0, (1, 3), 1000, 2e-5, 0.0).cautious_df == 2.0


def test_equivalence_keeps_the_degrees_of_freedom_of_welch() -> None:
    plain = Difference(0.02, 1e-5, 1e-6, 3.0, (3, 3), 1000, 2e-5, 0.0)
    cautious = replace(plain, cautious=True)
    assert cautious.p() > plain.p()
    assert cautious.interval(0.05)[0] < plain.interval(0.05)[0]
    assert cautious.interval(cautious.p())[0] == pytest.approx(0.0, abs=1e-9)
