"""The fairness card of a row: what a reader must know before believing its numbers."""

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Any

from cnncompare.comparison.grouping import Group
from cnncompare.comparison.load import Result

BUSY_SHARE = (
    0.10  # of the cores, used by other programs: from there an epoch's seconds are doubtful
)


def card(group: Group, shared_clocks: set[str]) -> dict[str, Any]:
    """Return the facts, equal for the group's runs but the seed; null where not recorded.

    `shared_clocks` holds the folders of runs that had the machine not for themselves.
    """
    first = group.results[0]
    model, training, evaluation = first.model, first.training, first.evaluation
    return {
        "stem": model.stem,
        "input_size": model.input_size,
        "pretrained": model.pretrained,
        "model_changes": first.run_settings.model_changes,
        **{key: getattr(training, key, None) for key in _OF_TRAINING},
        **{key: getattr(evaluation, key, None) for key in _OF_EVALUATION},
        "preprocessing_deviations": evaluation.preprocessing_deviations if evaluation else [],
        "check": evaluation.check.message if evaluation and evaluation.check else None,
        "test_reads": max(result.run_settings.test_reads for result in group.results),
        "deterministic": first.run_settings.deterministic,
        "shared_clock": any(
            r.run_settings.clocks_shared or str(r.run.folder) in shared_clocks
            for r in group.results
        ),
        **_undisturbed([row for result in group.results for row in result.epochs]),
    }


def _undisturbed(rows: list[dict[str, float | None]]) -> dict[str, Any]:
    """Return how far the epochs, of all the group's runs, had the machine for themselves.

    `other_cpu_share`, the median; `busy_epochs` and `throttled_epochs`, how many of how many.
    """
    shares = [share for row in rows if (share := row.get("other_cpu_share")) is not None]
    throttled = [it for row in rows if (it := row.get("gpu_throttled")) is not None]
    return {
        "other_cpu_share": median(shares) if shares else None,
        "busy_epochs": [sum(share > BUSY_SHARE for share in shares), len(shares)],
        "throttled_epochs": [sum(it > 0 for it in throttled), len(throttled)],
    }


_OF_TRAINING = (
    *("optimizer", "lr", "scheduler", "weight_decay", "label_smoothing", "ema_decay"),
    *("gradient_clip_norm", "selection", "protocol"),
)
_OF_EVALUATION = (
    *("transform_of", "resize", "interpolation", "weights_map", "mask_classes"),
    *("on_corrupt_image", "corrupt_images", "notes"),
)


def overlapping(results: Iterable[Result]) -> set[str]:
    """Return the folders of the runs that ran at the same time as another on a like machine."""
    spans: dict[Any, list[tuple[datetime, datetime, str]]] = {}
    for result in results:
        record = result.record
        if record.finished_at is None or record.environment is None:
            continue
        span = _span(record.started_at, record.finished_at)
        if span is not None:
            machine = (record.environment.cpu, record.environment.gpu, record.environment.os)
            spans.setdefault(machine, []).append((*span, str(result.run.folder)))
    return {folder for members in spans.values() for folder in _overlaps(sorted(members))}


def _span(started_at: str, finished_at: str) -> tuple[datetime, datetime] | None:
    try:
        return datetime.fromisoformat(started_at), datetime.fromisoformat(finished_at)
    except ValueError:
        return None


def _overlaps(spans: list[tuple[datetime, datetime, str]]) -> set[str]:
    """Compare each with the one before it that ends last; `spans` are sorted by their start."""
    found: set[str] = set()
    if not spans:
        return found
    latest = spans[0]
    for span in spans[1:]:
        if span[0] < latest[1]:
            found |= {span[2], latest[2]}
        latest = max(latest, span, key=lambda s: s[1])
    return found
