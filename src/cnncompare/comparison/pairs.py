"""Pairwise comparison of groups: difference, confidence interval and significance test.

| runs | test | generalises to |
|---|---|---|
| one of each | McNemar, or exchange of predictions | these networks, on other such images |
| two or more common seeds | paired over seeds and images | retraining, on other such images |
| the same, without predictions | Student's t, paired over seeds | retraining, on these images |
| two or more common folds or hold-outs | corrected resampled t | retraining, on other such images |
| otherwise, three or more runs | permutation of the runs | retraining, on these images |
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.fold_pairs import CORRECTED_T, compare_over_folds
from cnncompare.comparison.folds import common_folds
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.image_differences import (
    ImageDifferences,
    ImageEffects,
    count_wins,
    image_differences,
    image_effects,
)
from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import Metric
from cnncompare.stats.intervals import bonett_price
from cnncompare.stats.paired_images import (
    interval_of_mean,
    mcnemar_p,
    power_over_images,
    sign_flip_p,
)
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
    """Comparison of two groups; `difference` is the metric of `a` minus that of `b`.

    If the groups share two or more seeds, only these `seeds` are compared, and of folds and
    hold-outs only the common ones, `folds`. `low` and `high` bound the 95 % interval of the
    difference, which is not adjusted for other pairs. `p_holm` is adjusted for all pairs of the
    table, and `significant` states whether it is below 0.05.
    `p_seeds` is from Student's paired t test over seeds alone. `wins_a` and `wins_b` count the
    images, summed over seeds, that only a or only b classifies correctly, and `effect` is Cohen's
    g of these counts, in [-0.5, 0.5]. Values that cannot be computed are None.
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
    folds: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Tested:
    """A pair before correction; `seeds` and `images` are None if a plan cannot vary them."""

    pair: Pair
    power: PowerFunction | None = None
    seeds: int | None = None
    images: int | None = None


def compare_pairs(
    groups: Sequence[Group], metric: Metric, baseline: str | None = None
) -> list[Pair]:
    """Compare every pair of `groups`, which are ranked best first, or those with `baseline`."""
    tested = [
        _test(a, b, metric)
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
    """Set the significance and, for a tied pair, the plan.

    `alpha` is the level that Holm's correction requires of the next pair.
    """
    pair, significant = tested.pair, p_holm is not None and p_holm < ALPHA
    plan = None
    if not significant and tested.power is not None and pair.difference is not None:
        plan = plan_sample_sizes(pair.difference, tested.power, alpha, tested.seeds, tested.images)
    return replace(pair, p_holm=p_holm, significant=significant, plan=plan)


def _test(a: Group, b: Group, metric: Metric) -> _Tested:
    if a.results[0].data.resampling is not None:
        return _test_folds(a, b, metric)
    return _test_seeds(a, b, metric)


def _test_folds(a: Group, b: Group, metric: Metric) -> _Tested:
    """Test over the common folds or hold-outs; on a single one, over its seeds."""
    pair, folds = Pair(a.label, b.label, None, None, None, "none", None), common_folds(a, b)
    if not folds:
        return _Tested(pair)
    if len(folds) == 1:
        of_a, of_b = folds[0]
        tested = _test_seeds(replace(a, results=of_a), replace(b, results=of_b), metric)
        return replace(tested, pair=replace(tested.pair, folds=(of_a[0].number,)))
    found = compare_over_folds(folds, metric)
    if found is None:
        return _Tested(pair)
    values = {name: value for name, value in vars(found).items() if name != "power"}
    return _Tested(replace(pair, test=CORRECTED_T, **values), found.power)


def _test_seeds(a: Group, b: Group, metric: Metric) -> _Tested:
    by_seed_a, by_seed_b = ({r.seed: r for r in group.results} for group in (a, b))
    common = tuple(sorted(by_seed_a.keys() & by_seed_b.keys()))
    untested = Pair(a.label, b.label, None, None, None, "none", None)
    if len(by_seed_a) == len(by_seed_b) == 1:
        return _test_single_runs(untested, a.results[0], b.results[0], metric)
    if len(common) >= 2:
        runs = [(by_seed_a[seed], by_seed_b[seed]) for seed in common]
        return _test_paired_runs(replace(untested, seeds=common), runs, metric)
    return _test_unpaired_runs(untested, a.results, b.results, metric)


def _test_single_runs(pair: Pair, a: Result, b: Result, metric: Metric) -> _Tested:
    x, y = metric.per_run(a), metric.per_run(b)
    difference = None if x is None or y is None else x - y
    pair = replace(pair, difference=difference)
    signs = image_differences([(a, b)], metric)
    if signs is None or difference is None:
        return _Tested(pair)
    pair = replace(pair, seeds=(a.seed,) if a.seed == b.seed else ())
    pair = _with_effect(pair, *count_wins([(a, b)], metric, signs))
    effects = image_effects(a, b, metric)
    return _test_mcnemar(pair, signs) if effects is None else _test_effects(pair, signs[0], effects)


def _test_mcnemar(pair: Pair, signs: ImageDifferences) -> _Tested:
    n, wins, losses = signs.size, int((signs > 0).sum()), int((signs < 0).sum())
    low, high = bonett_price(wins, losses, n)
    pair = replace(pair, low=low, high=high, test="mcnemar-exact", p=mcnemar_p(wins, losses))
    return _Tested(pair, power_mcnemar((wins + losses) / n, n), None, n)


def _test_effects(pair: Pair, differences: ImageDifferences, effects: ImageEffects) -> _Tested:
    """Test a metric to which images contribute unequally, by exchanging the predictions."""
    low, high = interval_of_mean(differences, effects.heaviest)
    pair = replace(
        pair, low=low, high=high, test="image-permutation", p=sign_flip_p(effects.values)
    )
    n, variance = len(effects.values), float(np.square(effects.values).mean())
    return _Tested(pair, power_over_images(variance, n), None, n)


def _test_paired_runs(pair: Pair, runs: list[tuple[Result, Result]], metric: Metric) -> _Tested:
    values = [(metric.per_run(a), metric.per_run(b)) for a, b in runs]
    differences = np.array([x - y for x, y in values if x is not None and y is not None])
    if len(differences) < len(runs):
        return _Tested(pair)
    variance = _variance_between_seeds(differences, _n_images(r for both in runs for r in both))
    mean, n = float(differences.mean()), len(differences)
    pair = replace(pair, difference=mean, p_seeds=two_sided_p(mean, variance / n, 0.0, n - 1))
    by_image = image_differences(runs, metric)
    if by_image is None:
        return _test_over_seeds(pair, variance, n)
    pair = _with_effect(pair, *count_wins(runs, metric, by_image))
    return _test_over_seeds_and_images(pair, by_image)


def _test_over_seeds(pair: Pair, variance: float, n: int) -> _Tested:
    """Test by Student's t over `n` seeds; `variance` is that of one seed's difference."""
    assert pair.difference is not None
    half = float(least_significant_difference(variance / n, 0.0, n - 1, ALPHA))
    low, high = pair.difference - half, pair.difference + half
    pair = replace(pair, low=low, high=high, test="paired-t", p=pair.p_seeds)
    return _Tested(pair, power_over_runs(variance, n, samples=1), n)


def _test_over_seeds_and_images(pair: Pair, differences: ImageDifferences) -> _Tested:
    variances = estimate_variance_components(differences)
    mean, df = variances.mean, variances.seeds - 1
    v_seeds, v_images = variances.seed_variance_of_mean(), variances.image_variance_of_mean()
    half = float(least_significant_difference(v_seeds, v_images, df, ALPHA))
    pair = replace(
        pair,
        low=mean - half,
        high=mean + half,
        test="paired-seeds-and-images",
        p=two_sided_p(mean, v_seeds, v_images, df),
    )
    power = power_over_seeds_and_images(variances)
    return _Tested(pair, power, variances.seeds, variances.images)


def _variance_between_seeds(differences: NDArray[np.float64], n_images: int) -> float:
    """Return the variance of the differences, at least that of rounding to one image."""
    return max(float(differences.var(ddof=1)), 1 / (6 * n_images**2))


def _n_images(results: Iterable[Result]) -> int:
    return min(result.record.test.n or result.data.n_test for result in results)


def _test_unpaired_runs(pair: Pair, a: list[Result], b: list[Result], metric: Metric) -> _Tested:
    x = [value for r in a if (value := metric.per_run(r)) is not None]
    y = [value for r in b if (value := metric.per_run(r)) is not None]
    if len(x) < len(a) or len(y) < len(b):
        return _Tested(pair)
    difference, df = float(np.mean(x) - np.mean(y)), len(x) + len(y) - 2
    variance = _pooled_variance(x, y, _n_images((*a, *b)))
    standard_error2 = variance * (1 / len(x) + 1 / len(y))
    half = float(least_significant_difference(standard_error2, 0.0, df, ALPHA))
    pair = replace(
        pair,
        difference=difference,
        low=difference - half,
        high=difference + half,
        test="permutation",
        p=_permutation(x, y),
    )
    fewest = min(len(x), len(y))
    power = power_over_runs(2 * variance, fewest, samples=2) if fewest > 1 else None
    return _Tested(pair, power, fewest)


def _pooled_variance(x: list[float], y: list[float], n_images: int) -> float:
    """Return the variance between seeds, at least that of rounding to one image."""
    deviations = np.concatenate([np.array(values) - np.mean(values) for values in (x, y)])
    return max(float((deviations**2).sum()) / (len(deviations) - 2), 1 / (12 * n_images**2))


def _permutation(x: list[float], y: list[float]) -> float:
    """Return the two-sided p of the difference of means over all splits, or 9,999 random ones."""
    if min(len(x), len(y)) == 1:
        return _permutation_of_one(x, y)
    from scipy.stats import permutation_test

    test = permutation_test(
        (np.array(x), np.array(y)),
        lambda u, v, axis: np.mean(u, axis=axis) - np.mean(v, axis=axis),
        n_resamples=9999,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)


def _permutation_of_one(x: list[float], y: list[float]) -> float:
    """Return the two-sided p if one group has a single run, which scipy does not support."""
    pooled = np.array([*x, *y])
    differences = abs(pooled - (pooled.sum() - pooled) / (len(pooled) - 1))
    observed = abs(np.mean(x) - np.mean(y))
    return float((differences >= observed * (1 - 1e-12)).mean())


def _with_effect(pair: Pair, wins: int, losses: int) -> Pair:
    discordant = wins + losses
    effect = wins / discordant - 0.5 if discordant else 0.0
    return replace(pair, wins_a=wins, wins_b=losses, effect=effect)
