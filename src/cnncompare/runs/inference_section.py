"""Section `inference` of run.json: the cost of using the network; imports no torch."""

from cnncompare.runs.record_section import RecordSection


class InferenceRow(RecordSection):
    """Times of one runtime, precision and number of threads; null where not measured."""

    runtime: str  # eager, compiled or onnxruntime
    precision: str  # of weights and images
    threads: int
    latency_s: float | None = None  # of one image, median
    latency_p95_s: float | None = None  # 95th percentile
    calls: int | None = None  # timed for the latency
    images_per_s: float | None = None  # at the best batch size
    batch_size: int | None = None  # the best one found
    reason: str | None = None  # why nothing was measured


class InferenceSection(RecordSection):
    """Latency and throughput of the trained network, without normalisation and decoding.

    The first numbers are those of PyTorch without compilation in float32, on all threads.
    """

    device: str  # cpu, cuda or mps
    threads: int  # all threads of the process
    input_size: list[int]  # [C, H, W]
    latency_s: float | None = None  # of one image, median
    latency_p95_s: float | None = None
    images_per_s: float | None = None  # at the best batch size
    batch_size: int | None = None
    measuring_s: float  # duration of all measurements, which wall_s does not contain
    rows: list[InferenceRow]


def headline_row(rows: list[InferenceRow], threads: int) -> InferenceRow | None:
    """Return the row of PyTorch without compilation in float32 on all threads."""
    chosen = [
        row
        for row in rows
        if (row.runtime, row.precision, row.threads) == ("eager", "float32", threads)
    ]
    return next(iter(chosen), None)
