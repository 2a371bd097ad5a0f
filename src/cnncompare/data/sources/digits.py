"""The built-in data set: UCI's handwritten digits, 1,797 real images of 8x8 pixels."""

from pathlib import Path

import numpy as np
import torch

from cnncompare.data.source import Source, full_split
from cnncompare.data.stratify import stratified_positions

_FILE = Path(__file__).with_name("digits.npz")
N_TEST = 360  # a fifth of the 1,797 images
_TEST_SEED = 0  # fixed, so that all runs have the same test images


def load_digits() -> Source:
    """Return 1,437 training and 360 test images, uint8 [N, 1, 8, 8], classes "0" to "9".

    The images are those of scikit-learn's ``load_digits``, in its order: the test set of UCI's
    "Optical Recognition of Handwritten Digits" (Alpaydin and Kaynak 1998). Their grey levels are
    scaled from 0-16 to 0-255. As they have no test split, a fixed stratified fifth is held out.
    """
    with np.load(_FILE, allow_pickle=False) as arrays:
        levels, labels = arrays["images"], arrays["labels"]
    images = torch.from_numpy((levels * (255 / 16)).round().astype("uint8")).unsqueeze(1)
    all_images = full_split(images, torch.from_numpy(labels).long())
    test, train = stratified_positions(all_images.labels, N_TEST, _TEST_SEED)
    return Source(
        classes=[str(digit) for digit in range(10)],
        shape=(1, 8, 8),
        train=all_images.select(train),
        test=all_images.select(test),
    )
