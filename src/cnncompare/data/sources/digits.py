"""The built-in data set: scikit-learn's handwritten digits, 1,797 real images of 8x8 pixels."""

import torch

from cnncompare.data.source import Source, full_split
from cnncompare.data.stratify import stratified_positions

N_TEST = 360  # a fifth of the 1,797 images
_TEST_SEED = 0  # fixed, so that all runs have the same test images


def load_digits() -> Source:
    """Return 1,437 training and 360 test images, uint8 [N, 1, 8, 8], classes "0" to "9".

    The grey levels of the original (UCI, Alpaydin and Kaynak 1998, its test set) are scaled from
    0-16 to 0-255. As scikit-learn defines no test split, a fixed stratified fifth is held out.
    """
    from sklearn import datasets  # takes 0.5 s and 60 MiB, so only this data set imports it

    bunch = datasets.load_digits()
    images = torch.from_numpy((bunch.images * 255 / 16).round().astype("uint8")).unsqueeze(1)
    all_images = full_split(images, torch.from_numpy(bunch.target).long())
    test, train = stratified_positions(all_images.labels, N_TEST, _TEST_SEED)
    return Source(
        classes=[str(digit) for digit in range(10)],
        shape=(1, 8, 8),
        train=all_images.select(train),
        test=all_images.select(test),
    )
