"""The findings as sentences that claim no more than the tests support."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow, Options
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.comparison.pareto import dominated_everywhere
from cnncompare.report.caveats import caveats
from cnncompare.report.folds import count_repetitions, fold_notes, repetition_noun
from cnncompare.report.formatting import difference, difference_number, metric_value
from cnncompare.terminal.formatting import (
    accuracy_decimals,
    enumeration,
    percent,
    significant,
)

MOST_NAMES = 6  # in one sentence


def table_findings(table: ComparedTable, options: Options) -> list[str]:
    """Return the table's findings, one sentence each, the most important first."""
    metric = options.metric
    ranked = [row for row in table.rows if row.estimates[metric.name].mean is not None]
    if not ranked:
        return [f"{scope(table)}: no run has a {metric.title}.", *caveats(table, metric)]
    if any(row.label == options.baseline for row in ranked):
        sentences = _against_baseline(table, options.baseline or "", metric)
    else:
        sentences = [_best(table, ranked, metric), *_worse(table, ranked, metric)]
        sentences += _fastest(table, ranked) + _needed_to_settle(table, ranked[0], metric)
    sentences += fold_notes(table)
    return sentences + _untrained(table) + _dominated(table) + caveats(table, metric)


def _against_baseline(table: ComparedTable, baseline: str, metric: Metric) -> list[str]:
    """Return a sentence for each pair with the baseline."""
    sentences = [f"{scope(table)}, compared with the baseline {baseline}:"]
    order = [row.label for row in table.rows]
    for label in order:
        pair = None if label == baseline else _pair(table, label, baseline)
        if pair is None or pair.difference is None:
            continue
        ahead = min(label, baseline, key=order.index)
        result = "better" if ahead == label else "worse"
        relation = f"significantly {result}" if pair.significant else "statistically tied"
        sentences.append(f"{label} is {relation} (difference {_gap(table, pair, metric, ahead)}).")
    return sentences


def scope(table: ComparedTable) -> str:
    """Return the conditions of the numbers: "On cifar10, 25 epochs, 3 seeds"."""
    first = table.rows[0].group.results[0]
    epochs = table.protocol.get("epochs")
    length = f", {epochs} epoch{'s' * (epochs != 1)}" if epochs else ""
    model = table.protocol.get("model")
    network = f", {model}" if model and len(table.rows) > 1 else ""
    return f"On {first.data_name}{network}{length}, {count_repetitions(table)}"


def headline(table: ComparedTable) -> str:
    """Return the table's protocol in one line."""
    protocol, first = table.protocol, table.rows[0].group.results[0]
    items = [first.data_name]
    for key, text in (
        ("epochs", "{} epochs"),
        ("batch_size", "batch size {}"),
        ("image_size", "{} pixels"),
        ("n_train", "{:,} training images"),
    ):
        items += [text.format(protocol[key])] if protocol.get(key) else []
    drawn = table.rows[0].resampling
    tested = f"{first.data.n_test:,} test images"
    if drawn is not None:
        tested = f"{protocol.get('resampling', 'folds')} of all {drawn.n_images:,} images"
    items += [tested]
    items += [str(protocol[key]) for key in ("precision", "hardware") if protocol.get(key)]
    return " · ".join(items)


def _pair(table: ComparedTable, a: str, b: str) -> Pair | None:
    return next((p for p in table.pairs if {p.a, p.b} == {a, b}), None)


def _gap(table: ComparedTable, pair: Pair, metric: Metric, ahead: str) -> str:
    """Return "0.2 points, 95 % interval -0.3 to 0.7": by how much `ahead` leads the other."""
    assert pair.difference is not None
    sign, decimals = (1 if (pair.a == ahead) == metric.higher_is_better else -1), _decimals(table)
    text = difference(sign * pair.difference, metric, decimals)
    if fewer := _fewer_repetitions(table, pair):
        text += f" over {fewer}"
    if pair.low is None or pair.high is None:
        return text
    low, high = sorted((sign * pair.low, sign * pair.high))
    bounds = [difference_number(bound, metric, decimals) for bound in (low, high)]
    text += f", 95 % interval {' to '.join(bounds)}"
    if not pair.significant and low * high > 0:
        text += f", not significant after correction for {len(table.pairs)} pairs"
    return text


def _fewer_repetitions(table: ComparedTable, pair: Pair) -> str:
    """Return the seeds or folds of a pair if one of its rows has more."""
    rows = [row for row in table.rows if row.label in (pair.a, pair.b)]
    if pair.folds:
        n, noun = len(pair.folds), repetition_noun(table)
        most = max(len(row.resampling.numbers) for row in rows if row.resampling)
        return f"their {n} common {noun if n > 1 else noun[:-1]}" if most > n else ""
    n = len(pair.seeds)
    most = max(len(row.group.seeds) for row in rows)
    return f"their {n} common seeds" if most > n > 1 else ""


def _decimals(table: ComparedTable) -> int:
    return accuracy_decimals(table.rows[0].group.results[0].data.n_test)


def _split(table: ComparedTable, ranked: Sequence[GroupRow]) -> tuple[list[Pair], list[Pair]]:
    """Return the best row's tied pairs and its significant ones."""
    best = ranked[0].label
    pairs = [p for row in ranked[1:] if (p := _pair(table, best, row.label))]
    return [p for p in pairs if not p.significant], [p for p in pairs if p.significant]


def _other(pair: Pair, label: str) -> str:
    return pair.b if pair.a == label else pair.a


def _best(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> str:
    best = ranked[0]
    value = metric_value(best.estimates[metric.name].mean, metric, _decimals(table))
    if len(ranked) == 1:
        only = f"{scope(table)}: {best.label} has {metric.title} {value}"
        return f"{only}; there is nothing to compare it with."
    ties, significant_pairs = _split(table, ranked)
    if not ties and significant_pairs and len(significant_pairs) == len(ranked) - 1:
        return f"{scope(table)}: {best.label} is the best, with {metric.title} {value}."
    start = f"{scope(table)}: {best.label} has the best {metric.title}, {value}"
    return start + (_tied(table, ties, best.label, metric) if ties else "") + "."


def _tied(table: ComparedTable, ties: list[Pair], best: str, metric: Metric) -> str:
    """Return the end of the sentence on the best: the networks that it is tied with."""
    names = [_other(pair, best) for pair in ties]
    if len(names) > MOST_NAMES:
        names = [*names[:MOST_NAMES], f"{len(names) - MOST_NAMES} more"]
    if any(pair.difference is None or pair.p is None for pair in ties):
        return f"; these runs do not allow a test of the difference from {enumeration(names)}"
    largest = max(ties, key=lambda p: abs(p.difference or 0.0))
    which = f"largest difference, from {_other(largest, best)}:" if len(ties) > 1 else "difference"
    gap = _gap(table, largest, metric, best)
    return f", but is statistically tied with {enumeration(names)} ({which} {gap})"


def _worse(table: ComparedTable, ranked: Sequence[GroupRow], metric: Metric) -> list[str]:
    best = ranked[0].label
    _, pairs = _split(table, ranked)
    texts = [
        f"{_other(pair, best)} (difference {_gap(table, pair, metric, best)})"
        for pair in pairs[:MOST_NAMES]
    ]
    if len(pairs) > MOST_NAMES:
        texts.append(f"{len(pairs) - MOST_NAMES} more")
    return [f"Significantly worse than {best}: {enumeration(texts)}."] if texts else []


def _fastest(table: ComparedTable, ranked: Sequence[GroupRow]) -> list[str]:
    """Name the fastest of those tied with the best, if the times differ by at least a tenth."""
    ties, _ = _split(table, ranked)
    best = ranked[0]
    names = {_other(pair, best.label) for pair in ties if pair.p is not None}
    times = [(s, row.label) for row in ranked if row.label in names and (s := _epoch_s(row))]
    own = _epoch_s(best)
    if not times or not own:
        return []
    fastest, label = min(times)
    if own / fastest >= 1.1:
        ratio = f"{own / fastest:.1f} times as fast per epoch as {best.label}"
        return [f"Of the tied networks, {label} is {ratio}."]
    if fastest / own >= 1.1:
        return [f"Of the tied networks, {best.label} is also the fastest per epoch."]
    return []


def _epoch_s(row: GroupRow) -> float | None:
    return row.timing["epoch_s"]


def _needed_to_settle(table: ComparedTable, best: GroupRow, metric: Metric) -> list[str]:
    """Return the effort that would settle the closest tie of the best, and what is detectable."""
    ties = [p for p in table.pairs if best.label in (p.a, p.b) and not p.significant and p.plan]
    if not ties:
        return []
    pair = min(ties, key=lambda p: abs(p.difference or 0.0))
    needed, sentences = settling_effort(pair), []
    if needed:
        sentences.append(f"{best.label} and {_other(pair, best.label)}: {needed}.")
    if pair.plan and pair.plan.detectable is not None:
        gap = difference(pair.plan.detectable, metric, _decimals(table))
        sentences.append(
            f"With this set-up only gaps above {gap} are reliably detected (80 % power)."
        )
    return sentences


def settling_effort(pair: Pair) -> str:
    """Return what would settle a tied pair at 80 % power, an empty string if that is unknown."""
    plan = pair.plan
    if plan is None or not pair.difference:
        return ""
    ways = [f"about {plan.seeds} seeds each"] if plan.seeds else []
    ways += [f"about {significant(plan.images)} test images"] if plan.images else []
    if ways:
        return f"{' or '.join(ways)} would settle the tie if the gap is real"
    if len(pair.seeds) > 1 and not pair.folds:
        return "even 100 seeds would not settle the tie if the gap is real"
    return ""


def _untrained(table: ComparedTable) -> list[str]:
    """Return a sentence for each network of which any run did not train."""
    some = [
        f"{row.did_not_train} of {row.did_not_train + len(row.group.results)} runs of {row.label} "
        f"did not train and are left out: {row.failure}."
        for row in table.rows
        if row.did_not_train
    ]
    return some + [
        f"{row.label} did not train ({_accuracy(row)}) and is left out of all tests: {row.failure}."
        for row in table.untrained
    ]


def _accuracy(row: GroupRow) -> str:
    mean = row.estimates["top1"].mean
    return f"test top-1 {percent(mean)}"


def _dominated(table: ComparedTable) -> list[str]:
    by = dominated_everywhere(table.fronts)
    if not by:
        return []
    texts = [f"{label} (by {enumeration(rivals[:3])})" for label, rivals in by.items()]
    costs = enumeration([front.title.partition(" (")[0] for front in table.fronts])
    models = enumeration(texts[:MOST_NAMES])
    return [f"Dominated, neither more accurate nor cheaper in {costs}: {models}."]


def tie_groups(table: ComparedTable) -> list[tuple[str, list[str]]]:
    """Return each letter with its labels, best first; none for a table with a baseline."""
    separated = any("," in row.letters for row in table.rows)
    letters = [row.letters.split(",") if separated else list(row.letters) for row in table.rows]
    names = dict.fromkeys(name for row_letters in letters for name in row_letters)
    rows = list(zip(table.rows, letters, strict=True))
    return [
        (name, [row.label for row, row_letters in rows if name in row_letters]) for name in names
    ]


def reason_for_tables(comparison: Comparison) -> str:
    """Return why there are several tables, an empty string for one."""
    if len(comparison.tables) < 2:
        return ""
    implied = {"fingerprint"}
    if "resampling" in comparison.differing:
        implied |= {"n_images", "n_train", "n_val", "n_test"}
    keys = [key for key in comparison.differing if key not in implied] or ["fingerprint"]
    if comparison.options.group_by:
        return f"Each table holds runs that differ only in {comparison.options.group_by} and seed."
    values = [
        f"{key} ({', '.join(dict.fromkeys(map(_shortened, comparison.differing[key])))})"
        for key in keys
    ]
    return (
        f"{len(comparison.tables)} tables, since runs with different protocols are not comparable: "
        f"they differ in {enumeration(values)}."
    )


def _shortened(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "…"


def across(comparison: Comparison) -> str:
    """Return the result of Friedman's test over the data sets, an empty string for fewer than two.

    Nemenyi's critical difference is included.
    """
    ranks = comparison.ranks
    if ranks is None:
        return ""
    order = ", ".join(f"{a} {r:.2f}" for a, r in zip(ranks.labels, ranks.mean_ranks, strict=True))
    differ = "differ significantly" if ranks.p < 0.05 else "do not differ significantly"
    return (
        f"Over {len(ranks.data)} data sets the mean ranks {differ} (Friedman, p = {ranks.p:.2g}): "
        f"{order}; critical difference {ranks.critical_difference:.2f} (Nemenyi)."
    )
