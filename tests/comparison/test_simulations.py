"""Error rates, coverage and power of the statistics in seeded simulations; slow.

Tolerances are three standard errors of the simulated share.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result, load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.comparison.pairs import Pair, compare_pairs
from cnncompare.stats.intervals import t_over_seeds, wilson
from cnncompare.stats.power import power_mcnemar, power_over_seeds_and_images
from cnncompare.stats.two_samples import difference_of, sample_of
from tests.comparison.factory import result_like, simulate, write_run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(autouse=True)
def _no_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the sample size plans, which take most of the time and change no test."""
    monkeypatch.setattr("cnncompare.comparison.pairs.plan_sample_sizes", lambda *arguments: None)


@pytest.fixture
def template(tmp_path: Path) -> Result:
    write_run(tmp_path, "any", 0, np.ones(10, bool))
    return load_results([tmp_path])[0][0]


def pairs_of(template: Result, right: dict[str, NDArray[np.bool_]]) -> list[Pair]:
    groups = [
        Group(label, [result_like(template, label, s, row) for s, row in enumerate(rows)])
        for label, rows in right.items()
    ]
    return compare_pairs(groups, METRICS["top1"])


def within(share: float, low: float, high: float, repeats: int) -> bool:
    error = 3 * (0.05 * 0.95 / repeats) ** 0.5
    return bool(low - error <= share <= high + error)


@pytest.mark.parametrize(
    ("seeds", "own", "seed_sd"),
    [(1, 1.0, 0.0), (3, 0.0, 0.1), (3, 1.0, 0.1), (3, 1.0, 0.02), (5, 1.0, 0.1), (2, 0.5, 0.2)],
)
def test_at_most_5_percent_of_sweeps_of_equal_models_have_a_significant_pair(
    template: Result, seeds: int, own: float, seed_sd: float
) -> None:
    rng, repeats = np.random.default_rng(1), 600
    models = dict.fromkeys("abcde", 0.9)
    wrong = 0
    for _ in range(repeats):
        right = simulate(rng, models, seeds=seeds, n=1000, own=own, seed_sd=seed_sd)
        wrong += any(pair.significant for pair in pairs_of(template, right))
    assert within(wrong / repeats, 0, 0.05, repeats), wrong / repeats


@pytest.mark.parametrize("accuracy", [0.5, 0.9, 0.98])
def test_wilson_covers(accuracy: float) -> None:
    rng, repeats = np.random.default_rng(2), 20_000
    found = [wilson(float(k), 2000) for k in rng.binomial(2000, accuracy, repeats)]
    covered = np.mean([i.low <= accuracy <= i.high for i in found])
    assert 0.94 <= covered <= 0.96


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_t_over_seeds_covers_the_mean_over_all_seeds_on_the_same_images(seeds: int) -> None:
    rng, repeats, covered = np.random.default_rng(3), 4000, 0
    logits = rng.normal(2.5, 1.5, 500)
    shifts = rng.normal(0, 0.2, 20_000)
    truth = float(np.mean([(1 / (1 + np.exp(-logits - s))).mean() for s in shifts]))
    for _ in range(repeats):
        p = 1 / (1 + np.exp(-logits - rng.normal(0, 0.2, (seeds, 1))))
        found = t_over_seeds([float(x) for x in (rng.random(p.shape) < p).mean(axis=1)])
        covered += found.low <= truth <= found.high
    assert within(covered / repeats, 0.94, 0.96, repeats), covered / repeats


@pytest.mark.parametrize(
    ("seeds", "n", "own", "seed_sd", "most"),
    [
        (3, 2000, 0.0, 0.1, 0.96),
        (3, 5000, 0.7, 0.15, 0.96),
        (10, 2000, 1.0, 0.1, 0.96),
        (5, 2000, 1.0, 0.1, 0.96),
        (3, 2000, 1.0, 0.03, 0.975),  # conservative for few seeds that hardly differ
    ],
)
def test_a_pairs_interval_covers(
    seeds: int, n: int, own: float, seed_sd: float, most: float
) -> None:
    rng, repeats, covered = np.random.default_rng(4), 1500, 0
    models = {"a": 0.92, "b": 0.90}
    for _ in range(repeats):
        right = simulate(rng, models, seeds=seeds, n=n, own=own, seed_sd=seed_sd)
        found = difference_of(sample_of(right["a"]), sample_of(right["b"]), None)
        low, high = found.interval(0.05)
        covered += low <= 0.02 <= high
    assert within(covered / repeats, 0.94, most, repeats), covered / repeats


@pytest.mark.parametrize(
    ("seeds", "own", "seed_sd"), [(3, 0.5, 0.05), (6, 1.0, 0.1), (12, 0.5, 0.2)]
)
def test_the_stated_power_is_correct_within_5_points(
    template: Result, seeds: int, own: float, seed_sd: float
) -> None:
    """The power is computed from a large pilot and compared with simulated sweeps."""
    rng, repeats = np.random.default_rng(6), 800
    models = {"a": 0.92, "b": 0.90}
    pilot = simulate(rng, models, seeds=200, n=20_000, own=own, seed_sd=seed_sd)
    parts = difference_of(sample_of(pilot["a"]), sample_of(pilot["b"]), None)
    stated = power_over_seeds_and_images(parts)(0.02, 0.05, seeds, 1500)
    found = 0
    for _ in range(repeats):
        right = simulate(rng, models, seeds=seeds, n=1500, own=own, seed_sd=seed_sd)
        found += pairs_of(template, right)[0].significant
    assert 0.1 < stated < 0.99
    assert found / repeats == pytest.approx(stated, abs=0.05)


def test_the_stated_power_of_mcnemars_test_is_correct_within_5_points(template: Result) -> None:
    rng, repeats = np.random.default_rng(7), 800
    models = {"a": 0.92, "b": 0.90}
    pilot = simulate(rng, models, seeds=1, n=400_000, own=1.0, seed_sd=0.0)
    signs = pilot["a"].astype(np.int8) - pilot["b"]
    stated = power_mcnemar(float(abs(signs).mean()), 2000)(0.02, 0.05, None, None)
    found = 0
    for _ in range(repeats):
        right = simulate(rng, models, seeds=1, n=2000, own=1.0, seed_sd=0.0)
        found += pairs_of(template, right)[0].significant
    assert found / repeats == pytest.approx(stated, abs=0.05)
