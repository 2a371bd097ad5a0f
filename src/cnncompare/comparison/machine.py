"""The machine of a run, on which its seconds were measured."""

from cnncompare.comparison.load import Result


def clock_of(result: Result) -> str:
    """Return the machine of a run: "Xeon, 8 threads, 2 workers"."""
    environment = result.record.environment
    workers = result.config.get("data.workers")
    items = [
        (environment.gpu or environment.cpu or "unknown") if environment else "unknown",
        f"{environment.threads} threads" if environment and environment.threads else "",
        f"{workers} workers" if isinstance(workers, int) else "",
    ]
    return ", ".join(item for item in items if item)
