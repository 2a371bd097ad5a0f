"""The findings as sentences that claim no more than the tests support."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow, Options
from cnncompare.comparison.pareto import dominated_everywhere
from cnncompare.report.budget import table_budget
from cnncompare.report.caveats import caveats
from cnncompare.report.folds import count_repetitions, fold_notes
from cnncompare.report.formatting import first_names
from cnncompare.report.verdicts import baseline_sentences, tied_pairs, verdict_sentences
from cnncompare.stats.intervals import wilson
from cnncompare.terminal.formatting import enumeration, percent, percentage

MOST_DOMINATED = 3  # named in one sentence


def table_findings(table: ComparedTable, options: Options) -> list[str]:
    """Return the table's findings, one sentence each, the most important first."""
    metric = options.metric
    ranked = [row for row in table.rows if row.estimates[metric.name].mean is not None]
    if not ranked:
        return [f"{scope(table)}: no run has a {metric.title}.", *caveats(table, metric)]
    if any(row.label == options.baseline for row in ranked):
        sentences = [f"{scope(table)}, compared with the baseline {options.baseline}:"]
        sentences += baseline_sentences(table, options.baseline or "", metric)
    else:
        sentences = verdict_sentences(table, ranked, metric, scope(table))
        sentences += _fastest(table, ranked)
    sentences += fold_notes(table)
    return sentences + _untrained(table) + _dominated(table) + caveats(table, metric)


def scope(table: ComparedTable) -> str:
    """Return the conditions of the numbers: "On cifar10, 25 epochs, 3 seeds"."""
    first = table.rows[0].group.results[0]
    epochs = table.protocol.get("epochs")
    length = f", {epochs} epoch{'s' * (epochs != 1)}" if epochs else ""
    if budget := table_budget(table):
        length = f", in {budget}"
    model = table.protocol.get("model")
    network = f", {model}" if model and len(table.rows) > 1 else ""
    return f"On {first.data_name}{network}{length}, {count_repetitions(table)}"


def headline(table: ComparedTable) -> str:
    """Return the table's protocol in one line."""
    protocol, first = table.protocol, table.rows[0].group.results[0]
    items = [first.data_name, *([f"in {budget}"] if (budget := table_budget(table)) else [])]
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
    items += [str(protocol["precision"])] if protocol.get("precision") else []
    clocks = {row.clock for row in table.rows}
    items += [clocks.pop().partition(",")[0]] if len(clocks) == 1 else []
    return " · ".join(items)


def _fastest(table: ComparedTable, ranked: Sequence[GroupRow]) -> list[str]:
    """Name the fastest of those tied with the best, if the times differ by at least a tenth.

    Times that other programs or another machine changed are not compared.
    """
    best = ranked[0]
    ties = [pair for pair in tied_pairs(table, ranked) if pair.p is not None]
    names = {label for pair in ties for label in (pair.a, pair.b)} - {best.label}
    times = [(s, row.label) for row in ranked if row.label in names and (s := _time(table, row))]
    own = _time(table, best)
    if not times or not own:
        return []
    fastest, label = min(times)
    if own / fastest >= 1.1:
        ratio = f"{own / fastest:.1f} times as fast per epoch as {best.label}"
        return [f"Of the tied networks, {label} is {ratio}."]
    if fastest / own >= 1.1:
        return [f"Of the tied networks, {best.label} is also the fastest per epoch."]
    return []


def _time(table: ComparedTable, row: GroupRow) -> float | None:
    """Return the seconds of an epoch; None if they are not comparable."""
    busy, measured = row.fairness["busy_epochs"]
    if row.clock != table.clock or row.fairness["shared_clock"] or 2 * busy > measured:
        return None
    return row.timing["epoch_s"]


def _untrained(table: ComparedTable) -> list[str]:
    """Return a sentence for each network of which any run did not train."""
    some = [
        f"{row.did_not_train} of {row.did_not_train + len(row.group.results)} runs of {row.label} "
        f"did not train ({_failure_rate(row)}) and are left out: {row.failure}."
        for row in table.rows
        if row.did_not_train
    ]
    return some + [
        f"{row.label} did not train ({_accuracy(row)}) and is left out of all tests: {row.failure}."
        for row in table.untrained
    ]


def _failure_rate(row: GroupRow) -> str:
    bounds = wilson(row.did_not_train, row.did_not_train + len(row.group.results))
    return f"95 % interval {percentage(bounds.low, 0)} to {percent(bounds.high, 0)}"


def _accuracy(row: GroupRow) -> str:
    mean = row.estimates["top1"].mean
    return f"test top-1 {percent(mean)}"


def _dominated(table: ComparedTable) -> list[str]:
    by = dominated_everywhere(table.fronts)
    if not by:
        return []
    texts = [f"{label} (by {enumeration(rivals[:3])})" for label, rivals in by.items()]
    costs = enumeration([front.title.partition(" (")[0] for front in table.fronts])
    models = enumeration(first_names(texts, MOST_DOMINATED))
    return [f"Dominated in the means, neither more accurate nor cheaper in {costs}: {models}."]


def tie_groups(table: ComparedTable) -> list[tuple[str, list[str]]]:
    """Return each letter with its labels, best first; none for a table with a baseline."""
    separated = any("," in row.letters for row in table.rows)
    letters = [row.letters.split(",") if separated else list(row.letters) for row in table.rows]
    names = dict.fromkeys(name for row_letters in letters for name in row_letters)
    rows = list(zip(table.rows, letters, strict=True))
    return [
        (name, [row.label for row, row_letters in rows if name in row_letters]) for name in names
    ]


def tie_title(table: ComparedTable) -> str:
    """Return the heading of the tie groups, which says what their letters are about."""
    return "Tie groups (trained networks, images alone)" if table.single_runs else "Tie groups"


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
    if isinstance(value, dict) and ("seconds" in value or "trials" in value):  # budget, tuning
        value = ", ".join(f"{key} {inner}" for key, inner in value.items() if inner is not None)
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
