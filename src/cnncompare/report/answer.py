"""The answer of a table in one line, the question that it answers, and the titles of tables."""

from collections import Counter
from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow, Options
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.report.formatting import metric_value, table_decimals
from cnncompare.report.verdicts import leader_of, pair_of
from cnncompare.terminal.formatting import enumeration

MOST_NAMES = 4  # in one clause
_IMPLIED = ("data", "fingerprint", "classes", "n_images", "n_train", "n_val", "n_test")
_CLAUSES = {
    "better": "significantly better than {}",
    "worse": "significantly worse than {}",
    "same": "practically the same as {}",
    "tied": "statistically tied with {}",
    "few": "too few runs for a verdict on {}",
    "untested": "not tested against {}",
}


def question(table: ComparedTable, options: Options) -> str:
    """Return the question that the table's tests answer."""
    metric, data = options.metric, table.rows[0].group.results[0].data_name
    if len(table.rows) == 1:
        return f"What {metric.title} does {table.rows[0].label} reach on {data}?"
    if _baseline(table, options):
        return f"Which networks differ from {options.baseline} in {metric.title} on {data}?"
    extreme = "highest" if metric.higher_is_better else "lowest"
    return f"Which network has the {extreme} {metric.title} on {data}?"


def answer(table: ComparedTable, options: Options) -> str:
    """Return "resnet20, 94.9 %: significantly better than lenet5; statistically tied with ..."."""
    metric = options.metric
    reference = _baseline(table, options) or table.rows[0]
    mean = reference.estimates[metric.name].mean
    if mean is None:
        return f"No comparison: {reference.label} has no {metric.title}"
    first = f"{reference.label}, {metric_value(mean, metric, table_decimals(table))}"
    others = [row for row in table.rows if row is not reference and _has(row, metric)]
    clauses = _clauses(table, reference, others, metric)
    if not clauses:
        return first
    about = " (of these trained networks)" if table.single_runs else ""
    return f"{first}: {'; '.join(clauses)}{about}"


def _has(row: GroupRow, metric: Metric) -> bool:
    return row.estimates[metric.name].mean is not None


def _baseline(table: ComparedTable, options: Options) -> GroupRow | None:
    return next((row for row in table.rows if row.label == options.baseline), None)


def _clauses(
    table: ComparedTable, reference: GroupRow, others: Sequence[GroupRow], metric: Metric
) -> list[str]:
    by_relation: dict[str, list[str]] = {name: [] for name in _CLAUSES}
    for row in others:
        pair = pair_of(table, reference.label, row.label)
        by_relation[_relation(pair, reference.label, metric)].append(row.label)
    return [
        _CLAUSES[name].format(_named(labels, len(others)))
        for name, labels in by_relation.items()
        if labels
    ]


def _relation(pair: Pair | None, label: str, metric: Metric) -> str:
    """Return the key of the clause on `label` and the other network of the pair."""
    if pair is None or pair.difference is None or pair.p is None:
        return "untested"
    if pair.verdict == "same":
        return "same"
    if pair.significant:
        return "better" if leader_of(pair, metric) == label else "worse"
    return "few" if pair.too_few_runs else "tied"


def _named(labels: list[str], n_others: int) -> str:
    if len(labels) == n_others > 2:
        return f"all {n_others} others"
    more = len(labels) - MOST_NAMES
    return enumeration(labels if more <= 0 else [*labels[:MOST_NAMES], f"{more} more"])


def table_titles(comparison: Comparison) -> list[str]:
    """Return a title for each table, all different: data set, experiment, and differing settings.

    "digits", or "digits, wide, 25 epochs" beside another table of digits.
    """
    details = [_details(comparison, number) for number in range(len(comparison.tables))]
    names = [t.rows[0].group.results[0].data_name for t in comparison.tables]
    titles = names
    for depth in range(1, 1 + max(map(len, details), default=0)):
        uses = Counter(titles)
        titles = [
            title if uses[title] == 1 else ", ".join([name, *items[:depth]])
            for title, name, items in zip(titles, names, details, strict=True)
        ]
    uses = Counter(titles)
    return [
        title if uses[title] == 1 else f"{title} (table {number})"
        for number, title in enumerate(titles, start=1)
    ]


def _details(comparison: Comparison, number: int) -> list[str]:
    """Return what distinguishes a table from others, the most telling first."""
    names = experiments(comparison.tables[number])
    every = [experiments(table) for table in comparison.tables]
    items = [] if all(found == names for found in every) else [enumeration(names)]
    keys = [key for key in comparison.differing if key not in _IMPLIED]
    keys.sort(key=lambda key: key != "epochs")
    return items + [_setting(key, comparison.differing[key][number]) for key in keys]


def _setting(key: str, value: object) -> str:
    if key == "epochs" and isinstance(value, int):
        return f"{value} epoch{'s' * (value != 1)}"
    if isinstance(value, dict):
        value = ", ".join(f"{name} {inner}" for name, inner in value.items() if inner is not None)
    text = "none" if value is None else str(value)
    return f"{key.replace('_', ' ')} {text if len(text) <= 30 else text[:29] + '…'}"


def experiments(table: ComparedTable) -> list[str]:
    """Return the names of the experiments that the runs of a table belong to."""
    results = (result for row in table.rows for result in row.group.results)
    return list(dict.fromkeys(result.record.name for result in results))
