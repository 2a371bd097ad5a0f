"""The sentence on the best network of a table."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.language.catalogue import marked, tr
from cnncompare.report.formatting import first_names, metric_number, metric_value, table_decimals
from cnncompare.report.gaps import gap_text, leader_of, other_of, pair_of
from cnncompare.terminal.formatting import enumeration

# by whether each network has one run only, so that the sentence is about trained networks
_BEST = {
    False: marked("{model} is the best, with {metric} {value}."),
    True: marked("of these trained networks, {model}'s is the best, with {metric} {value}."),
}
_FIRST = {
    False: marked("{model} has the best {metric}, {value}."),
    True: marked("of these trained networks, {model}'s has the best {metric}, {value}."),
}
_NOT_TESTED = {
    False: marked(
        "{model} has the best {metric}, {value}; these runs do not allow a test of the difference "
        "from {others}."
    ),
    True: marked(
        "of these trained networks, {model}'s has the best {metric}, {value}; these runs do not "
        "allow a test of the difference from {others}."
    ),
}
_TIED = {
    False: marked(
        "{model} has the best {metric}, {value}, but is statistically tied with {others} ({gap})."
    ),
    True: marked(
        "of these trained networks, {model}'s has the best {metric}, {value}, but is statistically "
        "tied with {others} ({gap})."
    ),
}


def best_sentence(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> str:
    """Return the sentence on the first of `ranked` and the networks that it is tied with."""
    best, single = ranked[0], table.single_runs
    texts = {"model": best.label, "metric": tr(metric.title)}
    texts["value"] = _value_of_best(table, best, metric)
    if len(ranked) == 1:
        message = marked("{model} has {metric} {value}; there is nothing to compare it with.")
        return tr(message, **texts)
    pairs = [p for row in ranked[1:] if (p := pair_of(table, best.label, row.label))]
    ties = [p for p in pairs if not p.significant]
    leads = [pair for pair in pairs if leader_of(pair, metric) == best.label]
    if not ties and len(leads) == len(ranked) - 1:
        return tr(_BEST[single], **texts)
    ties = [pair for pair in ties if not pair.too_few_runs]
    if not ties:
        return tr(_FIRST[single], **texts)
    texts["others"] = enumeration(first_names([other_of(pair, best.label) for pair in ties]))
    if any(pair.difference is None or pair.p is None for pair in ties):
        return tr(_NOT_TESTED[single], **texts)
    return tr(_TIED[single], gap=_largest_gap(table, ties, best.label, metric), **texts)


def _value_of_best(table: ComparedTable, best: GroupRow, metric: Metric) -> str:
    """Return the value with its interval, corrected for the row's having been selected."""
    estimate, decimals = best.estimates[metric.name], table_decimals(table)
    value = metric_value(estimate.mean, metric, decimals)
    chosen = table.best
    if chosen is None or chosen.low is None or chosen.label != best.label:
        chosen = None
    bounds = estimate.interval if chosen is None else chosen
    if bounds.low is None or bounds.high is None:
        return value
    low, high = (metric_number(bound, metric, decimals) for bound in (bounds.low, bounds.high))
    texts = {"value": value, "low": low, "high": high}
    if chosen is None:
        return tr("{value} (95 % interval {low} to {high})", **texts)
    return tr(
        "{value} (95 % interval {low} to {high}, corrected for being the best of {n})",
        n=chosen.of,
        **texts,
    )


def _largest_gap(table: ComparedTable, ties: list[Pair], best: str, metric: Metric) -> str:
    largest = max(ties, key=lambda p: abs(p.difference or 0.0))
    gap = gap_text(table, largest, metric)
    if len(ties) == 1:
        return tr("difference {gap}", gap=gap)
    model = other_of(largest, best)
    return tr("largest difference, from {model}: {gap}", model=model, gap=gap)
