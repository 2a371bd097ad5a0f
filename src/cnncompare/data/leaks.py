"""Test images that are also training images."""

from collections import Counter

from torch import Tensor

from cnncompare.data.source import Split

MAX_BYTES = 2**30  # of both splits; the comparison reads about 1 GB per second


def count_leaks(train: Split | None, test: Split) -> int | None:
    """Return the number of test images with the pixels of a training image.

    Images are compared as the network receives them, before augmentation and normalisation. None
    if they are not in memory, take more than `MAX_BYTES`, or nothing is trained.
    """
    if train is None or not isinstance(train.images, Tensor) or not isinstance(test.images, Tensor):
        return None
    if len(train) * train.images[0].nbytes + len(test) * test.images[0].nbytes > MAX_BYTES:
        return None
    images = test.images.numpy()
    counts = Counter(images[row].tobytes() for row in test.rows.tolist())
    images = train.images.numpy()
    found = {pixels for row in train.rows.tolist() if (pixels := images[row].tobytes()) in counts}
    return sum(counts[pixels] for pixels in found)
