"""The columns of the fairness card: the conditions under which each row was measured."""

from collections.abc import Callable
from typing import Any

from cnncompare.comparison.compare import ComparedTable, GroupRow
from cnncompare.comparison.fairness import conditions
from cnncompare.comparison.reference_results import ReportedAccuracy
from cnncompare.language.catalogue import marked, tr, trc
from cnncompare.language.recorded import recorded
from cnncompare.report.column import Column, text_column
from cnncompare.terminal.formatting import percent, percentage


def fairness_columns(table: ComparedTable) -> list[Column]:
    """Return the columns of the fairness card."""
    columns = [
        text_column("model", tr("model"), lambda row: row.label),
        _fact("stem", tr("stem"), str),
        _fact("input_size", tr("input"), lambda size: " x ".join(map(str, size))),
        _fact("pretrained", tr("pretrained"), lambda version: version or tr("no")),
        *_recipe_columns(table),
        *_other_settings(table),
        _fact("test_reads", tr("test set evaluated"), _times),
        text_column("clock", tr("clock"), _clock),
        _fact("model_changes", tr("changes to the network"), _listed),
    ]
    if any(row.fairness["components"] for row in table.rows):
        columns.append(_fact("components", tr("own components"), _listed))
    if any(reference_note(row) for row in table.rows):
        columns.append(text_column("reference_result", tr("reference result"), reference_note))
    return columns


def _listed(texts: list[str]) -> str:
    return "; ".join(map(recorded, texts)) or tr("none")


def _times(n: int) -> str:
    return tr("once") if n == 1 else tr("{n} times", n=n)


def _fact(key: str, title: str, text: Callable[[Any], str]) -> Column:
    return text_column(key, title, lambda row: text(row.fairness[key]))


def _clock(row: GroupRow) -> str:
    """Return whether the run shared its machine, and the share of the cores that others used."""
    share, shared = row.fairness["other_cpu_share"], row.fairness["shared_clock"]
    own = tr("shared") if shared else tr("own")
    if share is None:
        return own
    return ", ".join([own, tr("other programs {share} of the cores", share=percent(share, 0))])


def _recipe_columns(table: ComparedTable) -> list[Column]:
    """Return the recipe of training or, of weights that were only tested, the preprocessing."""
    if table.rows[0].fairness["optimizer"] is not None:
        selection = _fact("selection", tr("selected by"), _selection)
        return [text_column("recipe", tr("recipe"), _recipe), selection]
    columns = [
        text_column("transform", tr("transform"), _transform),
        _fact("preprocessing_deviations", tr("preprocessing deviations"), _listed),
    ]
    if any(row.fairness["corrupt_images"] for row in table.rows):
        columns.append(text_column("corrupt_images", tr("corrupt images"), _corrupt_images))
    return columns


def _recipe(row: GroupRow) -> str:
    card = row.fairness
    settings = [
        f"{card['optimizer']} {card['lr']:g}",
        card["scheduler"],
        tr("weight decay {value:g}", value=card["weight_decay"]),
    ]
    if card["loss"] != "cross_entropy":
        settings.append(tr("loss {name}", name=card["loss"]))
    if card["label_smoothing"]:
        settings.append(tr("label smoothing {value:g}", value=card["label_smoothing"]))
    settings += [tr("class weights")] if card["class_weights"] else []
    settings += [tr("balanced sampling")] if card["balance"] else []
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

    return [text_column("other_settings", tr("other settings"), text)]


def _transform(row: GroupRow) -> str:
    card, used = row.fairness, row.group.results[0].run_settings
    resize = f"{card['resize']} {card['interpolation']}, " if card["resize"] else ""
    mean, sd = (" ".join(f"{x:g}" for x in values) for values in (used.mean, used.std))
    crop = tr("crop {size}, mean {mean}, sd {sd}", size=used.image_size, mean=mean, sd=sd)
    return f"{resize}{crop}"


def _corrupt_images(row: GroupRow) -> str:
    n = len(row.fairness["corrupt_images"])
    if not n:
        return tr("none")
    if row.fairness["on_corrupt_image"] == "skip":
        return tr("{n} skipped", n=n)
    return tr("{n} counted as wrong", n=n)


_VERDICTS = {
    "within": marked("within the reference result, {span} ({sources})"),
    "below": marked("below the reference result, {span} ({sources})"),
    "above": marked("above the reference result, {span} ({sources})"),
}
_STATISTICS = (marked("mean"), marked("median"))
_SELECTIONS = (marked("validation"), marked("last epoch"))


def _selection(split: str) -> str:
    return trc("split", "test") if split == "test" else tr(split)


def reference_note(row: GroupRow) -> str:
    """Return the row's accuracy relative to the reference result, an empty string without one."""
    reference = row.reference_result
    if reference is None:
        return recorded(row.fairness["check"] or "")
    span = _span(reference.low, reference.high)
    sources = "; ".join(_source(reported) for reported in reference.reported)
    note = tr(_VERDICTS[reference.verdict], span=span, sources=sources)
    if reference.verdict == "within" or not reference.recipe_differs:
        return note
    causes = "; ".join(map(recorded, reference.recipe_differs))
    return "; ".join([note, tr("recipe differs: {causes}", causes=causes)])


def _span(low: float, high: float) -> str:
    if low == high:
        return percent(low, 2)
    return tr("{low} to {high} %", low=percentage(low, 2), high=percentage(high, 2))


def _source(reported: ReportedAccuracy) -> str:
    """Return "He et al. 2015: mean of 5 runs 93.39 ± 0.16, 95 % interval 93.19 to 93.59 %"."""
    what = tr("one run")
    if reported.n != 1:
        what = tr("{statistic} of {n} runs", statistic=tr(reported.statistic), n=reported.n)
    text = f"{recorded(reported.source)}: {what} {percentage(reported.acc1, 2)}"
    if reported.sd is None or reported.low is None or reported.high is None:
        return f"{text} %"
    interval = tr("95 % interval {span}", span=_span(reported.low, reported.high))
    return f"{text} ± {percentage(reported.sd, 2)} %, {interval}"
