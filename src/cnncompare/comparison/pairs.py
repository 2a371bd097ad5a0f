"""Each pair of models: the difference, its interval, and whether the runs show that there is one.

| runs | test |
|---|---|
| one each, same images | exact McNemar: about these two trained networks on other such images |
| two or more seeds in common | paired over seeds and images (crossed.py) |
| the same, no images known | Student's t, paired over seeds |
| otherwise, three runs or more | permutation of the runs: a difference on these test images |
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import Metric
from cnncompare.stats.intervals import bonett_price
from cnncompare.stats.power import (
    PowerFunction,
    SampleSizePlan,
    plan_sample_sizes,
    power_mcnemar,
    power_over_runs,
    power_over_seeds_and_images,
)
from cnncompare.stats.variance_components import (
    estimate_variance_components,
    least_significant_difference,
    two_sided_p,
)

ALPHA = 0.05


@dataclass(frozen=True)
class Pair:
    """Two groups compared; `difference` is a's number minus b's, over the `seeds` both have.

    `low`, `high` bound the pair's own 95 % interval; `p_holm` is adjusted for all pairs of the
    table, and `different` says whether it is below 0.05. `p_seeds` is Student's paired t over
    seeds alone, for these test images. `wins_a`, `wins_b` count the images, summed over seeds,
    that only a or only b gets right; `effect` is Cohen's g of them, in [-0.5, 0.5].
    """

    a: str
    b: str
    difference: float | None
    low: float | None
    high: float | None
    test: str
    p: float | None
    p_holm: float | None = None
    significant: bool = False
    p_seeds: float | None = None
    seeds: tuple[int, ...] = ()
    wins_a: int | None = None
    wins_b: int | None = None
    effect: float | None = None
    plan: SampleSizePlan | None = None


@dataclass(frozen=True)
class _Tested:
    pair: Pair
    power: PowerFunction | None = None
    seeds: int | None = None  # as many as there are, None where their number cannot be planned
    images: int | None = None


def compare_pairs(
    groups: Sequence[Group], metric: Metric, baseline: str | None = None
) -> list[Pair]:
    """Return every pair of `groups`, ranked best first, or those with `baseline` only."""
    tested = [
        _compare(a, b, metric)
        for i, a in enumerate(groups)
        for b in groups[i + 1 :]
        if baseline is None or baseline in (a.label, b.label)
    ]
    adjusted = _holm([t.pair.p for t in tested])
    ties = sum(p is not None and p >= ALPHA for p in adjusted)
    return [_decide(t, p, ALPHA / max(1, ties)) for t, p in zip(tested, adjusted, strict=True)]


def _holm(p_values: list[float | None]) -> list[float | None]:
    known = [p for p in p_values if p is not None]
    if not known:
        return p_values
    from statsmodels.stats.multitest import multipletests

    adjusted = iter(multipletests(known, alpha=ALPHA, method="holm")[1])
    return [None if p is None else float(next(adjusted)) for p in p_values]


def _decide(tested: _Tested, p_holm: float | None, alpha: float) -> Pair:
    """Set the verdict; for a tie, plan at the level that Holm asks of the next pair."""
    significant = p_holm is not None and p_holm < ALPHA
    settle = None
    if not significant and tested.power is not None and tested.pair.difference is not None:
        settle = plan_sample_sizes(
            tested.pair.difference, tested.power, alpha, tested.seeds, tested.images
        )
    return replace(tested.pair, p_holm=p_holm, significant=significant, plan=settle)


def _compare(a: Group, b: Group, metric: Metric) -> _Tested:
    of_a, of_b = ({r.seed: r for r in group.results} for group in (a, b))
    shared = tuple(sorted(of_a.keys() & of_b.keys()))
    blank = Pair(a.label, b.label, None, None, None, "none", None)
    if len(of_a) == len(of_b) == 1:
        return _one_run_each(blank, a.results[0], b.results[0], metric)
    if len(shared) >= 2:
        pairs = [(of_a[seed], of_b[seed]) for seed in shared]
        return _paired(replace(blank, seeds=shared), pairs, metric)
    return _unpaired(blank, a.results, b.results, metric)


def _one_run_each(blank: Pair, a: Result, b: Result, metric: Metric) -> _Tested:
    x, y = metric.per_run(a), metric.per_run(b)
    difference = None if x is None or y is None else x - y
    signs = _signs([(a, b)], metric)
    if signs is None or difference is None:
        return _Tested(replace(blank, difference=difference))
    from scipy.stats import binomtest

    n, wins, losses = signs.size, int((signs > 0).sum()), int((signs < 0).sum())
    p = float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    low, high = bonett_price(wins, losses, n)
    pair = replace(blank, difference=difference, low=low, high=high, test="mcnemar-exact", p=p)
    pair = replace(pair, seeds=(a.seed,) if a.seed == b.seed else ())
    power = power_mcnemar((wins + losses) / n, n)
    return _Tested(_with_effect(pair, wins, losses), power, None, n)


def _paired(blank: Pair, pairs: list[tuple[Result, Result]], metric: Metric) -> _Tested:
    values = [(metric.per_run(a), metric.per_run(b)) for a, b in pairs]
    gaps = np.array([x - y for x, y in values if x is not None and y is not None])
    if len(gaps) < len(pairs):
        return _Tested(blank)
    n = min(r.record.test.n or r.data.n_test for pair in pairs for r in pair)
    pair = replace(blank, difference=float(gaps.mean()), p_seeds=_paired_t(gaps, n))
    signs = _signs(pairs, metric)
    if signs is None:
        return _paired_over_seeds(pair, gaps, n)
    parts = estimate_variance_components(signs)
    v_seeds, v_images, df = (
        parts.seed_variance_of_mean(),
        parts.image_variance_of_mean(),
        parts.seeds - 1,
    )
    half = float(least_significant_difference(v_seeds, v_images, df, ALPHA))
    pair = replace(
        pair,
        low=parts.mean - half,
        high=parts.mean + half,
        test="paired-seeds-and-images",
        p=two_sided_p(parts.mean, v_seeds, v_images, df),
    )
    wins, losses = int((signs > 0).sum()), int((signs < 0).sum())
    power = power_over_seeds_and_images(parts)
    return _Tested(_with_effect(pair, wins, losses), power, parts.seeds, parts.images)


def _paired_over_seeds(pair: Pair, gaps: NDArray[np.float64], n: int) -> _Tested:
    assert pair.difference is not None
    variance = _variance(gaps, n)
    half = float(least_significant_difference(variance / len(gaps), 0.0, len(gaps) - 1, ALPHA))
    low, high = pair.difference - half, pair.difference + half
    pair = replace(pair, low=low, high=high, test="paired-t", p=pair.p_seeds)
    return _Tested(pair, power_over_runs(variance, len(gaps), samples=1), len(gaps))


def _paired_t(gaps: NDArray[np.float64], n: int) -> float:
    return two_sided_p(float(gaps.mean()), _variance(gaps, n) / len(gaps), 0.0, len(gaps) - 1)


def _variance(gaps: NDArray[np.float64], n: int) -> float:
    """Return the variance between seeds, at least what rounding to one image of n leaves open."""
    return max(float(gaps.var(ddof=1)), 1 / (6 * n**2))


def _unpaired(blank: Pair, a: list[Result], b: list[Result], metric: Metric) -> _Tested:
    x, y = ([metric.per_run(r) for r in results] for results in (a, b))
    known_x, known_y = ([v for v in values if v is not None] for values in (x, y))
    if len(known_x) < len(x) or len(known_y) < len(y):
        return _Tested(blank)
    difference = float(np.mean(known_x) - np.mean(known_y))
    pair = replace(blank, difference=difference, test="permutation")
    pair = replace(pair, p=_permutation(known_x, known_y))
    deviations = np.concatenate([np.array(v) - np.mean(v) for v in (known_x, known_y)])
    df = len(deviations) - 2
    n = min(r.record.test.n or r.data.n_test for r in (*a, *b))
    variance = max(float((deviations**2).sum()) / df, 1 / (12 * n**2))
    spread = variance * (1 / len(x) + 1 / len(y))
    half = float(least_significant_difference(spread, 0.0, df, ALPHA))
    power = power_over_runs(2 * variance, min(len(x), len(y)), samples=2)
    pair = replace(pair, low=difference - half, high=difference + half)
    return _Tested(pair, power if min(len(x), len(y)) > 1 else None, min(len(x), len(y)))


def _permutation(x: list[float], y: list[float]) -> float:
    """Return the two-sided p of the difference of means over all splits, or 9,999 drawn ones."""
    if min(len(x), len(y)) == 1:
        return _permutation_of_one(x, y)
    from scipy.stats import permutation_test

    found = permutation_test(
        (np.array(x), np.array(y)),
        lambda u, v, axis: np.mean(u, axis=axis) - np.mean(v, axis=axis),
        n_resamples=9999,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(found.pvalue)


def _permutation_of_one(x: list[float], y: list[float]) -> float:
    """Let each run in turn be the single one; scipy wants two runs or more on either side."""
    pooled = np.array([*x, *y])
    gaps = abs(pooled - (pooled.sum() - pooled) / (len(pooled) - 1))
    observed = abs(np.mean(x) - np.mean(y))
    return float((gaps >= observed * (1 - 1e-12)).mean())


def _signs(pairs: list[tuple[Result, Result]], metric: Metric) -> NDArray[np.int8] | None:
    """Return, per seed and image, 1 where only a is right, -1 where only b is; None if unknown."""
    if metric.per_image is None:
        return None
    rows = []
    for a, b in pairs:
        if a.outcome is None or b.outcome is None or len(a.outcome.label) != len(b.outcome.label):
            return None
        right_a, right_b = metric.per_image(a.outcome), metric.per_image(b.outcome)
        rows.append(right_a.astype(np.int8) - right_b.astype(np.int8))
    return np.array(rows)


def _with_effect(pair: Pair, wins: int, losses: int) -> Pair:
    discordant = wins + losses
    effect = wins / discordant - 0.5 if discordant else 0.0
    return replace(pair, wins_a=wins, wins_b=losses, effect=effect)
