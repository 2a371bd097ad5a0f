"""All the pictures of a comparison, in the order in which they are read."""

from dataclasses import dataclass, replace

from cnncompare.comparison.compare import ComparedTable, Comparison
from cnncompare.comparison.metrics import Metric
from cnncompare.comparison.predictions import PredictionAnalysis
from cnncompare.report.charts import errors, overview, pairs, training
from cnncompare.report.charts.disagreements import sheet
from cnncompare.report.charts.figure import Picture

CONFUSIONS = 12  # heat maps shown; of more models, the best


@dataclass(frozen=True)
class Pictures:
    """A table's pictures, by the part of the report that they belong to."""

    overview: list[Picture]
    training: list[Picture]
    costs: list[Picture]
    errors: list[Picture]
    confusions: list[Picture]

    def every(self) -> list[Picture]:
        """Return all of them."""
        return self.overview + self.training + self.costs + self.errors + self.confusions


def pictures(comparison: Comparison, found: list[PredictionAnalysis | None]) -> list[Pictures]:
    """Return each table's pictures; with several tables a name starts with the table's number."""
    metric = comparison.options.metric
    tables = zip(comparison.tables, found, strict=True)
    drawn = [_of_table(table, details, metric) for table, details in tables]
    if len(drawn) < 2:
        return drawn
    return [_numbered(each, number) for number, each in enumerate(drawn, start=1)]


def _numbered(drawn: Pictures, number: int) -> Pictures:
    return Pictures(
        **{
            part: [replace(p, name=f"table-{number}-{p.name}") for p in members]
            for part, members in vars(drawn).items()
        }
    )


def _of_table(table: ComparedTable, details: PredictionAnalysis | None, metric: Metric) -> Pictures:
    several = len(table.rows) > 1
    return Pictures(
        overview=_drawn(
            overview.intervals(table, metric),
            overview.bubbles(table, metric) if several else None,
            pairs.matrix(table, metric),
        ),
        training=_drawn(
            training.against_epochs(table),
            training.against_seconds(table),
            training.epoch_time(table),
        ),
        costs=[overview.pareto(table, front, metric) for front in table.fronts] if several else [],
        errors=_errors(table, details) if details else [],
        confusions=_confusions(details) if details else [],
    )


def _drawn(*found: Picture | None) -> list[Picture]:
    return [picture for picture in found if picture is not None]


def _errors(table: ComparedTable, details: PredictionAnalysis) -> list[Picture]:
    best = list(details.classes)[:CONFUSIONS]
    drawn = [
        errors.per_class({label: details.classes[label] for label in best}, details.names),
        errors.reliability({k: details.bins[k] for k in best}, {k: details.ece[k] for k in best}),
    ]
    if 1 < len(details.chosen) <= pairs.LARGEST and any(
        item.common_errors is not None for item in details.agreements
    ):
        drawn.append(errors.agreement(details.agreements, list(details.chosen)))
    return drawn + _drawn(sheet(table, details))


def _confusions(details: PredictionAnalysis) -> list[Picture]:
    return [
        errors.confusion(label, matrix, details.names, details.confused[label])
        for label, matrix in list(details.matrices.items())[:CONFUSIONS]
    ]
