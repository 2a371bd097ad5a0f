"""The sentences on the best network and on each pair; their direction is that of the test."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.language.catalogue import marked, tr
from cnncompare.report.best_sentence import best_sentence
from cnncompare.report.formatting import difference, first_names, table_decimals
from cnncompare.report.gaps import gap_text, leader_of, other_of, pair_of
from cnncompare.report.looks_note import looks_note
from cnncompare.terminal.formatting import enumeration, significant

MOST_TIMES_THE_IMAGES = 10  # a test set that many times as large is no advice
# on a row and the baseline
_RELATIONS = {
    "better": marked("{model} is significantly better (difference {gap})."),
    "worse": marked("{model} is significantly worse (difference {gap})."),
    "better, same": marked(
        "{model} is significantly better, yet practically the same (difference {gap})."
    ),
    "worse, same": marked(
        "{model} is significantly worse, yet practically the same (difference {gap})."
    ),
    "few": marked("{model} is not settled (difference {gap})."),
    "tied": marked("{model} is statistically tied (difference {gap})."),
}


def verdict_sentences(
    table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric, scope: str
) -> list[str]:
    """Return the sentences on the best of `ranked`, the others, and what would settle ties."""
    first = f"{scope}: {best_sentence(table, ranked, metric)}"
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
        relation = "better" if leader_of(pair, metric) == row.label else "worse"
        if not pair.significant:
            relation = "few" if pair.too_few_runs else "tied"
        elif pair.verdict == "same":
            relation += ", same"
        gap = gap_text(table, pair, metric)
        sentences.append(tr(_RELATIONS[relation], model=row.label, gap=gap))
    return sentences + _too_few_runs(table, metric) + looks_note(table)


def tied_pairs(table: ComparedTable, ranked: Sequence[GroupRow]) -> list[Pair]:
    """Return the pairs of the best row that are not significant."""
    best = ranked[0].label
    pairs = [p for row in ranked[1:] if (p := pair_of(table, best, row.label))]
    return [p for p in pairs if not p.significant]


def _worse(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> list[str]:
    best = ranked[0].label
    pairs = [p for row in ranked[1:] if (p := pair_of(table, best, row.label)) and p.significant]
    texts: dict[bool, list[str]] = {True: [], False: []}
    for pair in pairs:
        gap, model = gap_text(table, pair, metric), other_of(pair, best)
        text = tr("{model} (difference {gap})", model=model, gap=gap)
        texts[leader_of(pair, metric) == best].append(text)
    sentences = []
    if texts[True]:
        worse = enumeration(first_names(texts[True]))
        message = marked("Significantly worse than {model}: {others}.")
        sentences.append(tr(message, model=best, others=worse))
    if texts[False]:  # rows are ranked by all their folds
        better = enumeration(first_names(texts[False]))
        message = marked("Significantly better than {model} on the folds of both: {others}.")
        sentences.append(tr(message, model=best, others=better))
    return sentences


def _practically_the_same(table: ComparedTable, metric: Metric) -> list[str]:
    """Return the pairs that differ by less than the margin, and whether they all do."""
    same = [tr("{a} and {b}", a=p.a, b=p.b) for p in table.pairs if p.verdict == "same"]
    margin = next((p.margin for p in table.pairs if p.margin is not None), None)
    if margin is None:
        return []
    text = difference(margin, metric, max(1, table_decimals(table)))
    if not same:
        return [tr("No pair is shown to be practically the same (within {margin}).", margin=text)]
    message = marked("Practically the same (within {margin}): {pairs}.")
    return [tr(message, margin=text, pairs=enumeration(first_names(same)))]


def _too_few_runs(table: ComparedTable, metric: Metric) -> list[str]:
    pairs = [pair for pair in table.pairs if pair.too_few_runs]
    if not pairs:
        return []
    message = marked("{a} and {b} (difference {gap})")
    texts = [tr(message, a=p.a, b=p.b, gap=gap_text(table, p, metric)) for p in pairs]
    listed = enumeration(first_names(texts))
    seeds = max((p.plan.seeds for p in pairs if p.plan and p.plan.seeds), default=None)
    if not seeds:
        return [tr("Too few runs for a verdict: {pairs}.", pairs=listed)]
    message = marked(
        "Too few runs for a verdict: {pairs}; about {seeds} seeds each would give one."
    )
    return [tr(message, pairs=listed, seeds=seeds)]


def _inverted(table: ComparedTable, metric: Metric) -> list[str]:
    """Explain the first pair that is tied although a closer pair within it is significant."""
    order = [row.label for row in table.rows]
    for pair in table.pairs:
        if pair.significant or pair.difference is None or pair.too_few_runs or pair.p is None:
            continue
        between = set(order[order.index(pair.a) : order.index(pair.b) + 1])
        for inner in table.pairs:
            if {inner.a, inner.b} <= between and inner.significant and inner is not pair:
                return [_inversion(table, pair, inner, metric)]
    return []


def _inversion(table: ComparedTable, pair: Pair, inner: Pair, metric: Metric) -> str:
    return tr(
        "{a} and {b} are tied although {inner_a} and {inner_b}, which are closer, are not: "
        "{reason}.",
        a=pair.a,
        b=pair.b,
        inner_a=inner.a,
        inner_b=inner.b,
        reason=_reason(table, pair, metric),
    )


def _reason(table: ComparedTable, pair: Pair, metric: Metric) -> str:
    """Return why a wide difference is not significant."""
    if pair.test in ("mcnemar-exact", "image-permutation"):
        return tr("they disagree on more test images")
    if pair.test == "permutation":
        return tr("the runs of both overlap")
    spreads = {row.label: row.estimates[metric.name].sd for row in table.rows}
    label = max((pair.a, pair.b), key=lambda name: spreads[name] or 0.0)
    if pair.runs[0] != pair.runs[1] and min(pair.runs) == 1:
        return tr("{model} has one run", model=pair.a if pair.runs[0] == 1 else pair.b)
    sd = difference(spreads[label], metric, 2)
    return tr("{model} spreads more over its seeds (sd {sd})", model=label, sd=sd)


def _needed_to_settle(table: ComparedTable, best: GroupRow, metric: Metric) -> list[str]:
    """Return the effort that would settle the closest tie of the best, and what is detectable."""
    ties = [p for p in table.pairs if best.label in (p.a, p.b) and p.plan]
    ties = [p for p in ties if not p.significant and p.verdict == "undecided"]
    sentences = _more_seeds(table)
    if not ties:
        return sentences
    pair = min(ties, key=lambda p: abs(p.difference or 0.0))
    other = other_of(pair, best.label)
    needed = "" if pair.too_few_runs else settling_effort(pair)
    if needed:
        sentences.append(tr("{a} and {b}: {effort}.", a=best.label, b=other, effort=needed))
    if pair.same_within is not None and pair.margin is None:
        margin = difference(pair.same_within, metric, max(1, table_decimals(table)))
        message = marked("{a} and {b} are practically the same only if {margin} do not matter.")
        sentences.append(tr(message, a=best.label, b=other, margin=margin))
    if pair.plan and pair.plan.detectable is not None:
        gap = difference(pair.plan.detectable, metric, table_decimals(table))
        message = marked(
            "With this set-up only gaps above {gap} are reliably detected (80 % power)."
        )
        sentences.append(tr(message, gap=gap))
    return sentences


def _more_seeds(table: ComparedTable) -> list[str]:
    if not table.single_runs or table.protocol.get("epochs") == 0:
        return []
    return [tr("To compare the networks, and not only these runs of them, train more: seeds=3.")]


def settling_effort(pair: Pair) -> str:
    """Return what would settle a tied pair at 80 % power, an empty string if that is unknown."""
    plan = pair.plan
    if plan is None or not pair.difference:
        return ""
    images = ""
    if plan.images and plan.images <= MOST_TIMES_THE_IMAGES * plan.present_images:
        images = significant(plan.images)
    if plan.seeds and images:
        message = marked(
            "about {seeds} seeds each or about {images} test images would settle the tie if the "
            "gap is real"
        )
        return tr(message, seeds=plan.seeds, images=images)
    if plan.seeds:
        message = marked("about {seeds} seeds each would settle the tie if the gap is real")
        return tr(message, seeds=plan.seeds)
    if images:
        message = marked("about {images} test images would settle the tie if the gap is real")
        return tr(message, images=images)
    if max(pair.runs) > 1 and not pair.folds:
        return tr("even 100 seeds would not settle the tie if the gap is real")
    return ""
