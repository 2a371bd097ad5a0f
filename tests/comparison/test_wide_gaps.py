"""Verdicts on random sweeps whose true gaps are at least 20 points."""

import numpy as np
import pytest

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result, load_results
from cnncompare.comparison.metrics import METRICS
from cnncompare.comparison.pairs import Pair, compare_pairs
from tests.comparison.factory import result_like, write_run

LEVELS = (0.99, 0.78, 0.57, 0.35, 0.12)  # gaps of 21 points and more


@pytest.fixture
def template(tmp_path_factory: pytest.TempPathFactory) -> Result:
    root = tmp_path_factory.mktemp("template")
    write_run(root, "any", 0, np.ones(10, bool))
    return load_results([root])[0][0]


def random_sweep(template: Result, rng: np.random.Generator, most_models: int) -> list[Group]:
    """Return groups of 1 to 5 seeds each: matched, overlapping or not, best first."""
    models, n = int(rng.integers(1, most_models + 1)), int(rng.choice([200, 1000, 4000]))
    kind = rng.choice(["matched", "overlapping", "apart"])
    spread, matched = rng.choice([0.0, 0.002, 0.01]), int(rng.integers(1, 6))
    groups = []
    for i in range(models):
        seeds = matched if kind == "matched" else int(rng.integers(1, 6))
        first = {"matched": 0, "overlapping": int(rng.integers(0, 4)), "apart": 10 * i}[kind]
        level = np.clip(LEVELS[i % 5] + rng.normal(0, spread, (seeds, 1)), 0, 1)
        right = rng.random((seeds, n)) < level
        label = f"m{i % 5}-{i}"
        groups.append(
            Group(label, [result_like(template, label, first + s, r) for s, r in enumerate(right)])
        )
    return sorted(groups, key=lambda g: -np.mean([r.record.test.acc1 for r in g.results]))


def check(pairs: list[Pair]) -> tuple[int, int]:
    """Assert the verdicts; return the numbers of wide pairs, and of those with too few runs."""
    wide = [p for p in pairs if p.a.partition("-")[0] != p.b.partition("-")[0]]
    for pair in wide:
        assert pair.significant or pair.too_few_runs, pair
        assert pair.difference >= 0
        assert not pair.significant or pair.low > 0
    for pair in pairs:
        inner = [
            p
            for p in pairs
            if p.significant
            and p.runs == pair.runs
            and abs(p.difference or 0.0) < abs(pair.difference or 0.0)
        ]
        assert not inner or pair.significant or pair.too_few_runs or pair not in wide
    return len(wide), sum(pair.too_few_runs for pair in wide)


@pytest.mark.parametrize("seed", range(4))
def test_a_wide_gap_is_significant_or_has_too_few_runs(
    template: Result, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr("cnncompare.comparison.pairs.plan_sample_sizes", lambda *arguments: None)
    rng = np.random.default_rng(seed)
    counts = [
        check(compare_pairs(random_sweep(template, rng, 6), METRICS["top1"])) for _ in range(6)
    ]
    wide, too_few = map(sum, zip(*counts, strict=True))
    assert wide > 10
    assert too_few < 0.4 * wide  # of 2 + 2 runs, most


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_wide_gaps_in_many_sweeps(template: Result, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cnncompare.comparison.pairs.plan_sample_sizes", lambda *arguments: None)
    rng = np.random.default_rng(99)
    counts = [
        check(compare_pairs(random_sweep(template, rng, 12), METRICS["top1"])) for _ in range(150)
    ]
    wide, too_few = map(sum, zip(*counts, strict=True))
    print(f"{wide} pairs with a gap of 20 points or more, {too_few} with too few runs")
    assert too_few < 0.05 * wide
