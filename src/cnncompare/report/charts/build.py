"""All figures of a comparison, in reading order."""

from dataclasses import dataclass, replace

from altair.utils.schemapi import debug_mode

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.predictions import PredictionAnalysis
from cnncompare.comparison.robustness import RobustnessTable
from cnncompare.report.charts.disagreements import disputed_images_figure
from cnncompare.report.charts.epoch_time import epoch_time_figure
from cnncompare.report.charts.errors import (
    agreement_figure,
    class_accuracy_figure,
    confusion_figure,
    reliability_figure,
)
from cnncompare.report.charts.figure import Figure
from cnncompare.report.charts.overview import accuracy_figure, pareto_figure
from cnncompare.report.charts.pairs import MOST_MODELS, pairs_figure
from cnncompare.report.charts.robustness import robustness_figures
from cnncompare.report.charts.training import epoch_curves, loss_curves, time_curves
from cnncompare.report.charts.tuning import tuning_figure
from cnncompare.report.index import MOST_TABLES

MOST_CONFUSIONS = 12  # confusion matrices; of more models, the best


@dataclass(frozen=True)
class Figures:
    """The figures of a table, by section of the report."""

    overview: list[Figure]
    training: list[Figure]
    costs: list[Figure]
    errors: list[Figure]
    confusions: list[Figure]
    robustness: list[Figure]

    def all(self) -> list[Figure]:
        """Return the figures of all sections."""
        before = self.overview + self.training + self.costs + self.errors + self.confusions
        return before + self.robustness


def build_figures(
    comparison: Comparison,
    details: list[PredictionAnalysis | None],
    robustness: list[list[RobustnessTable]],
) -> list[Figures]:
    """Return each table's figures; with several tables, names start with the table's number."""
    metric = comparison.options.metric
    tables = zip(comparison.tables, details, robustness, strict=True)
    with debug_mode(False):  # a validation of every object against the schema takes half the time
        per_table = [_of_table(*of_table, metric) for of_table in tables]
    if len(per_table) < 2:
        return per_table
    return [_numbered(figures, number) for number, figures in enumerate(per_table, start=1)]


def _numbered(figures: Figures, number: int) -> Figures:
    return Figures(
        **{
            section: [replace(f, name=f"table-{number}-{f.name}") for f in members]
            for section, members in vars(figures).items()
        }
    )


def _of_table(
    table: ComparedTable,
    details: PredictionAnalysis | None,
    robustness: list[RobustnessTable],
    metric: Metric,
) -> Figures:
    several = len(table.rows) > 1
    return Figures(
        overview=_existing(
            accuracy_figure(table, metric),
            pairs_figure(table, metric),
        ),
        training=_existing(
            epoch_curves(table),
            loss_curves(table),
            time_curves(table),
            epoch_time_figure(table),
            tuning_figure(table),
        ),
        costs=[pareto_figure(table, front, metric) for front in table.fronts] if several else [],
        errors=_errors(table, details) if details else [],
        confusions=_confusions(details) if details else [],
        robustness=robustness_figures(robustness),
    )


def figures_with_files(figures: list[Figures], ranks: list[Figure]) -> list[Figure]:
    """Return the figures that are also written as files.

    Those of many tables would be hundreds; a report on one experiment writes its own.
    """
    if len(figures) > MOST_TABLES:
        return ranks
    return ranks + [figure for of_table in figures for figure in of_table.all()]


def _existing(*figures: Figure | None) -> list[Figure]:
    return [figure for figure in figures if figure is not None]


def _errors(table: ComparedTable, details: PredictionAnalysis) -> list[Figure]:
    best = list(details.classes)[:MOST_CONFUSIONS]
    bins = {label: details.bins[label] for label in best}
    figures = [
        class_accuracy_figure({label: details.classes[label] for label in best}, details.names),
        *_existing(reliability_figure(bins, {label: details.ece[label] for label in best})),
    ]
    if 1 < len(details.chosen) <= MOST_MODELS and any(
        item.common_errors is not None for item in details.agreements
    ):
        figures.append(agreement_figure(details.agreements, list(details.chosen)))
    return figures + _existing(disputed_images_figure(table, details))


def _confusions(details: PredictionAnalysis) -> list[Figure]:
    return [
        confusion_figure(label, counts, details.names, details.confused[label])
        for label, counts in list(details.matrices.items())[:MOST_CONFUSIONS]
    ]
