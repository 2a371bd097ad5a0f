"""The findings as sentences that claim no more than the tests support."""

from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow, Options
from cnncompare.comparison.pareto import dominated_everywhere
from cnncompare.language.catalogue import marked, tr, trn
from cnncompare.language.recorded import recorded
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
        title = tr(metric.title)
        missing = tr("{scope}: no run has a {metric}.", scope=scope(table), metric=title)
        return [missing, *caveats(table, metric)]
    if any(row.label == options.baseline for row in ranked):
        message = marked("{scope}, compared with the baseline {baseline}:")
        sentences = [tr(message, scope=scope(table), baseline=options.baseline)]
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
    length = [trn("{n} epoch", "{n} epochs", epochs)] if epochs else []
    if budget := table_budget(table):
        length = [tr("in {budget}", budget=budget)]
    model = table.protocol.get("model")
    network = [model] if model and len(table.rows) > 1 else []
    on = tr("On {data}", data=first.data_name)
    return ", ".join([on, *network, *length, count_repetitions(table)])


def headline(table: ComparedTable) -> str:
    """Return the table's protocol in one line."""
    protocol, first = table.protocol, table.rows[0].group.results[0]
    budget = table_budget(table)
    items = [first.data_name, *([tr("in {budget}", budget=budget)] if budget else [])]
    for key, text in (
        ("epochs", marked("{number} epochs")),
        ("batch_size", marked("batch size {number}")),
        ("image_size", marked("{number} pixels")),
        ("n_train", marked("{number:,} training images")),
    ):
        items += [tr(text, number=protocol[key])] if protocol.get(key) else []
    drawn = table.rows[0].resampling
    tested = tr("{number:,} test images", number=first.data.n_test)
    if drawn is not None:
        method = recorded(protocol.get("resampling", "folds"))
        message = marked("{resampling} of all {number:,} images")
        tested = tr(message, resampling=method, number=drawn.n_images)
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
        message = marked(
            "Of the tied networks, {model} is {ratio:.1f} times as fast per epoch as {best}."
        )
        return [tr(message, model=label, ratio=own / fastest, best=best.label)]
    if fastest / own >= 1.1:
        message = marked("Of the tied networks, {model} is also the fastest per epoch.")
        return [tr(message, model=best.label)]
    return []


def _time(table: ComparedTable, row: GroupRow) -> float | None:
    """Return the seconds of an epoch; None if they are not comparable."""
    busy, measured = row.fairness["busy_epochs"]
    if row.clock != table.clock or row.fairness["shared_clock"] or 2 * busy > measured:
        return None
    return row.timing["epoch_s"]


def _untrained(table: ComparedTable) -> list[str]:
    """Return a sentence for each network of which any run did not train."""
    return [_failed_runs(row) for row in table.rows if row.did_not_train] + [
        tr(
            "{model} did not train (test top-1 {accuracy}) and is left out of all tests: "
            "{evidence}.",
            model=row.label,
            accuracy=percent(row.estimates["top1"].mean),
            evidence=recorded(row.failure),
        )
        for row in table.untrained
    ]


def _failed_runs(row: GroupRow) -> str:
    n = row.did_not_train + len(row.group.results)
    bounds = wilson(row.did_not_train, n)
    return tr(
        "{some} of {n} runs of {model} did not train (95 % interval {low} to {high}) and are left "
        "out: {evidence}.",
        some=row.did_not_train,
        n=n,
        model=row.label,
        low=percentage(bounds.low, 0),
        high=percent(bounds.high, 0),
        evidence=recorded(row.failure),
    )


def _dominated(table: ComparedTable) -> list[str]:
    by = dominated_everywhere(table.fronts)
    if not by:
        return []
    message = marked("{model} (by {rivals})")
    texts = [tr(message, model=k, rivals=enumeration(v[:3])) for k, v in by.items()]
    costs = enumeration([tr(front.title).partition(" (")[0] for front in table.fronts])
    models = enumeration(first_names(texts, MOST_DOMINATED))
    message = marked(
        "Dominated in the means, neither more accurate nor cheaper in {costs}: {models}."
    )
    return [tr(message, costs=costs, models=models)]


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
    if table.single_runs:
        return tr("Tie groups (trained networks, images alone)")
    return tr("Tie groups")


def reason_for_tables(comparison: Comparison) -> str:
    """Return why there are several tables, an empty string for one."""
    if len(comparison.tables) < 2:
        return ""
    implied = {"fingerprint"}
    if "resampling" in comparison.differing:
        implied |= {"n_images", "n_train", "n_val", "n_test"}
    keys = [key for key in comparison.differing if key not in implied] or ["fingerprint"]
    if comparison.options.group_by:
        message = marked("Each table holds runs that differ only in {key} and seed.")
        return tr(message, key=comparison.options.group_by)
    values = [
        f"{key} ({', '.join(dict.fromkeys(map(_shortened, comparison.differing[key])))})"
        for key in keys
    ]
    return tr(
        "{n} tables, since runs with different protocols are not comparable: they differ in "
        "{settings}.",
        n=len(comparison.tables),
        settings=enumeration(values),
    )


def _shortened(value: object) -> str:
    if isinstance(value, dict) and ("seconds" in value or "trials" in value):  # budget, tuning
        value = ", ".join(f"{key} {inner}" for key, inner in value.items() if inner is not None)
    text = tr("none") if value is None else str(value)
    return text if len(text) <= 40 else text[:12] + "…"


def across(comparison: Comparison) -> str:
    """Return the result of Friedman's test over the data sets, an empty string for fewer than two.

    Nemenyi's critical difference is included.
    """
    ranks = comparison.ranks
    if ranks is None:
        return ""
    order = ", ".join(f"{a} {r:.2f}" for a, r in zip(ranks.labels, ranks.mean_ranks, strict=True))
    message = marked(
        "Over {n} data sets the mean ranks do not differ significantly (Friedman, p = {p:.2g}): "
        "{order}; critical difference {gap:.2f} (Nemenyi)."
    )
    if ranks.p < 0.05:
        message = marked(
            "Over {n} data sets the mean ranks differ significantly (Friedman, p = {p:.2g}): "
            "{order}; critical difference {gap:.2f} (Nemenyi)."
        )
    gap = ranks.critical_difference
    return tr(message, n=len(ranks.data), p=ranks.p, order=order, gap=gap)
