"""Fairness card of a group of runs: the conditions of training, testing and time measurement."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result
from cnncompare.config.schema_options import condition_keys, protocol_settings

# Share of the cores used by other programs above which an epoch's time is unreliable.
BUSY_SHARE = 0.10
# Keys that every card has, None if not recorded; other conditions are added where recorded.
_ALWAYS = (
    *("optimizer", "lr", "scheduler", "weight_decay", "label_smoothing", "ema_decay"),
    *("gradient_clip_norm", "selection", "protocol", "balance", "class_weights"),
    *("loss", "callbacks"),
    *("transform_of", "resize", "interpolation", "weights_map", "mask_classes"),
    *("on_corrupt_image", "corrupt_images", "notes"),
)


def fairness_card(group: Group, overlapping: set[str]) -> dict[str, Any]:
    """Return the card; values that were not recorded are None.

    The group's runs differ only in their seed, so that most values come from the first run.
    `overlapping` holds the folders of the runs that ran at the same time as another.
    """
    first, settings = group.results[0], group.results[0].run_settings
    model, evaluation = first.model, first.evaluation
    return {
        "stem": model.stem,
        "input_size": model.input_size,
        "pretrained": model.pretrained,
        "model_changes": settings.model_changes,
        **{key: getattr(settings, key, None) for key in _ALWAYS},
        **conditions(first),
        "preprocessing_deviations": evaluation.preprocessing_deviations if evaluation else [],
        "check": evaluation.check.message if evaluation and evaluation.check else None,
        "components": [
            f"{c.kind} {c.name} ({c.module}, {(c.sha256 or '')[:8]})"
            for c in first.record.components
        ],
        "test_reads": max(result.run_settings.test_reads for result in group.results),
        "deterministic": settings.deterministic,
        "shared_clock": any(_shared_clock(result, overlapping) for result in group.results),
        **_contention([row for result in group.results for row in result.epochs]),
    }


def conditions(result: Result) -> dict[str, Any]:
    """Return the recorded settings in which the runs of a table may differ.

    These are the fields of the schema that are not declared otherwise, and options of a user's own.
    """
    settings = result.run_settings
    shared = {s.key for s in protocol_settings(trains=result.training is not None)}
    keys = (condition_keys() | set(settings.model_extra or {})) - shared
    return {key: value for key, value in settings.model_dump().items() if key in keys}


def _shared_clock(result: Result, overlapping: set[str]) -> bool:
    return result.run_settings.clocks_shared or str(result.run.folder) in overlapping


def _contention(rows: list[dict[str, float | None]]) -> dict[str, Any]:
    """Return the effect of other programs and of throttling on the epochs of all runs.

    `other_cpu_share` is a median. `busy_epochs` and `throttled_epochs` are [affected, measured].
    """
    shares = [share for row in rows if (share := row.get("other_cpu_share")) is not None]
    throttled = [value for row in rows if (value := row.get("gpu_throttled")) is not None]
    return {
        "other_cpu_share": median(shares) if shares else None,
        "busy_epochs": [sum(share > BUSY_SHARE for share in shares), len(shares)],
        "throttled_epochs": [sum(value > 0 for value in throttled), len(throttled)],
    }


def overlapping_runs(results: Iterable[Result]) -> set[str]:
    """Return the folders of runs that overlapped in time with another on a machine of its type."""
    spans: dict[Any, list[tuple[datetime, datetime, str]]] = {}
    for result in results:
        record = result.record
        if record.finished_at is None or record.environment is None:
            continue
        span = _span(record.started_at, record.finished_at)
        if span is not None:
            machine = (record.environment.cpu, record.environment.gpu, record.environment.os)
            spans.setdefault(machine, []).append((*span, str(result.run.folder)))
    return {folder for members in spans.values() for folder in _overlapping(sorted(members))}


def _span(started_at: str, finished_at: str) -> tuple[datetime, datetime] | None:
    try:
        return datetime.fromisoformat(started_at), datetime.fromisoformat(finished_at)
    except ValueError:
        return None


def _overlapping(spans: list[tuple[datetime, datetime, str]]) -> set[str]:
    """Return the folders of overlapping spans; `spans` is not empty and sorted by start.

    Each span is compared with the latest-ending one before it.
    """
    overlapping: set[str] = set()
    latest = spans[0]
    for span in spans[1:]:
        if span[0] < latest[1]:
            overlapping |= {span[2], latest[2]}
        latest = max(latest, span, key=lambda s: s[1])
    return overlapping
