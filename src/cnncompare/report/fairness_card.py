"""The columns of the fairness card: the conditions under which each row was measured."""

from collections.abc import Callable
from typing import Any

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.fairness import conditions
from cnncompare.comparison.reference_results import ReportedAccuracy
from cnncompare.report.columns import Column, text_column
from cnncompare.terminal.formatting import percent, percentage


def fairness_columns(table: ComparedTable) -> list[Column]:
    """Return the columns of the fairness card."""
    columns = [
        text_column("model", "model", lambda row: row.label),
        _fact("stem", "stem", str),
        _fact("input_size", "input", lambda size: " x ".join(map(str, size))),
        _fact("pretrained", "pretrained", lambda version: version or "no"),
        *_recipe_columns(table),
        *_other_settings(table),
        _fact("test_reads", "test set evaluated", lambda n: "once" if n == 1 else f"{n} times"),
        text_column("clock", "clock", _clock),
        _fact("model_changes", "changes to the network", lambda c: "; ".join(c) or "none"),
    ]
    if any(row.fairness["components"] for row in table.rows):
        columns.append(_fact("components", "own components", lambda c: "; ".join(c) or "none"))
    if any(reference_note(row) for row in table.rows):
        columns.append(text_column("reference_result", "reference result", reference_note))
    return columns


def _fact(key: str, title: str, text: Callable[[Any], str]) -> Column:
    return text_column(key, title, lambda row: text(row.fairness[key]))


def _clock(row: GroupRow) -> str:
    """Return whether the run shared its machine, and the share of the cores that others used."""
    share, shared = row.fairness["other_cpu_share"], row.fairness["shared_clock"]
    others = "" if share is None else f", other programs {percent(share, 0)} of the cores"
    return ("shared" if shared else "own") + others


def _recipe_columns(table: ComparedTable) -> list[Column]:
    """Return the recipe of training or, of weights that were only tested, the preprocessing."""
    if table.rows[0].fairness["optimizer"] is not None:
        return [text_column("recipe", "recipe", _recipe), _fact("selection", "selected by", str)]
    columns = [
        text_column("transform", "transform", _transform),
        _fact(
            "preprocessing_deviations",
            "preprocessing deviations",
            lambda deviations: "; ".join(deviations) or "none",
        ),
    ]
    if any(row.fairness["corrupt_images"] for row in table.rows):
        columns.append(text_column("corrupt_images", "corrupt images", _corrupt_images))
    return columns


def _recipe(row: GroupRow) -> str:
    card = row.fairness
    settings = [
        f"{card['optimizer']} {card['lr']:g}",
        card["scheduler"],
        f"weight decay {card['weight_decay']:g}",
    ]
    if card["loss"] != "cross_entropy":
        settings.append(f"loss {card['loss']}")
    if card["label_smoothing"]:
        settings.append(f"label smoothing {card['label_smoothing']:g}")
    settings += ["class weights"] if card["class_weights"] else []
    settings += ["balanced sampling"] if card["balance"] else []
    if card["ema_decay"]:
        settings.append(f"EMA {card['ema_decay']:g}")
    settings += [_with_options(name, options) for name, options in card["callbacks"].items()]
    return ", ".join(settings)


def _with_options(name: str, options: dict[str, Any]) -> str:
    shown = ", ".join(f"{key} {value}" for key, value in options.items() if key != "module")
    return f"{name} ({shown})" if shown else name


# columns of their own show these settings
_SHOWN = {
    *("optimizer", "lr", "scheduler", "weight_decay", "label_smoothing", "ema_decay"),
    *("resize", "interpolation", "on_corrupt_image", "selection", "loss"),
}


def _other_settings(table: ComparedTable) -> list[Column]:
    """Return the column of the other settings in which the rows differ, if there are any."""
    found = [conditions(row.group.results[0]) for row in table.rows]
    keys = dict.fromkeys(key for settings in found for key in settings if key not in _SHOWN)
    differing = [key for key in keys if any(s.get(key) != found[0].get(key) for s in found)]
    if not differing:
        return []

    def text(row: GroupRow) -> str:
        settings = conditions(row.group.results[0])
        return ", ".join(f"{key}={settings[key]}" for key in differing if key in settings)

    return [text_column("other_settings", "other settings", text)]


def _transform(row: GroupRow) -> str:
    card, used = row.fairness, row.group.results[0].run_settings
    resize = f"{card['resize']} {card['interpolation']}, " if card["resize"] else ""
    mean, sd = (" ".join(f"{x:g}" for x in values) for values in (used.mean, used.std))
    return f"{resize}crop {used.image_size}, mean {mean}, sd {sd}"


def _corrupt_images(row: GroupRow) -> str:
    n = len(row.fairness["corrupt_images"])
    treatment = "skipped" if row.fairness["on_corrupt_image"] == "skip" else "counted as wrong"
    return f"{n} {treatment}" if n else "none"


def reference_note(row: GroupRow) -> str:
    """Return the row's accuracy relative to the reference result, an empty string without one."""
    reference = row.reference_result
    if reference is None:
        return row.fairness["check"] or ""
    span = _span(reference.low, reference.high)
    sources = "; ".join(_source(reported) for reported in reference.reported)
    if reference.verdict == "within":
        return f"within the reference result, {span} ({sources})"
    causes = (
        f"; recipe differs: {'; '.join(reference.recipe_differs)}"
        if reference.recipe_differs
        else ""
    )
    return f"{reference.verdict} the reference result, {span} ({sources}){causes}"


def _span(low: float, high: float) -> str:
    if low == high:
        return percent(low, 2)
    return f"{percentage(low, 2)} to {percentage(high, 2)} %"


def _source(reported: ReportedAccuracy) -> str:
    """Return "He et al. 2015: mean of 5 runs 93.39 ± 0.16, 95 % interval 93.19 to 93.59 %"."""
    what = "one run" if reported.n == 1 else f"{reported.statistic} of {reported.n} runs"
    text = f"{reported.source}: {what} {percentage(reported.acc1, 2)}"
    if reported.sd is None or reported.low is None or reported.high is None:
        return f"{text} %"
    interval = _span(reported.low, reported.high)
    return f"{text} ± {percentage(reported.sd, 2)} %, 95 % interval {interval}"
