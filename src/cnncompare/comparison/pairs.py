"""Pairwise comparison of groups: difference, confidence interval and verdict.

| runs | test | generalises to |
|---|---|---|
| one of each | McNemar, or exchange of predictions | these networks, on other images |
| several of either, same images | two samples over seeds and images | retraining, on other images |
| two or more common folds or hold-outs | corrected resampled t | retraining, on other images |
| predictions missing | permutation of the runs | retraining, on these images |
"""

import math
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import Literal

from cnncompare.comparison.fold_tests import compare_folds
from cnncompare.comparison.grouping import Group
from cnncompare.comparison.looks import Look, count_looks
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pair_tests import (
    Evidence,
    Member,
    PairTest,
    allow_for_looks,
    compare_pair,
    member_of,
)
from cnncompare.stats.power import SampleSizePlan, plan_sample_sizes
from cnncompare.stats.two_samples import PooledVariance, pooled_variance

ALPHA = 0.05
Verdict = Literal["better", "same", "undecided"]


@dataclass(frozen=True)
class Pair:
    """Comparison of two groups; `difference` is the metric of `a` minus that of `b`.

    All runs of both groups count, `runs` of each, but of folds and hold-outs only the common ones,
    `folds`. `low` and `high` bound the 95 % interval of the difference, which is not adjusted for
    other pairs. `p_holm` is adjusted for all pairs of the table, and `significant` states whether
    it is below 0.05. `too_few_runs` states that the difference is not significant although it
    would be if the spread over seeds were known. `p_seeds` leaves the images out. `wins_a`
    and `wins_b` count the images, per pair of runs, that only a or only b classifies correctly,
    and `effect` is Cohen's g of these counts, in [-0.5, 0.5]. `p_same` is that of two one-sided
    tests for a difference within `margin`, adjusted for all pairs; `same_within` is the smallest
    margin for which the verdict would be `same`. If runs were added after `looks` at the pair, p
    and the interval allow for them. Values that cannot be computed are None.
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
    verdict: Verdict = "undecided"
    margin: float | None = None
    p_same: float | None = None
    same_within: float | None = None
    too_few_runs: bool = False
    p_seeds: float | None = None
    runs: tuple[int, int] = (0, 0)
    seeds: tuple[int, ...] = ()  # that both have; of folds, in every common one
    wins_a: int | None = None
    wins_b: int | None = None
    effect: float | None = None
    plan: SampleSizePlan | None = None
    folds: tuple[int, ...] = ()
    looks: int = 0


def compare_pairs(
    groups: Sequence[Group],
    metric: Metric,
    baseline: str | None = None,
    margin: float | None = None,
    looks: Sequence[Look] = (),
    unfinished: Set[str] = frozenset(),
) -> list[Pair]:
    """Compare every pair of `groups`, which are ranked best first, or those with `baseline`.

    `margin` is the largest difference of the metric without practical relevance. Where runs were
    added after `looks`, or are still to be added because a group is `unfinished`, the test is one
    that stays valid under such looks.
    """
    members = [member_of(group, metric) for group in groups]
    pool = pooled_variance([m.sample for m in members if m.sample is not None])
    named = [
        (a, b)
        for i, a in enumerate(members)
        for b in members[i + 1 :]
        if baseline is None or baseline in (a.label, b.label)
    ]
    tests = [
        allow_for_looks(
            _test(a, b, pool, metric),
            count_looks(a.group, b.group, looks),
            more_to_come=not unfinished.isdisjoint((a.label, b.label)),
        )
        for a, b in named
    ]
    pairs = [
        _untested(a.group, b.group, test, metric) for (a, b), test in zip(named, tests, strict=True)
    ]
    return _decide(pairs, tests, margin)


def _test(a: Member, b: Member, pool: PooledVariance | None, metric: Metric) -> PairTest:
    if a.group.results[0].data.resampling is None:
        return compare_pair(a, b, pool)
    return compare_folds(a.group, b.group, metric)


def _untested(a: Group, b: Group, test: PairTest, metric: Metric) -> Pair:
    """Return the pair with its difference and interval, before it is decided."""
    bounds = _interval(test, ALPHA, 1.0 if metric.percent else math.inf)
    pair = Pair(a.label, b.label, test.difference, *bounds, test.name, test.p)
    seeds = {r.seed for r in a.results} & {r.seed for r in b.results}
    pair = replace(
        pair,
        p_seeds=test.p_seeds,
        runs=test.runs or (len(a.results), len(b.results)),
        seeds=tuple(sorted(seeds)) if test.seeds_in_common is None else test.seeds_in_common,
        folds=test.folds,
        looks=test.looks,
    )
    return pair if test.wins is None else _with_effect(pair, *test.wins)


def _interval(test: PairTest, alpha: float, most: float) -> tuple[float | None, float | None]:
    """Return the interval, within +-`most`; it contains 0 if and only if p is at least alpha."""
    if test.evidence is None or test.p is None:
        return None, None
    bounds = test.evidence.interval(alpha)
    if bounds is None:
        return None, None
    low, high = max(-most, bounds[0]), min(most, bounds[1])
    return (min(low, 0.0), max(high, 0.0)) if test.p >= alpha else (low, high)


def _with_effect(pair: Pair, wins: float, losses: float) -> Pair:
    discordant = wins + losses
    effect = wins / discordant - 0.5 if discordant else 0.0
    return replace(pair, wins_a=round(wins), wins_b=round(losses), effect=effect)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Return the p values adjusted by Holm's procedure (Holm 1979); None stays None."""
    order = sorted((p, i) for i, p in enumerate(p_values) if p is not None)
    adjusted: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, i) in enumerate(order):
        largest = max(largest, min(1.0, p * (len(order) - rank)))
        adjusted[i] = largest
    return adjusted


def _decide(pairs: list[Pair], tests: list[PairTest], margin: float | None) -> list[Pair]:
    """Set significance, verdict and, for a pair that is not significant, the plan."""
    adjusted = holm([test.p for test in tests])
    of_same = [test.equivalence or test.evidence for test in tests]
    within = [None if margin is None else _p_same(evidence, margin) for evidence in of_same]
    adjusted_same = holm(within)
    ties = sum(p is not None and p >= ALPHA for p in adjusted)
    level = ALPHA / max(1, ties)  # that Holm's correction requires of the next pair
    decided = []
    decisions = zip(pairs, tests, of_same, adjusted, adjusted_same, strict=True)
    for pair, test, equivalence, p, p_same in decisions:
        significant = p is not None and p < ALPHA
        same = p_same is not None and p_same < ALPHA
        _check_direction(pair, test)
        decided.append(
            replace(
                pair,
                p_holm=p,
                significant=significant,
                verdict="same" if same else "better" if significant else "undecided",
                margin=margin,
                p_same=p_same,
                same_within=_same_within(equivalence, ALPHA / len(tests)),
                too_few_runs=_too_few_runs(test, significant, level),
                plan=None if significant else _plan(test, level),
            )
        )
    return decided


def _check_direction(pair: Pair, test: PairTest) -> None:
    """Assert that the test and the sentences, which follow `difference`, point the same way."""
    if test.evidence is not None and pair.difference is not None:
        assert test.evidence.centre * pair.difference >= -1e-9


def _p_same(evidence: Evidence | None, margin: float) -> float | None:
    """Return the p of two one-sided tests (Schuirmann 1987)."""
    if evidence is None:
        return None
    return max(evidence.p_above(-margin), evidence.p_below(margin))


def _same_within(evidence: Evidence | None, alpha: float) -> float | None:
    bounds = None if evidence is None else evidence.interval(2 * alpha)
    return None if bounds is None else max(abs(bounds[0]), abs(bounds[1]))


def _too_few_runs(test: PairTest, significant: bool, level: float) -> bool:
    """Return whether only the number of runs prevents a significant difference.

    Tests of two single runs depend on the images alone.
    """
    if significant or test.p is None or test.name in ("mcnemar-exact", "image-permutation"):
        return False
    if test.folds:
        return False
    if test.name == "permutation":
        return test.smallest_p >= level
    return test.smallest_p < level


def _plan(test: PairTest, level: float) -> SampleSizePlan | None:
    if test.power is None or test.difference is None:
        return None
    return plan_sample_sizes(test.difference, test.power, level, test.seeds, test.images)
