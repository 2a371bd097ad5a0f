"""Sentences about everything that weakens a table's numbers."""

from collections.abc import Callable

from cnncompare.comparison.class_distribution import classes_never_predicted, table_imbalance
from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.comparison.predictions import table_class_names
from cnncompare.errors import shortened
from cnncompare.report.budget import budget_caveats
from cnncompare.report.tuning import tuning_caveats
from cnncompare.runs.leaks import recorded_leaks
from cnncompare.runs.record import LAST_EPOCH
from cnncompare.stats.imbalance import ADVICE, imbalance_sentence
from cnncompare.terminal.formatting import enumeration

MOST_CLASSES = 8  # named in a sentence
MOST_NAMES = 6  # in one sentence


def caveats(table: ComparedTable, metric: Metric = METRICS["top1"]) -> list[str]:
    """Return a sentence for each condition that weakens the table's numbers of the metric."""
    return [
        *_leaks(table),
        *_ignored_links(table),
        *_imbalance(table, metric),
        *_never_predicted(table),
        *_unknown(table, metric),
        *_single_runs(table),
        *_some_single_runs(table),
        *_other_clocks(table),
        *budget_caveats(table),
        *tuning_caveats(table),
        *_biased(table),
        *_disturbed(table, "busy_epochs", "Other programs used more than 10 % of the cores"),
        *_disturbed(table, "throttled_epochs", "The GPU was throttled by power or temperature"),
        *_preprocessing_deviations(table),
        *_notes(table),
        *_pretrained(table),
    ]


def _leaks(table: ComparedTable) -> list[str]:
    data = (result.record.data for row in table.rows for result in row.group.results)
    sentences = dict.fromkeys(recorded_leaks(section) for section in data)
    return [f"{sentence}." for sentence in sentences if sentence]


def _ignored_links(table: ComparedTable) -> list[str]:
    """State links in the data folder whose images would have been read twice."""
    data = (result.record.data for row in table.rows for result in row.group.results)
    most = max((section.ignored_files.get("link", 0) for section in data if section), default=0)
    if not most:
        return []
    links, leads, was = ("link", "leads", "was") if most == 1 else ("links", "lead", "were")
    where = f"{most:,} {links} in the data folder {leads} to images that are read elsewhere"
    return [f"{where} and {was} ignored."]


def _imbalance(table: ComparedTable, metric: Metric) -> list[str]:
    """Return the imbalance of the classes, and the metric that does not hide it."""
    found = table_imbalance(table)
    if found is None or not found.is_large:
        return []
    averages_classes = metric.effects is not None
    advice = f"{metric.title} weights all classes alike" if averages_classes else ADVICE
    sentence = imbalance_sentence(found)
    return [f"{sentence[0].upper()}{sentence[1:]}; {advice}."]


def _never_predicted(table: ComparedTable) -> list[str]:
    """Name the classes that a network predicts in none of its runs."""
    names = table_class_names(table)
    return [
        f"{row.label} never predicts {shortened([names[i] for i in never], MOST_CLASSES)}."
        for row in table.rows
        if (never := classes_never_predicted(row.group, len(names)))
    ]


def _unknown(table: ComparedTable, metric: Metric) -> list[str]:
    """Return a sentence for the rows with runs that allow no mean over classes."""
    if metric.effects is None:
        return []
    counts = [(row.label, len(row.group.results), _n_unknown(row, metric)) for row in table.rows]
    rows = [f"{label} ({some} of {n} runs)" for label, n, some in counts if some]
    if not rows:
        return []
    missing = f"No {metric.title} is recorded, and no valid predictions are saved"
    return [f"{missing}: {enumeration(rows)}."]


def _n_unknown(row: GroupRow, metric: Metric) -> int:
    return sum(metric.per_run(result) is None for result in row.group.results)


def _single_runs(table: ComparedTable) -> list[str]:
    if len(table.rows) < 2 or any(len(row.group.results) > 1 for row in table.rows):
        return []
    runs = "Pretrained weights" if table.protocol.get("epochs") == 0 else "One seed each"
    return [f"{runs}: the findings hold for these trained networks, not for retraining them."]


def _some_single_runs(table: ComparedTable) -> list[str]:
    single = [row.label for row in table.rows if len(row.group.results) == 1]
    if not single or len(single) == len(table.rows):
        return []
    spread = "is taken to spread over seeds like the others"
    verb = f"has one run and {spread}" if len(single) == 1 else f"have one run each: each {spread}"
    return [f"{_names(single)} {verb}."]


def _other_clocks(table: ComparedTable) -> list[str]:
    rows = [f"{row.label} ({row.clock})" for row in table.rows if row.clock != table.clock]
    if not rows:
        return []
    return [f"Times are from {table.clock}; not compared, from another machine: {_names(rows)}."]


def _names(names: list[str]) -> str:
    more = len(names) - MOST_NAMES
    return enumeration(names if more <= 0 else [*names[:MOST_NAMES], f"{more} more"])


def _biased(table: ComparedTable) -> list[str]:
    return [
        *_rows_with(
            table,
            lambda row: (
                row.fairness["protocol"] == "test_as_val"
                and row.fairness["selection"] != LAST_EPOCH
            ),
            "selected the epoch on the test set, which biases the accuracy upwards",
        ),
        *_rows_with(
            table,
            lambda row: row.fairness["test_reads"] > 1,
            "evaluated the test set more than once",
        ),
        *_rows_with(
            table,
            lambda row: row.fairness["shared_clock"],
            "ran at the same time as another run, so their times are too long",
        ),
    ]


def _preprocessing_deviations(table: ComparedTable) -> list[str]:
    return [
        f"{row.label} has preprocessing deviations from the transform of its weights: "
        f"{'; '.join(row.fairness['preprocessing_deviations'])}."
        for row in table.rows
        if row.fairness["preprocessing_deviations"]
    ]


def _disturbed(table: ComparedTable, key: str, disturbance: str) -> list[str]:
    """Return a sentence with the number of disturbed epochs of each row that has any."""
    counts = [(row.label, *row.fairness[key]) for row in table.rows]
    rows = [f"{label} ({some} of {n})" for label, some, n in counts if some]
    if not rows:
        return []
    return [f"{disturbance} in some epochs, whose times are too long: {_names(rows)}."]


def _notes(table: ComparedTable) -> list[str]:
    """Return the notes on the rows' test images, each once."""
    notes = dict.fromkeys(note for row in table.rows for note in row.fairness["notes"] or ())
    return [f"Test images: {note}." for note in notes]


def _pretrained(table: ComparedTable) -> list[str]:
    labels = [row.label for row in table.rows if row.fairness["pretrained"]]
    if not labels or len(labels) == len(table.rows):
        return []
    return [f"Started from pretrained weights, unlike the others: {enumeration(labels)}."]


def _rows_with(
    table: ComparedTable, holds: Callable[[GroupRow], bool], predicate: str
) -> list[str]:
    labels = [row.label for row in table.rows if holds(row)]
    if not labels:
        return []
    subject = "All rows" if len(labels) == len(table.rows) else enumeration(labels)
    return [f"{subject} {predicate}."]
