"""The columns of the results table, once for the console, HTML, Markdown, LaTeX and CSV."""

from collections.abc import Callable
from statistics import fmean

from cnncompare.comparison.compare import ComparedTable, GroupRow, Options
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.language.catalogue import marked, tr
from cnncompare.language.recorded import recorded
from cnncompare.report.budget import chosen_epochs, table_budget
from cnncompare.report.column import Column, text_column
from cnncompare.report.folds import repetition_noun
from cnncompare.report.formatting import difference, interval_text, metric_number, table_decimals
from cnncompare.report.time_columns import timing_columns
from cnncompare.stats.intervals import Interval
from cnncompare.terminal.formatting import (
    UNKNOWN,
    gmacs,
    integer,
    millions,
    significant,
)

# metrics whose title lacks the split, as columns are named
_SHORT_TITLES = (
    *(marked("top-1"), marked("top-5"), marked("balanced accuracy"), marked("macro-F1")),
    marked("loss"),
)


def result_columns(table: ComparedTable, options: Options) -> list[Column]:
    """Return the columns of the results table for which any row has a value."""
    decimals, budget = table_decimals(table), table_budget(table)
    columns = [
        text_column(
            "model", tr("model"), lambda row: row.label, tr("one row per model and recipe")
        ),
        _ties(table),
        *_repetition_columns(table),
        *_metric_columns(options.metric, decimals, repetition_noun(table)),
        *_own_metric_columns(table),
        *(_epochs_columns() if budget else []),
        *_baseline_columns(table.pairs, options, decimals),
        *_clock_columns(table),
        *timing_columns(options.target),
        *_size_columns(),
        _memory("peak_rss_mib", tr("RSS (MiB)"), tr("peak memory of the process")),
        _memory("peak_gpu_mib", tr("GPU memory (MiB)"), tr("peak memory allocated on the GPU")),
    ]
    always = ("model", "seeds", "folds", "holdouts")
    return [
        c
        for c in columns
        if c.key in always or any(c.value(r) not in (None, "") for r in table.rows)
    ]


def _ties(table: ComparedTable) -> Column:
    title, hint = tr("ties"), tr("rows with a common letter: statistically tied")
    if table.single_runs:
        title = tr("ties (images)")
        hint = tr(
            "rows with a common letter: statistically tied, as trained networks on other images; "
            "one run says nothing about retraining"
        )
    return text_column("ties", title, lambda row: row.letters, hint)


def _epochs_columns() -> list[Column]:
    return [text_column("epochs", tr("epochs"), chosen_epochs, tr("in the budget"))]


def _clock_columns(table: ComparedTable) -> list[Column]:
    """Return the machine of each row's times, where there are several."""
    if len({row.clock for row in table.rows}) < 2:
        return []
    hint = tr("machine of the times; times of different machines are not compared")
    return [text_column("clock", tr("clock"), lambda row: recorded(row.clock), hint)]


def _repetition_columns(table: ComparedTable) -> list[Column]:
    """Return the numbers of seeds or, of folds and hold-outs, also of these and of images."""
    drawn = table.rows[0].resampling
    if drawn is None:
        hint = tr("runs that differ only in their seed")
        return [_count_column("seeds", tr("seeds"), hint, lambda row: len(row.group.results))]
    noun, of_folds = tr(repetition_noun(table)), drawn.method == "folds"
    tested = tr("folds that were tested") if of_folds else tr("hold-outs that were tested")
    images = tr("different images that were tested")
    columns = [
        _count_column(drawn.method, noun, tested, _count_folds),
        _count_column("n_tested", tr("images"), images, _count_tested),
    ]
    if any(len(row.group.seeds) > 1 for row in table.rows):
        hint = tr("networks that were trained per hold-out")
        if of_folds:
            hint = tr("networks that were trained per fold")
        columns.append(_count_column("seeds", tr("seeds"), hint, lambda row: len(row.group.seeds)))
    return columns


def _count_column(
    key: str, title: str, hint: str, count: Callable[[GroupRow], int | None]
) -> Column:
    return Column(key, title, hint, count, lambda row: integer(count(row)))


def _count_folds(row: GroupRow) -> int | None:
    return len(row.resampling.numbers) if row.resampling else None


def _count_tested(row: GroupRow) -> int | None:
    return row.resampling.n_tested if row.resampling else None


def _metric_columns(ranked_by: Metric, decimals: int, over: str) -> list[Column]:
    accuracies = ["top1", "top5"]
    names = accuracies if ranked_by.name in accuracies else [ranked_by.name, "top1"]
    columns = []
    for name in names:
        mean, sd, interval, over_seeds = _estimate_columns(METRICS[name], decimals, over)
        # of the other accuracy, the mean and the interval alone, so that the table fits the page
        columns += [mean, sd, interval, over_seeds] if name == ranked_by.name else [mean, interval]
    return columns


def _estimate_columns(metric: Metric, decimals: int, over: str) -> list[Column]:
    """Return the columns of a metric's mean, standard deviation and interval over the seeds."""
    name, unit = metric.name, " (%)" if metric.percent else ""

    def mean(row: GroupRow) -> float | None:
        return row.estimates[name].mean

    def sd(row: GroupRow) -> float | None:
        return row.estimates[name].sd

    def interval(row: GroupRow) -> str:
        return between(row, row.estimates[name].interval)

    def over_seeds(row: GroupRow) -> str:
        return between(row, row.estimates[name].over_seeds)

    def between(row: GroupRow, bounds: Interval) -> str:
        return interval_text(row, bounds, metric, decimals)

    def text(value: float | None) -> str:
        return metric_number(value, metric, decimals)

    title = tr(metric.title.removeprefix("test ")) + unit
    method = tr("for other seeds and other images of the same kind; one run: for other images")
    if over != "seeds":
        message = marked("Student's t over {repetitions}, corrected for overlapping training sets")
        method = tr(message, repetitions=tr(over))
    of_seeds = tr("95 % interval for other seeds on these test images, Student's t")
    hint = tr("{metric}, mean over {repetitions}", metric=tr(metric.title), repetitions=tr(over))
    spread = tr("standard deviation over {repetitions}", repetitions=tr(over))
    return [
        Column(name, title, hint, mean, lambda r: text(mean(r))),
        Column(f"{name}_sd", tr("sd"), spread, sd, lambda r: text(sd(r))),
        Column(
            f"{name}_interval",
            tr("95 % interval"),
            method,
            lambda r: r.estimates[name].interval.low,
            interval,
        ),
        Column(
            f"{name}_seeds_interval",
            tr("over seeds"),
            of_seeds,
            lambda r: r.estimates[name].over_seeds.low,
            over_seeds,
        ),
    ]


def _own_metric_columns(table: ComparedTable) -> list[Column]:
    """Return a column for each metric of users' modules."""
    names = {name for row in table.rows for name in _own_metrics(row)}
    return [_own_metric(name) for name in sorted(names)]


def _own_metric(name: str) -> Column:
    def mean(row: GroupRow) -> float | None:
        values = _own_metrics(row).get(name)
        return fmean(values) if values else None

    hint = tr("metric of a user's module on the test set, mean over seeds")
    return Column(name, name, hint, mean, lambda row: significant(mean(row)))


def _own_metrics(row: GroupRow) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for result in row.group.results:
        for name, value in result.record.test.metrics.items():
            values.setdefault(name, []).append(value)
    return values


def _size_columns() -> list[Column]:
    return [
        Column(
            "params",
            tr("parameters (M)"),
            tr("trainable parameters, millions"),
            lambda r: r.model["params"],
            lambda r: millions(r.model["params"]),
        ),
        Column(
            "gmacs",
            tr("GMACs"),
            tr("10^9 multiply-accumulate operations for one image"),
            lambda r: None if r.model["macs"] is None else r.model["macs"] / 1e9,
            lambda r: gmacs(r.model["macs"]),
        ),
        _count_column(
            "depth", tr("depth"), tr("weighted layers in a row"), lambda r: r.model["depth"]
        ),
        Column(
            "size_mb",
            tr("file (MB)"),
            tr("size of the saved weights"),
            lambda r: r.model["size_mb"],
            lambda r: significant(r.model["size_mb"]),
        ),
    ]


def _memory(key: str, title: str, hint: str) -> Column:
    return Column(key, title, hint, lambda r: r.memory[key], lambda r: integer(r.memory[key]))


def _baseline_columns(pairs: list[Pair], options: Options, decimals: int) -> list[Column]:
    """Return the column of differences from the baseline, if there is one."""
    baseline = options.baseline
    if baseline is None:
        return []

    def pair_of(row: GroupRow) -> Pair | None:
        return next((p for p in pairs if {p.a, p.b} == {row.label, baseline}), None)

    def value(row: GroupRow) -> float | None:
        pair = pair_of(row)
        if pair is None or pair.difference is None:
            return None
        return pair.difference if pair.a == row.label else -pair.difference

    def text(row: GroupRow) -> str:
        pair, gap = pair_of(row), value(row)
        if pair is None or gap is None:
            return UNKNOWN
        shown = difference(gap, options.metric, decimals, signed=True)
        return shown if pair.significant else tr("{difference} (n.s.)", difference=shown)

    hint = tr("difference from the baseline; n.s.: not significant")
    title = tr("vs. {baseline}", baseline=baseline)
    return [Column("against_baseline", title, hint, value, text)]
