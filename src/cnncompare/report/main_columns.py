"""The choice of columns that readers see first, and the best value of each."""

from dataclasses import dataclass

from cnncompare.comparison.clocks import TIMES
from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.report.column import Column

MOST_COLUMNS = 8
_NARROW = 4  # columns that fit a phone
_FIRST = ("model", "ties")
_COSTS = (
    *("epochs", "params", "gmacs", "latency_ms", "epoch_s", "folds", "holdouts", "seeds"),
    *("total_s", "clock"),
)
_LOWER_IS_BETTER = {
    *("params", "gmacs", "size_mb", "epoch_s", "time_to_best_s", "total_s", "time_to_target_s"),
    *("peak_rss_mib", "peak_gpu_mib", "depth", "latency_ms"),
}
_ON_ONE_CLOCK = {*TIMES, "images_per_s", "time_to_best_s", "time_to_target_s"}


@dataclass(frozen=True)
class ChosenColumns:
    """The columns of a table: `main` are shown, `narrow` also on a phone, `others` on request.

    `constants` maps the titles of columns with one value to this value, where there are several
    rows; these columns are among none of the others.
    """

    main: list[Column]
    narrow: list[Column]
    others: list[Column]
    constants: dict[str, str]

    def all(self) -> list[Column]:
        """Return the columns that differ between rows, in the order of the display."""
        return self.main + self.others


def divide_columns(columns: list[Column], table: ComparedTable, metric: Metric) -> ChosenColumns:
    """Divide the columns of a table by their relevance to its answer."""
    kept = {"model", metric.name, f"{metric.name}_interval"}
    constant = [c for c in columns if c.key not in kept and _is_constant(c, table)]
    varying = [column for column in columns if column not in constant]
    main = sorted(varying, key=lambda c: _priority(c, metric))[:MOST_COLUMNS]
    return ChosenColumns(
        main=[column for column in varying if column in main],
        narrow=main[:_NARROW],
        others=[column for column in varying if column not in main],
        constants={c.title: c.text(table.rows[0]) for c in constant if not _is_detail(c)},
    )


def _is_detail(column: Column) -> bool:
    """Return whether the column states how sure another one is."""
    return column.key.endswith(("_interval", "_sd"))


def _is_constant(column: Column, table: ComparedTable) -> bool:
    return len(table.rows) > 1 and len({column.text(row) for row in table.rows}) == 1


def _priority(column: Column, metric: Metric) -> int:
    key, name = column.key, metric.name
    order = [*_FIRST, name, f"{name}_interval", "against_baseline", "top1", *_COSTS]
    return order.index(key) if key in order else len(order) + _is_detail(column)


def best_rows(column: Column, table: ComparedTable) -> set[str]:
    """Return the labels of the rows with the best value; none if no row differs from another.

    Times are compared on the machine of most runs only.
    """
    sign = _sign(column)
    if sign == 0:
        return set()
    values = {
        row.label: sign * value
        for row in table.rows
        if isinstance(value := column.value(row), float | int) and _comparable(column, row, table)
    }
    if len(set(values.values())) < 2:
        return set()
    best = column.text(
        next(r for r in table.rows if r.label == max(values, key=values.__getitem__))
    )
    return {row.label for row in table.rows if row.label in values and column.text(row) == best}


def _sign(column: Column) -> int:
    if column.key in METRICS:
        return 1 if METRICS[column.key].higher_is_better else -1
    return 1 if column.key == "images_per_s" else -1 if column.key in _LOWER_IS_BETTER else 0


def _comparable(column: Column, row: GroupRow, table: ComparedTable) -> bool:
    return column.key not in _ON_ONE_CLOCK or row.clock == table.clock
