"""The sentence on test images that are also training images; imports no torch."""

from cnncompare.runs.record import DataSection


def leak_sentence(data: DataSection | None) -> str | None:
    """Return a sentence on the leaks that a record counts, None without any."""
    if data is None or data.leaks is None or data.leaks.identical == 0:
        return None
    n = data.leaks.identical
    images = "is also a training image" if n == 1 else "are also training images"
    return (
        f"{n:,} of {data.n_test:,} test images ({100 * n / data.n_test:.1f} %) {images}: the "
        f"accuracies are too high"
    )
