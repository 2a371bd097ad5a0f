"""The columns of the results table, once for the console, HTML, Markdown, LaTeX and CSV."""

from collections.abc import Callable
from statistics import fmean

from cnncompare.comparison.compare import ComparedTable, GroupRow, Options
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.report.budget import chosen_epochs, table_budget
from cnncompare.report.column import Column, text_column
from cnncompare.report.folds import repetition_noun
from cnncompare.report.formatting import difference, interval_text, metric_number, table_decimals
from cnncompare.stats.intervals import Interval
from cnncompare.terminal.formatting import (
    UNKNOWN,
    gmacs,
    integer,
    millions,
    percentage,
    significant,
)


def result_columns(table: ComparedTable, options: Options) -> list[Column]:
    """Return the columns of the results table for which any row has a value."""
    decimals, budget = table_decimals(table), table_budget(table)
    columns = [
        text_column("model", "model", lambda row: row.label, "one row per model and recipe"),
        _ties(table),
        *_repetition_columns(table),
        *_metric_columns(options.metric, decimals, repetition_noun(table)),
        *_own_metric_columns(table),
        *([text_column("epochs", "epochs", chosen_epochs, "in the budget")] if budget else []),
        *_baseline_columns(table.pairs, options, decimals),
        *_clock_columns(table),
        *_timing_columns(options.target),
        *_size_columns(),
        _memory("peak_rss_mib", "RSS (MiB)", "peak memory of the process"),
        _memory("peak_gpu_mib", "GPU memory (MiB)", "peak memory allocated on the GPU"),
    ]
    always = ("model", "seeds", "folds", "holdouts")
    return [
        c
        for c in columns
        if c.key in always or any(c.value(r) not in (None, "") for r in table.rows)
    ]


def _ties(table: ComparedTable) -> Column:
    hint = "rows with a common letter: statistically tied"
    if table.single_runs:
        hint += ", as trained networks on other images; one run says nothing about retraining"
    return text_column(
        "ties", "ties (images)" if table.single_runs else "ties", lambda row: row.letters, hint
    )


def _clock_columns(table: ComparedTable) -> list[Column]:
    """Return the machine of each row's times, where there are several."""
    if len({row.clock for row in table.rows}) < 2:
        return []
    hint = "machine of the times; times of different machines are not compared"
    return [text_column("clock", "clock", lambda row: row.clock, hint)]


def _repetition_columns(table: ComparedTable) -> list[Column]:
    """Return the numbers of seeds or, of folds and hold-outs, also of these and of images."""
    drawn = table.rows[0].resampling
    if drawn is None:
        hint = "runs that differ only in their seed"
        return [_count_column("seeds", "seeds", hint, lambda row: len(row.group.results))]
    noun = repetition_noun(table)
    columns = [
        _count_column(drawn.method, noun, f"{noun} that were tested", _count_folds),
        _count_column("n_tested", "images", "different images that were tested", _count_tested),
    ]
    if any(len(row.group.seeds) > 1 for row in table.rows):
        hint = f"networks that were trained per {noun[:-1]}"
        columns.append(_count_column("seeds", "seeds", hint, lambda row: len(row.group.seeds)))
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

    title = metric.title.removeprefix("test ") + unit
    method = "for other seeds and other images of the same kind; one run: for other images"
    if over != "seeds":
        method = f"Student's t over {over}, corrected for overlapping training sets"
    return [
        Column(name, title, f"{metric.title}, mean over {over}", mean, lambda r: text(mean(r))),
        Column(f"{name}_sd", "sd", f"standard deviation over {over}", sd, lambda r: text(sd(r))),
        Column(
            f"{name}_interval",
            "95 % interval",
            method,
            lambda r: r.estimates[name].interval.low,
            interval,
        ),
        Column(
            f"{name}_seeds_interval",
            "over seeds",
            "95 % interval for other seeds on these test images, Student's t",
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

    hint = "metric of a user's module on the test set, mean over seeds"
    return Column(name, name, hint, mean, lambda row: significant(mean(row)))


def _own_metrics(row: GroupRow) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    for result in row.group.results:
        for name, value in result.record.test.metrics.items():
            values.setdefault(name, []).append(value)
    return values


def _timing_columns(target: float | None) -> list[Column]:
    return [
        _timing("epoch_s", "epoch (s)", "training and validation of one epoch, median"),
        _timing("images_per_s", "images/s", "throughput of training, or of the test alone, median"),
        _timing("time_to_best_s", "time to best (s)", "time to the end of the selected epoch"),
        _timing("total_s", "total time (s)", "all epochs, training and validation"),
        _latency_column(),
        *([] if target is None else [_target_column(target)]),
    ]


def _timing(key: str, title: str, hint: str) -> Column:
    return Column(key, title, hint, lambda r: r.timing[key], lambda r: significant(r.timing[key]))


def _latency_column() -> Column:
    def milliseconds(row: GroupRow) -> float | None:
        seconds = row.timing["latency_s"]
        return None if seconds is None else 1000 * seconds

    hint = "latency for one image, float32, not compiled, on all threads or the GPU; median"
    return Column(
        "latency_ms", "ms/image", hint, milliseconds, lambda r: significant(milliseconds(r))
    )


def _target_column(target: float) -> Column:
    def text(row: GroupRow) -> str:
        reached, n = int(row.timing["target_reached"] or 0), len(row.group.results)
        time = row.timing["time_to_target_s"]
        return significant(time) if time is not None else f"{reached} of {n} reached it"

    return Column(
        "time_to_target_s",
        f"time to {percentage(target, 0)} % (s)",
        "time until validation top-1 reached the target, median over seeds",
        lambda r: r.timing["time_to_target_s"] or text(r),
        text,
    )


def _size_columns() -> list[Column]:
    return [
        Column(
            "params",
            "parameters (M)",
            "trainable parameters, millions",
            lambda r: r.model["params"],
            lambda r: millions(r.model["params"]),
        ),
        Column(
            "gmacs",
            "GMACs",
            "10^9 multiply-accumulate operations for one image",
            lambda r: None if r.model["macs"] is None else r.model["macs"] / 1e9,
            lambda r: gmacs(r.model["macs"]),
        ),
        _count_column("depth", "depth", "weighted layers in a row", lambda r: r.model["depth"]),
        Column(
            "size_mb",
            "file (MB)",
            "size of the saved weights",
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
        mark = "" if pair.significant else " (n.s.)"
        return difference(gap, options.metric, decimals, signed=True) + mark

    hint = "difference from the baseline; n.s.: not significant"
    return [Column("against_baseline", f"vs. {baseline}", hint, value, text)]
