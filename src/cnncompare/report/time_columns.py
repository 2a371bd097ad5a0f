"""The columns of times in the results table."""

from cnncompare.comparison.compare import GroupRow
from cnncompare.language.catalogue import tr
from cnncompare.report.column import Column
from cnncompare.terminal.formatting import percentage, significant


def timing_columns(target: float | None) -> list[Column]:
    """Return the columns of durations, throughput and latency, and of the time to a target."""
    return [
        *_duration_columns(),
        _latency_column(),
        *([] if target is None else [_target_column(target)]),
    ]


def _duration_columns() -> list[Column]:
    epoch = tr("training and validation of one epoch, median")
    throughput = tr("throughput of training, or of the test alone, median")
    to_best = tr("time to the end of the selected epoch")
    return [
        _timing("epoch_s", tr("epoch (s)"), epoch),
        _timing("images_per_s", tr("images/s"), throughput),
        _timing("time_to_best_s", tr("time to best (s)"), to_best),
        _timing("total_s", tr("total time (s)"), tr("all epochs, training and validation")),
    ]


def _timing(key: str, title: str, hint: str) -> Column:
    return Column(key, title, hint, lambda r: r.timing[key], lambda r: significant(r.timing[key]))


def _latency_column() -> Column:
    def milliseconds(row: GroupRow) -> float | None:
        seconds = row.timing["latency_s"]
        return None if seconds is None else 1000 * seconds

    hint = tr("latency for one image, float32, not compiled, on all threads or the GPU; median")
    return Column(
        "latency_ms", tr("ms/image"), hint, milliseconds, lambda r: significant(milliseconds(r))
    )


def _target_column(target: float) -> Column:
    def text(row: GroupRow) -> str:
        reached, n = int(row.timing["target_reached"] or 0), len(row.group.results)
        time = row.timing["time_to_target_s"]
        if time is not None:
            return significant(time)
        return tr("{some} of {n} reached it", some=reached, n=n)

    return Column(
        "time_to_target_s",
        tr("time to {accuracy} % (s)", accuracy=percentage(target, 0)),
        tr("time until validation top-1 reached the target, median over seeds"),
        lambda r: r.timing["time_to_target_s"] or text(r),
        text,
    )
