"""Tests of one pair of groups, with the evidence that its verdict and its plan are based on."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.outcome import Outcome
from cnncompare.stats.class_scores import heaviest_image
from cnncompare.stats.confidence_sequence import SequentialDifference
from cnncompare.stats.intervals import PairedShares
from cnncompare.stats.paired_images import (
    difference_over_images,
    mcnemar_p,
    power_over_images,
    sign_flip_p,
)
from cnncompare.stats.permutation import PermutationTest
from cnncompare.stats.power import (
    PowerFunction,
    power_mcnemar,
    power_over_runs,
    power_over_seeds_and_images,
)
from cnncompare.stats.two_samples import (
    Difference,
    PooledVariance,
    Sample,
    difference_of,
    sample_of,
)
from cnncompare.stats.variance_components import Floats, two_sided_p


class Evidence(Protocol):
    """The distribution of a difference, from which p values and intervals follow."""

    @property
    def centre(self) -> float:
        """The point that tests and intervals refer to."""

    def p_above(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at most `shift`."""

    def p_below(self, shift: float) -> float:
        """Return the p of the hypothesis that the true difference is at least `shift`."""

    def interval(self, alpha: float) -> tuple[float, float] | None:
        """Return the interval of level 1 - `alpha`; None if it has no bounds."""


@dataclass(frozen=True)
class PairTest:
    """A test of one pair before the correction for all pairs of the table.

    `smallest_p` is the smallest p that the number of runs allows for the observed difference.
    `seeds` and `images` are None if a plan cannot vary them.
    """

    difference: float | None
    name: str = "none"
    p: float | None = None
    evidence: Evidence | None = None
    equivalence: Evidence | None = None  # for two one-sided tests, where it is another
    smallest_p: float = 0.0
    p_seeds: float | None = None
    wins: tuple[float, float] | None = None
    power: PowerFunction | None = None
    seeds: int | None = None
    images: int | None = None
    runs: tuple[int, int] | None = None  # None: all of both groups
    folds: tuple[int, ...] = ()
    seeds_in_common: tuple[int, ...] | None = None  # of folds, in every common one
    looks: int = 0  # before the last runs were added


@dataclass(frozen=True, eq=False)
class Member:
    """A group with the metric of each of its runs and, if known, its scores per image."""

    group: Group
    values: Floats | None
    scores: NDArray[np.generic] | None  # [S, N]
    sample: Sample | None
    effects: Callable[[Outcome, Outcome], Floats] | None = None  # where images weigh unequally

    @property
    def label(self) -> str:
        """The label of the group."""
        return self.group.label


def member_of(group: Group, metric: Metric) -> Member:
    """Return the group with its values; None where any run lacks one."""
    known = [value for r in group.results if (value := metric.per_run(r)) is not None]
    values = np.array(known, dtype=np.float64) if len(known) == len(group.results) else None
    scores = _scores(group.results, metric)
    sample = None if scores is None else sample_of(scores)
    return Member(group, values, scores, sample, metric.effects)


def _scores(
    results: list[Result], metric: Metric
) -> NDArray[np.bool_] | NDArray[np.float64] | None:
    outcomes = [result.outcome for result in results]
    known = [outcome for outcome in outcomes if outcome is not None]
    if metric.per_image is None or len(known) < len(outcomes):
        return None
    if len({len(outcome.label) for outcome in known}) > 1:
        return None
    return np.array([metric.per_image(outcome) for outcome in known])


def compare_pair(a: Member, b: Member, pool: PooledVariance | None) -> PairTest:
    """Test the difference of `a` and `b` by the means that their runs allow."""
    if a.values is None or b.values is None:
        return PairTest(None)
    single = len(a.values) == len(b.values) == 1
    if a.sample is None or b.sample is None or a.sample.images != b.sample.images:
        difference = float(a.values.mean() - b.values.mean())
        return PairTest(difference) if single else _permuted(a.values, b.values, _n_images(a, b))
    assert a.scores is not None
    assert b.scores is not None
    wins = _wins(a, b)
    if single and a.effects is not None:
        return _exchanged(a, b, wins)
    if single and wins is not None:
        return _mcnemar(a.sample, int(wins[0]), int(wins[1]))
    if single:
        return PairTest(a.sample.mean - b.sample.mean)
    return _two_samples(a, b, pool, wins)


def _mcnemar(sample: Sample, wins: int, losses: int) -> PairTest:
    """Return the exact test of McNemar with the plan of its images."""
    n, p = sample.images, mcnemar_p(wins, losses)
    return PairTest(
        (wins - losses) / n,
        "mcnemar-exact",
        p,
        PairedShares(wins, losses, n),
        wins=(wins, losses),
        power=power_mcnemar((wins + losses) / n, n),
        images=n,
    )


def _two_samples(
    a: Member, b: Member, pool: PooledVariance | None, wins: tuple[float, float] | None
) -> PairTest:
    assert a.sample is not None
    assert b.sample is not None
    plain = difference_of(a.sample, b.sample, pool)
    found = replace(plain, cautious=True)
    return PairTest(
        a.sample.mean - b.sample.mean,
        "seeds-and-images",
        found.p(),
        found,
        equivalence=plain,
        smallest_p=math.erfc(abs(found.centre) / found.standard_error / math.sqrt(2)),
        p_seeds=_without_images(found, a.sample.mean - b.sample.mean),
        wins=wins,
        power=power_over_seeds_and_images(found),
        seeds=min(found.runs),
        images=found.images,
    )


def allow_for_looks(test: PairTest, looks: int, *, more_to_come: bool = False) -> PairTest:
    """Return the test that stays valid although runs were added after `looks` looks at it.

    If more runs were planned, the present look is one of them.
    """
    if not (looks or more_to_come) or not isinstance(test.evidence, Difference) or test.folds:
        return test
    evidence = SequentialDifference(test.evidence)
    name = f"{test.name}-sequential"
    sequential = replace(test, name=name, evidence=evidence, equivalence=None, looks=looks)
    return replace(sequential, p=evidence.p())


def _without_images(found: Difference, difference: float) -> float:
    return two_sided_p(difference, found.v_seeds, 0.0, found.df)


def _permuted(x: Floats, y: Floats, n_images: int) -> PairTest:
    """Return the permutation test of the runs, for fixed images."""
    test = PermutationTest(x, y)
    p, fewest = test.p(), min(len(x), len(y))
    power = None
    if fewest > 1 and test.smallest_p < 1:
        deviations = np.concatenate([x - x.mean(), y - y.mean()])
        variance = max(float((deviations**2).sum()) / (len(deviations) - 2), 1 / (12 * n_images**2))
        power = power_over_runs(2 * variance, fewest, samples=2)
    return PairTest(
        test.centre,
        "permutation",
        p,
        test,
        smallest_p=test.smallest_p,
        p_seeds=p,
        power=power,
        seeds=fewest if power else None,
    )


def _n_images(a: Member, b: Member) -> int:
    results: Iterable[Result] = (*a.group.results, *b.group.results)
    return min(result.record.test.n or result.data.n_test for result in results)


def _wins(a: Member, b: Member) -> tuple[float, float] | None:
    """Return the images that only a and only b classifies correctly, per pair of runs."""
    right_a, right_b = _right(a), _right(b)
    if right_a is None or right_b is None:
        return None
    share_a, share_b = right_a.mean(axis=0), right_b.mean(axis=0)
    both = float((share_a * share_b).sum())
    return float(share_a.sum()) - both, float(share_b.sum()) - both


def _right(member: Member) -> NDArray[np.bool_] | None:
    """Return [S, N]; for a metric to which images contribute unequally, by top-1."""
    if member.effects is None:
        return None if member.scores is None else member.scores.astype(np.bool_)
    outcomes = [result.outcome for result in member.group.results]
    known = [outcome.correct1 for outcome in outcomes if outcome is not None]
    return np.array(known) if len(known) == len(outcomes) else None


def _exchanged(a: Member, b: Member, wins: tuple[float, float] | None) -> PairTest:
    """Test single runs by exchanging their predictions, where images contribute unequally."""
    first, second = a.group.results[0].outcome, b.group.results[0].outcome
    assert a.sample is not None
    assert b.sample is not None
    assert a.effects is not None
    assert first is not None
    assert second is not None
    effects, n = a.effects(first, second), a.sample.images
    differences = a.sample.image_means - b.sample.image_means
    return PairTest(
        a.sample.mean - b.sample.mean,
        "image-permutation",
        sign_flip_p(effects),
        difference_over_images(differences, heaviest_image(first.label)),
        wins=wins,
        power=power_over_images(float(np.square(effects).mean()), n),
        images=n,
    )
