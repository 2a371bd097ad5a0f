"""The sentences on the best network and on each pair; their direction is that of the test."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.report.folds import repetition_noun
from cnncompare.report.formatting import (
    difference,
    difference_number,
    first_names,
    metric_number,
    metric_value,
    table_decimals,
)
from cnncompare.report.looks_note import looks_note
from cnncompare.terminal.formatting import enumeration, significant

MOST_TIMES_THE_IMAGES = 10  # a test set that many times as large is no advice


def verdict_sentences(
    table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric, scope: str
) -> list[str]:
    """Return the sentences on the best of `ranked`, the others, and what would settle ties."""
    first = f"{scope}: {_best(table, ranked, metric)}"
    if len(ranked) == 1:
        return [first]
    return [
        first,
        *_worse(table, ranked, metric),
        *_practically_the_same(table, metric),
        *_too_few_runs(table, metric),
        *_inverted(table, metric),
        *looks_note(table),
        *_needed_to_settle(table, ranked[0], metric),
    ]


def baseline_sentences(table: ComparedTable, baseline: str, metric: Metric) -> list[str]:
    """Return a sentence for each pair with the baseline."""
    sentences = []
    for row in table.rows:
        pair = None if row.label == baseline else pair_of(table, row.label, baseline)
        if pair is None or pair.difference is None:
            continue
        ahead = leader_of(pair, metric)
        relation = f"significantly {'better' if ahead == row.label else 'worse'}"
        if not pair.significant:
            relation = "not settled" if pair.too_few_runs else "statistically tied"
        elif pair.verdict == "same":
            relation += ", yet practically the same"
        gap = _gap(table, pair, metric)
        sentences.append(f"{row.label} is {relation} (difference {gap}).")
    return sentences + _too_few_runs(table, metric) + looks_note(table)


def pair_of(table: ComparedTable, a: str, b: str) -> Pair | None:
    """Return the pair of two labels; None if it was not compared."""
    return next((p for p in table.pairs if {p.a, p.b} == {a, b}), None)


def leader_of(pair: Pair, metric: Metric) -> str:
    """Return the label that the tested difference favours."""
    return pair.a if ((pair.difference or 0.0) >= 0) == metric.higher_is_better else pair.b


def _other(pair: Pair, label: str) -> str:
    return pair.b if pair.a == label else pair.a


def tied_pairs(table: ComparedTable, ranked: Sequence[GroupRow]) -> list[Pair]:
    """Return the pairs of the best row that are not significant."""
    best = ranked[0].label
    pairs = [p for row in ranked[1:] if (p := pair_of(table, best, row.label))]
    return [p for p in pairs if not p.significant]


def _best(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> str:
    best = ranked[0]
    value = metric_value(best.estimates[metric.name].mean, metric, table_decimals(table))
    value += _interval_of_best(table, best, metric)
    if len(ranked) == 1:
        return f"{best.label} has {metric.title} {value}; there is nothing to compare it with."
    subject = f"of these trained networks, {best.label}'s" if table.single_runs else best.label
    pairs = [p for row in ranked[1:] if (p := pair_of(table, best.label, row.label))]
    ties = [p for p in pairs if not p.significant]
    leads = [pair for pair in pairs if leader_of(pair, metric) == best.label]
    if not ties and len(leads) == len(ranked) - 1:
        return f"{subject} is the best, with {metric.title} {value}."
    ties = [pair for pair in ties if not pair.too_few_runs]
    tied = _tied(table, ties, best.label, metric) if ties else ""
    return f"{subject} has the best {metric.title}, {value}{tied}."


def _interval_of_best(table: ComparedTable, best: GroupRow, metric: Metric) -> str:
    """Return the row's interval in brackets, corrected for the row's having been selected."""
    bounds: tuple[float | None, float | None]
    interval, note = best.estimates[metric.name].interval, ""
    bounds = (interval.low, interval.high)
    if table.best is not None and table.best.low is not None and table.best.label == best.label:
        bounds = (table.best.low, table.best.high)
        note = f", corrected for being the best of {table.best.of}"
    if bounds[0] is None or bounds[1] is None:
        return ""
    low, high = (metric_number(bound, metric, table_decimals(table)) for bound in bounds)
    return f" (95 % interval {low} to {high}{note})"


def _tied(table: ComparedTable, ties: list[Pair], best: str, metric: Metric) -> str:
    """Return the end of the sentence on the best: the networks that it is tied with."""
    names = first_names([_other(pair, best) for pair in ties])
    if any(pair.difference is None or pair.p is None for pair in ties):
        return f"; these runs do not allow a test of the difference from {enumeration(names)}"
    largest = max(ties, key=lambda p: abs(p.difference or 0.0))
    which = f"largest difference, from {_other(largest, best)}:" if len(ties) > 1 else "difference"
    gap = _gap(table, largest, metric)
    return f", but is statistically tied with {enumeration(names)} ({which} {gap})"


def _worse(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> list[str]:
    best = ranked[0].label
    pairs = [p for row in ranked[1:] if (p := pair_of(table, best, row.label)) and p.significant]
    texts: dict[bool, list[str]] = {True: [], False: []}
    for pair in pairs:
        text = f"{_other(pair, best)} (difference {_gap(table, pair, metric)})"
        texts[leader_of(pair, metric) == best].append(text)
    sentences = []
    if texts[True]:
        worse = enumeration(first_names(texts[True]))
        sentences.append(f"Significantly worse than {best}: {worse}.")
    if texts[False]:  # rows are ranked by all their folds
        better = enumeration(first_names(texts[False]))
        sentences.append(f"Significantly better than {best} on the folds of both: {better}.")
    return sentences


def _gap(table: ComparedTable, pair: Pair, metric: Metric) -> str:
    """Return "0.2 points, 95 % interval -0.3 to 0.7": the lead of the better of the two."""
    assert pair.difference is not None
    sign, decimals = (1 if pair.difference >= 0 else -1), table_decimals(table)
    text = difference(sign * pair.difference, metric, decimals)
    if fewer := _fewer_folds(table, pair):
        text += f" over {fewer}"
    elif pair.runs[0] != pair.runs[1]:
        text += f" with {pair.runs[0]} and {pair.runs[1]} runs"
    if pair.low is None or pair.high is None:
        return text
    low, high = sorted((sign * pair.low, sign * pair.high))
    bounds = [difference_number(bound, metric, decimals) for bound in (low, high)]
    text += f", 95 % interval {' to '.join(bounds)}"
    if not pair.significant and low * high > 0 and not pair.too_few_runs:
        text += f", not significant after correction for {len(table.pairs)} pairs"
    return text


def _fewer_folds(table: ComparedTable, pair: Pair) -> str:
    """Return the folds of a pair if one of its rows has more."""
    if not pair.folds:
        return ""
    n, noun = len(pair.folds), repetition_noun(table)
    rows = [row for row in table.rows if row.label in (pair.a, pair.b)]
    most = max(len(row.resampling.numbers) for row in rows if row.resampling)
    return f"their {n} common {noun if n > 1 else noun[:-1]}" if most > n else ""


def _practically_the_same(table: ComparedTable, metric: Metric) -> list[str]:
    """Return the pairs that differ by less than the margin, and whether they all do."""
    same = [f"{p.a} and {p.b}" for p in table.pairs if p.verdict == "same"]
    margin = next((p.margin for p in table.pairs if p.margin is not None), None)
    if margin is None:
        return []
    text = f"within {difference(margin, metric, max(1, table_decimals(table)))}"
    if not same:
        return [f"No pair is shown to be practically the same ({text})."]
    return [f"Practically the same ({text}): {enumeration(first_names(same))}."]


def _too_few_runs(table: ComparedTable, metric: Metric) -> list[str]:
    pairs = [pair for pair in table.pairs if pair.too_few_runs]
    if not pairs:
        return []
    texts = [f"{p.a} and {p.b} (difference {_gap(table, p, metric)})" for p in pairs]
    seeds = max((p.plan.seeds for p in pairs if p.plan and p.plan.seeds), default=None)
    advice = f"; about {seeds} seeds each would give one" if seeds else ""
    return [f"Too few runs for a verdict: {enumeration(first_names(texts))}{advice}."]


def _inverted(table: ComparedTable, metric: Metric) -> list[str]:
    """Explain the first pair that is tied although a closer pair within it is significant."""
    order = [row.label for row in table.rows]
    for pair in table.pairs:
        if pair.significant or pair.difference is None or pair.too_few_runs or pair.p is None:
            continue
        between = set(order[order.index(pair.a) : order.index(pair.b) + 1])
        for inner in table.pairs:
            if {inner.a, inner.b} <= between and inner.significant and inner is not pair:
                reason = _reason(table, pair, metric)
                return [
                    f"{pair.a} and {pair.b} are tied although {inner.a} and {inner.b}, which are "
                    f"closer, are not: {reason}."
                ]
    return []


def _reason(table: ComparedTable, pair: Pair, metric: Metric) -> str:
    """Return why a wide difference is not significant."""
    if pair.test in ("mcnemar-exact", "image-permutation"):
        return "they disagree on more test images"
    if pair.test == "permutation":
        return "the runs of both overlap"
    spreads = {row.label: row.estimates[metric.name].sd for row in table.rows}
    label = max((pair.a, pair.b), key=lambda name: spreads[name] or 0.0)
    if pair.runs[0] != pair.runs[1] and min(pair.runs) == 1:
        return f"{pair.a if pair.runs[0] == 1 else pair.b} has one run"
    sd = difference(spreads[label], metric, 2)
    return f"{label} spreads more over its seeds (sd {sd})"


def _needed_to_settle(table: ComparedTable, best: GroupRow, metric: Metric) -> list[str]:
    """Return the effort that would settle the closest tie of the best, and what is detectable."""
    ties = [p for p in table.pairs if best.label in (p.a, p.b) and p.plan]
    ties = [p for p in ties if not p.significant and p.verdict == "undecided"]
    sentences = _more_seeds(table)
    if not ties:
        return sentences
    pair = min(ties, key=lambda p: abs(p.difference or 0.0))
    other = _other(pair, best.label)
    needed = "" if pair.too_few_runs else settling_effort(pair)
    if needed:
        sentences.append(f"{best.label} and {other}: {needed}.")
    if pair.same_within is not None and pair.margin is None:
        margin = difference(pair.same_within, metric, max(1, table_decimals(table)))
        sentences.append(
            f"{best.label} and {other} are practically the same only if {margin} do not matter."
        )
    if pair.plan and pair.plan.detectable is not None:
        gap = difference(pair.plan.detectable, metric, table_decimals(table))
        sentences.append(
            f"With this set-up only gaps above {gap} are reliably detected (80 % power)."
        )
    return sentences


def _more_seeds(table: ComparedTable) -> list[str]:
    if not table.single_runs or table.protocol.get("epochs") == 0:
        return []
    return ["To compare the networks, and not only these runs of them, train more: seeds=3."]


def settling_effort(pair: Pair) -> str:
    """Return what would settle a tied pair at 80 % power, an empty string if that is unknown."""
    plan = pair.plan
    if plan is None or not pair.difference:
        return ""
    ways = [f"about {plan.seeds} seeds each"] if plan.seeds else []
    if plan.images and plan.images <= MOST_TIMES_THE_IMAGES * plan.present_images:
        ways += [f"about {significant(plan.images)} test images"]
    if ways:
        return f"{' or '.join(ways)} would settle the tie if the gap is real"
    if max(pair.runs) > 1 and not pair.folds:
        return "even 100 seeds would not settle the tie if the gap is real"
    return ""
