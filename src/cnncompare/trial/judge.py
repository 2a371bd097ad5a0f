"""Verdicts on claims, from the project's own tests of pairs; imports no torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result
from cnncompare.comparison.pairs import Pair, compare_pairs
from cnncompare.config.trial import TrialComparison
from cnncompare.trial.files import Trial
from cnncompare.trial.measures import TrialMeasure, measure_named

Status = Literal["confirmed", "contradicted", "not confirmed here", "undecided", "not run"]
# the verdict on a claim of several comparisons is the first of these that any of them has
_ORDER: tuple[Status, ...] = (
    "not run",
    "contradicted",
    "not confirmed here",
    "undecided",
    "confirmed",
)


@dataclass(frozen=True)
class Judgement:
    """A comparison with the test of its pair; `pair` is None if runs are missing.

    `detectable` is the smallest true difference that these runs show in 80 % of repetitions, in
    the unit that is shown; None if the difference is significant or it cannot be computed.
    """

    comparison: TrialComparison
    measure: TrialMeasure
    pair: Pair | None
    status: Status
    means: tuple[float, float] | None
    detectable: float | None
    reason: str = ""  # why it was not judged


@dataclass(frozen=True)
class TrialVerdict:
    """The verdict on the claim of a trial, with the results of each variant."""

    trial: Trial
    status: Status
    judgements: list[Judgement]
    results: dict[str, list[Result]]
    failures: list[str]


def judge(
    trial: Trial, results: Mapping[str, Sequence[Result]], failures: Sequence[str] = ()
) -> TrialVerdict:
    """Return the verdict on the claim of `trial` from the results of its variants."""
    judged = [judge_comparison(c, results) for c in trial.config.comparisons]
    statuses = {judgement.status for judgement in judged}
    status = next(status for status in _ORDER if status in statuses)
    kept = {label: list(found) for label, found in results.items()}
    return TrialVerdict(trial, status, judged, kept, list(failures))


def judge_comparison(
    comparison: TrialComparison, results: Mapping[str, Sequence[Result]]
) -> Judgement:
    """Return the judgement of one comparison."""
    measure = measure_named(comparison.measure)
    groups = [
        Group(label, [r for r in results.get(label, ()) if r.record.test.acc1 is not None])
        for label in (comparison.better, comparison.worse)
    ]
    for group in groups:
        if len(group.results) < 2:
            reason = f"{group.label} has {len(group.results)} finished runs; two are needed"
            return Judgement(comparison, measure, None, "not run", None, None, reason)
    margin = measure.threshold(comparison.margin)
    (pair,) = compare_pairs(groups, measure.metric, margin=margin)
    values = [
        [v for r in g.results if (v := measure.metric.per_run(r)) is not None] for g in groups
    ]
    if pair.difference is None or not all(values):
        reason = f"a run has no {measure.metric.title}"
        return Judgement(comparison, measure, None, "not run", None, None, reason)
    means = [sum(v) / len(v) for v in values]
    plan = pair.plan.detectable if pair.plan else None
    return Judgement(
        comparison,
        measure,
        pair,
        comparison_status(comparison, measure, pair),
        (measure.shown(means[0]), measure.shown(means[1])),
        None if plan is None else measure.shown(plan),
    )


def comparison_status(comparison: TrialComparison, measure: TrialMeasure, pair: Pair) -> Status:
    """Return the verdict on a comparison.

    A difference that is not significant counts against the claim only if the runs could have shown
    the effect that the paper reports (without one, the margin) in 80 % of repetitions.
    """
    assert pair.difference is not None
    if comparison.expect == "same":
        return _status_of_same(pair)
    if pair.verdict == "same":
        return "not confirmed here"
    if pair.significant:
        favours = (pair.difference > 0) == measure.metric.higher_is_better
        return "confirmed" if favours else "contradicted"
    wanted = measure.threshold(comparison.effect or comparison.margin)
    detectable = pair.plan.detectable if pair.plan else None
    return "not confirmed here" if detectable and detectable <= wanted else "undecided"


def _status_of_same(pair: Pair) -> Status:
    if pair.verdict == "same":
        return "confirmed"
    bounds = (pair.low, pair.high, pair.margin)
    low, high, margin = (0.0 if bound is None else bound for bound in bounds)
    beyond = low > margin or high < -margin
    return "contradicted" if pair.significant and beyond else "undecided"
