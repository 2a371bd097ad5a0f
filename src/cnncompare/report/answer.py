"""The answer of a table in one line, the question that it answers, and the titles of tables."""

from collections import Counter
from collections.abc import Sequence

from cnncompare.comparison.compare import ComparedTable, Comparison, GroupRow, Options
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.language.catalogue import marked, tr, trn
from cnncompare.report.formatting import first_names, metric_value, table_decimals
from cnncompare.report.gaps import leader_of, pair_of
from cnncompare.terminal.formatting import enumeration

MOST_NAMES = 4  # in one clause
_IMPLIED = ("data", "fingerprint", "classes", "n_images", "n_train", "n_val", "n_test")
_CLAUSES = {
    "better": marked("significantly better than {models}"),
    "worse": marked("significantly worse than {models}"),
    "same": marked("practically the same as {models}"),
    "tied": marked("statistically tied with {models}"),
    "few": marked("too few runs for a verdict on {models}"),
    "untested": marked("not tested against {models}"),
}
# settings that the titles of tables name
_SETTINGS = (
    *(marked("batch size"), marked("image size"), marked("precision"), marked("split seed")),
    *(marked("val fraction"), marked("normalize"), marked("augment"), marked("resampling")),
    *(marked("budget"), marked("tuning"), marked("machine"), marked("selection")),
    *(marked("devices"), marked("accelerator"), marked("callbacks"), marked("protocol")),
)


def question(table: ComparedTable, options: Options) -> str:
    """Return the question that the table's tests answer."""
    values = {
        "metric": tr(options.metric.title),
        "data": table.rows[0].group.results[0].data_name,
    }
    if len(table.rows) == 1:
        label = table.rows[0].label
        return tr("What {metric} does {model} reach on {data}?", model=label, **values)
    if _baseline(table, options):
        message = marked("Which networks differ from {baseline} in {metric} on {data}?")
        return tr(message, baseline=options.baseline, **values)
    if options.metric.higher_is_better:
        return tr("Which network has the highest {metric} on {data}?", **values)
    return tr("Which network has the lowest {metric} on {data}?", **values)


def answer(table: ComparedTable, options: Options) -> str:
    """Return "resnet20, 94.9 %: significantly better than lenet5; statistically tied with ..."."""
    metric = options.metric
    reference = _baseline(table, options) or table.rows[0]
    mean = reference.estimates[metric.name].mean
    if mean is None:
        title = tr(metric.title)
        return tr("No comparison: {model} has no {metric}", model=reference.label, metric=title)
    first = f"{reference.label}, {metric_value(mean, metric, table_decimals(table))}"
    others = [row for row in table.rows if row is not reference and _has(row, metric)]
    clauses = _clauses(table, reference, others, metric)
    if not clauses:
        return first
    if table.single_runs:
        about = marked("{first}: {clauses} (of these trained networks)")
        return tr(about, first=first, clauses="; ".join(clauses))
    return f"{first}: {'; '.join(clauses)}"


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
        tr(_CLAUSES[name], models=_named(labels, len(others)))
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
        return tr("all {n} others", n=n_others)
    return enumeration(first_names(labels, MOST_NAMES))


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
        title if uses[title] == 1 else tr("{title} (table {number})", title=title, number=number)
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
        return trn("{n} epoch", "{n} epochs", value)
    if isinstance(value, dict):
        value = ", ".join(f"{name} {inner}" for name, inner in value.items() if inner is not None)
    text = tr("none") if value is None else str(value)
    return f"{tr(key.replace('_', ' '))} {text if len(text) <= 30 else text[:29] + '…'}"


def experiments(table: ComparedTable) -> list[str]:
    """Return the names of the experiments that the runs of a table belong to."""
    results = (result for row in table.rows for result in row.group.results)
    return list(dict.fromkeys(result.record.name for result in results))
