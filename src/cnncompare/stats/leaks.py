"""Sentence on test images that are training images as well."""


def leak_sentence(n: int, n_test: int) -> str:
    """Return the sentence on `n` of `n_test` test images that are training images as well."""
    images = "is also a training image" if n == 1 else "are also training images"
    return (
        f"{n:,} of {n_test:,} test images ({100 * n / n_test:.1f} %) {images}: the accuracies are "
        f"too high"
    )
