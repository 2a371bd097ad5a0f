"""Sentences about everything that weakens a table's numbers."""

from collections.abc import Callable

from cnncompare.comparison.class_distribution import classes_never_predicted, table_imbalance
from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.comparison.predictions import table_class_names
from cnncompare.language.catalogue import marked, tr, trn
from cnncompare.language.recorded import recorded
from cnncompare.report.budget import budget_caveats
from cnncompare.report.formatting import first_names, listed
from cnncompare.report.tuning import tuning_caveats
from cnncompare.runs.leaks import recorded_leaks
from cnncompare.runs.record import LAST_EPOCH
from cnncompare.stats.imbalance import ADVICE, imbalance_sentence
from cnncompare.terminal.formatting import enumeration

MOST_CLASSES = 8  # named in a sentence
_BUSY = marked(
    "Other programs used more than 10 % of the cores in some epochs, whose times are too long: "
    "{models}."
)
_THROTTLED = marked(
    "The GPU was throttled by power or temperature in some epochs, whose times are too long: "
    "{models}."
)
_ON_TEST_SET = marked(
    "{models} selected the epoch on the test set, which biases the accuracy upwards."
)
_TESTED_AGAIN = marked("{models} evaluated the test set more than once.")
_SHARED = marked("{models} ran at the same time as another run, so their times are too long.")


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
        *_disturbed(table, "busy_epochs", _BUSY),
        *_disturbed(table, "throttled_epochs", _THROTTLED),
        *_preprocessing_deviations(table),
        *_notes(table),
        *_pretrained(table),
    ]


def _leaks(table: ComparedTable) -> list[str]:
    data = (result.record.data for row in table.rows for result in row.group.results)
    sentences = dict.fromkeys(recorded_leaks(section) for section in data)
    return [f"{recorded(sentence)}." for sentence in sentences if sentence]


def _ignored_links(table: ComparedTable) -> list[str]:
    """State links in the data folder whose images would have been read twice."""
    data = (result.record.data for row in table.rows for result in row.group.results)
    most = max((section.ignored_files.get("link", 0) for section in data if section), default=0)
    if not most:
        return []
    return [
        trn(
            "{n:,} link in the data folder leads to images that are read elsewhere and was "
            "ignored.",
            "{n:,} links in the data folder lead to images that are read elsewhere and were "
            "ignored.",
            most,
        )
    ]


def _imbalance(table: ComparedTable, metric: Metric) -> list[str]:
    """Return the imbalance of the classes, and the metric that does not hide it."""
    found = table_imbalance(table)
    if found is None or not found.is_large:
        return []
    advice = recorded(ADVICE)
    if metric.effects is not None:
        advice = tr("{metric} weights all classes alike", metric=tr(metric.title))
    sentence = recorded(imbalance_sentence(found))
    return [f"{sentence[0].upper()}{sentence[1:]}; {advice}."]


def _never_predicted(table: ComparedTable) -> list[str]:
    """Name the classes that a network predicts in none of its runs."""
    names = table_class_names(table)
    message = marked("{model} never predicts {classes}.")
    return [
        tr(message, model=row.label, classes=listed([names[i] for i in never], MOST_CLASSES))
        for row in table.rows
        if (never := classes_never_predicted(row.group, len(names)))
    ]


def _unknown(table: ComparedTable, metric: Metric) -> list[str]:
    """Return a sentence for the rows with runs that allow no mean over classes."""
    if metric.effects is None:
        return []
    counts = [(row.label, len(row.group.results), _n_unknown(row, metric)) for row in table.rows]
    message = marked("{model} ({some} of {n} runs)")
    rows = [tr(message, model=label, some=some, n=n) for label, n, some in counts if some]
    if not rows:
        return []
    message = marked("No {metric} is recorded, and no valid predictions are saved: {models}.")
    return [tr(message, metric=tr(metric.title), models=enumeration(rows))]


def _n_unknown(row: GroupRow, metric: Metric) -> int:
    return sum(metric.per_run(result) is None for result in row.group.results)


def _single_runs(table: ComparedTable) -> list[str]:
    if len(table.rows) < 2 or any(len(row.group.results) > 1 for row in table.rows):
        return []
    if table.protocol.get("epochs") == 0:
        message = marked(
            "Pretrained weights: the findings hold for these trained networks, not for retraining "
            "them."
        )
        return [tr(message)]
    message = marked(
        "One seed each: the findings hold for these trained networks, not for retraining them."
    )
    return [tr(message)]


def _some_single_runs(table: ComparedTable) -> list[str]:
    single = [row.label for row in table.rows if len(row.group.results) == 1]
    if not single or len(single) == len(table.rows):
        return []
    return [
        trn(
            "{models} has one run and is taken to spread over seeds like the others.",
            "{models} have one run each: each is taken to spread over seeds like the others.",
            len(single),
            models=_names(single),
        )
    ]


def _other_clocks(table: ComparedTable) -> list[str]:
    others = [row for row in table.rows if row.clock != table.clock]
    if not others:
        return []
    rows = [f"{row.label} ({recorded(row.clock)})" for row in others]
    message = marked("Times are from {machine}; not compared, from another machine: {models}.")
    return [tr(message, machine=recorded(table.clock), models=_names(rows))]


def _names(names: list[str]) -> str:
    return enumeration(first_names(names))


def _biased(table: ComparedTable) -> list[str]:
    return [
        *_rows_with(
            table,
            lambda row: (
                row.fairness["protocol"] == "test_as_val"
                and row.fairness["selection"] != LAST_EPOCH
            ),
            _ON_TEST_SET,
        ),
        *_rows_with(
            table,
            lambda row: row.fairness["test_reads"] > 1,
            _TESTED_AGAIN,
        ),
        *_rows_with(
            table,
            lambda row: row.fairness["shared_clock"],
            _SHARED,
        ),
    ]


def _preprocessing_deviations(table: ComparedTable) -> list[str]:
    message = marked(
        "{model} has preprocessing deviations from the transform of its weights: {deviations}."
    )
    return [
        tr(message, model=row.label, deviations="; ".join(map(recorded, deviations)))
        for row in table.rows
        if (deviations := row.fairness["preprocessing_deviations"])
    ]


def _disturbed(table: ComparedTable, key: str, message: str) -> list[str]:
    """Return a sentence with the number of disturbed epochs of each row that has any."""
    counts = [(row.label, *row.fairness[key]) for row in table.rows]
    share = marked("{model} ({some} of {n})")
    rows = [tr(share, model=label, some=some, n=n) for label, some, n in counts if some]
    return [tr(message, models=_names(rows))] if rows else []


def _notes(table: ComparedTable) -> list[str]:
    """Return the notes on the rows' test images, each once."""
    notes = dict.fromkeys(note for row in table.rows for note in row.fairness["notes"] or ())
    return [tr("Test images: {note}.", note=recorded(note)) for note in notes]


def _pretrained(table: ComparedTable) -> list[str]:
    labels = [row.label for row in table.rows if row.fairness["pretrained"]]
    if not labels or len(labels) == len(table.rows):
        return []
    message = marked("Started from pretrained weights, unlike the others: {models}.")
    return [tr(message, models=enumeration(labels))]


def _rows_with(table: ComparedTable, holds: Callable[[GroupRow], bool], message: str) -> list[str]:
    labels = [row.label for row in table.rows if holds(row)]
    if not labels:
        return []
    models = tr("All rows") if len(labels) == len(table.rows) else enumeration(labels)
    return [tr(message, models=models)]
