"""The table's columns, once for the console, HTML, Markdown, LaTeX and CSV."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cnncompare.comparison.compare import ComparedTable, GroupRow, Options
from cnncompare.comparison.metrics import METRICS, Metric
from cnncompare.comparison.pairs import Pair
from cnncompare.report.formatting import (
    NOTHING,
    digits_for,
    gap,
    in_metric,
    millions,
    percent,
    seconds,
    short,
)

Value = float | str | None


@dataclass(frozen=True)
class Column:
    """A column: `key` names it in CSV, `value` is exact, `text` is for people."""

    key: str
    title: str
    hint: str
    value: Callable[[GroupRow], Value]
    text: Callable[[GroupRow], str]
    numeric: bool = True


def columns(table: ComparedTable, options: Options) -> list[Column]:
    """Return the columns that have something to show in this table."""
    digits = digits_for(table.rows[0].group.results[0].data.n_test)
    baseline = [] if options.baseline is None else [_against(table.pairs, options, digits)]
    found = [
        Column("model", "model", "a row is a model and its recipe", _label, _label, False),
        Column(
            "ties", "ties", "rows that share a letter cannot be told apart", _ties, _ties, False
        ),
        Column(
            "seeds",
            "seeds",
            "runs that differ by their seed only",
            _n_runs,
            lambda r: str(_n_runs(r)),
        ),
        *_metric_columns(options.metric, digits),
        *baseline,
        *_cost_columns(),
    ]
    if options.target is not None:
        found.insert(-5, _target_column(options.target))
    always = ("model", "seeds")
    return [
        c for c in found if c.key in always or any(c.value(r) not in (None, "") for r in table.rows)
    ]


def _label(row: GroupRow) -> str:
    return row.label


def _ties(row: GroupRow) -> str:
    return row.letters


def _n_runs(row: GroupRow) -> int:
    return len(row.group.results)


def _metric_columns(asked: Metric, digits: int) -> list[Column]:
    shown = dict.fromkeys(
        ["top1", "top5"] if asked.name in ("top1", "top5") else [asked.name, "top1"]
    )
    return [column for name in shown for column in _of_metric(METRICS[name], digits)]


def _of_metric(metric: Metric, digits: int) -> list[Column]:
    name, unit = metric.name, " %" if metric.percent else ""

    def mean(row: GroupRow) -> float | None:
        return row.estimates[name].mean

    def interval(row: GroupRow) -> str:
        bounds = row.estimates[name].interval
        if bounds.low is None or bounds.high is None:
            return NOTHING
        if metric.percent:
            return f"{percent(bounds.low, digits)} to {percent(bounds.high, digits)}"
        return f"{bounds.low:.4f} to {bounds.high:.4f}"

    def text(value: float | None) -> str:
        return in_metric(value, metric, digits).removesuffix(" %")

    hint = f"{metric.title}, mean over seeds"
    sd = Column(
        f"{name}_sd",
        "sd",
        "standard deviation over seeds",
        lambda r: r.estimates[name].sd,
        lambda r: text(r.estimates[name].sd),
    )
    bounds = Column(
        f"{name}_interval",
        "95 % interval",
        "Wilson for one run, Student's t over seeds for several",
        lambda r: r.estimates[name].interval.low,
        interval,
    )
    return [
        Column(
            name, metric.title.removeprefix("test ") + unit, hint, mean, lambda r: text(mean(r))
        ),
        sd,
        bounds,
    ]


def _cost_columns() -> list[Column]:
    return [
        _timed(
            "epoch_s", "epoch s", "seconds of one epoch's training and validation, median", seconds
        ),
        _timed(
            "images_per_s",
            "images/s",
            "images a second, of training or of the test alone, median",
            short,
        ),
        _timed("time_to_best_s", "s to best", "seconds up to the end of the chosen epoch", seconds),
        _timed("total_s", "total s", "seconds of all epochs", seconds),
        Column(
            "params",
            "params M",
            "parameters, millions",
            lambda r: r.model["params"],
            lambda r: millions(r.model["params"]),
        ),
        Column(
            "gmacs",
            "GMACs",
            "10^9 multiply-accumulates for one image",
            _gmacs,
            lambda r: short(_gmacs(r)),
        ),
        Column(
            "size_mb",
            "MB",
            "saved weights, 10^6 bytes",
            lambda r: r.model["size_mb"],
            lambda r: short(r.model["size_mb"]),
        ),
        _memory("peak_rss_mib", "RSS MiB", "peak memory of the process"),
        _memory("peak_gpu_mib", "GPU MiB", "peak memory of the device"),
    ]


def _gmacs(row: GroupRow) -> float | None:
    macs = row.model["macs"]
    return None if macs is None else macs / 1e9


def _timed(key: str, title: str, hint: str, text: Callable[[float | None], str]) -> Column:
    return Column(key, title, hint, lambda r: r.timing[key], lambda r: text(r.timing[key]))


def _memory(key: str, title: str, hint: str) -> Column:
    return Column(key, title, hint, lambda r: r.memory[key], lambda r: short(r.memory[key]))


def _target_column(target: float) -> Column:
    def text(row: GroupRow) -> str:
        reached, n = int(row.timing["target_reached"] or 0), len(row.group.results)
        time = row.timing["time_to_target_s"]
        return seconds(time) if time is not None else f"{reached} of {n} reached it"

    title = f"s to {percent(target, 0)} %"
    hint = "seconds until validation top-1 reached the target, median over seeds"
    return Column(
        "time_to_target_s", title, hint, lambda r: r.timing["time_to_target_s"] or text(r), text
    )


def _against(pairs: list[Pair], options: Options, digits: int) -> Column:
    baseline = options.baseline or ""

    def difference(row: GroupRow) -> float | None:
        for pair in pairs:
            if pair.difference is not None and {pair.a, pair.b} == {row.label, baseline}:
                return pair.difference if pair.a == row.label else -pair.difference
        return None

    def text(row: GroupRow) -> str:
        found = any(p.significant for p in pairs if row.label in (p.a, p.b))
        value = difference(row)
        if value is None or row.label == baseline:
            return NOTHING
        return gap(value, options.metric, digits, signed=True) + ("" if found else " (not shown)")

    hint = "difference from the baseline; (not shown): the runs do not show that there is one"
    return Column("against_baseline", f"against {baseline}", hint, difference, text)


def fairness_columns(table: ComparedTable) -> list[Column]:
    """Return the fairness card: what a reader must know before believing a row."""
    found = [
        Column("model", "model", "", _label, _label, False),
        _fair("stem", "stem", str),
        _fair("input_size", "input", lambda size: " x ".join(map(str, size))),
        _fair("pretrained", "pretrained", lambda version: version or "no"),
        *_how_columns(table),
        _fair("test_reads", "test set read", lambda n: "once" if n == 1 else f"{n} times"),
        Column("clock", "clock", "", _clock, _clock, False),
        _fair(
            "model_changes", "differs from the published network", lambda c: "; ".join(c) or "no"
        ),
    ]
    if any(published_note(row) for row in table.rows):
        found.append(Column("published", "published", "", published_note, published_note, False))
    return found


def _clock(row: GroupRow) -> str:
    """Return whether the seconds are the run's own, and how much others used of the cores."""
    share, own = row.fairness["other_cpu_share"], not row.fairness["shared_clock"]
    others = "" if share is None else f", others {share:.0%} of the cores".replace("%", " %")
    return ("own" if own else "shared") + others


def _how_columns(table: ComparedTable) -> list[Column]:
    """Return how the rows were trained or, where the weights came as they are, tested."""
    if table.rows[0].fairness["optimizer"] is not None:
        recipe = Column("recipe", "recipe", "", _recipe, _recipe, False)
        return [recipe, _fair("selection", "chosen by", str)]
    transform = Column("transform", "transform", "", _transform, _transform, False)
    departs = _fair(
        "preprocessing_deviations", "deviates from the weights' own", lambda d: "; ".join(d) or "no"
    )
    columns = [transform, departs]
    if any(row.fairness["corrupt_images"] for row in table.rows):
        columns.append(Column("unread", "images not read", "", _unread, _unread, False))
    return columns


def _transform(row: GroupRow) -> str:
    card, asked = row.fairness, row.group.results[0].run_settings
    scaled = f"{card['resize']} {card['interpolation']}, " if card["resize"] else ""
    mean, sd = (" ".join(f"{x:g}" for x in values) for values in (asked.mean, asked.std))
    return f"{scaled}crop {asked.image_size}, mean {mean}, sd {sd}"


def _unread(row: GroupRow) -> str:
    n = len(row.fairness["corrupt_images"])
    how = "left out" if row.fairness["on_corrupt_image"] == "skip" else "counted as wrong"
    return f"{n} {how}" if n else "none"


def _fair(key: str, title: str, text: Callable[[Any], str]) -> Column:
    def shown(row: GroupRow) -> str:
        return text(row.fairness[key])

    return Column(key, title, "", shown, shown, False)


def _recipe(row: GroupRow) -> str:
    card = row.fairness
    parts = [
        f"{card['optimizer']} {card['lr']:g}",
        card["scheduler"],
        f"wd {card['weight_decay']:g}",
    ]
    parts += [f"smoothing {card['label_smoothing']:g}"] if card["label_smoothing"] else []
    parts += [f"EMA {card['ema_decay']:g}"] if card["ema_decay"] else []
    return ", ".join(parts)


def published_note(row: GroupRow) -> str:
    """Return how the row's accuracy lies to what was published, "" when nothing was."""
    found = row.reference_result
    if found is None:
        return row.fairness["check"] or ""
    span = f"{percent(found.low, 2)} to {percent(found.high, 2)} %"
    if found.low == found.high:
        span = f"{percent(found.low, 2)} %"
    if found.verdict == "within":
        return f"within the published {span}"
    differs = f"; differs: {'; '.join(found.recipe_differs)}" if found.recipe_differs else ""
    return f"{found.verdict} the published {span} ({', '.join(found.sources)}){differs}"
