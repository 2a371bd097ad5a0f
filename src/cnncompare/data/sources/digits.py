"""The embedded data set: scikit-learn's handwritten digits, 1,797 real images of 8x8 pixels."""

import torch

from cnncompare.data.source import Source, full_split
from cnncompare.data.split import stratified_positions

N_TEST = 360  # a fifth of the 1,797
_TEST_SEED = 0  # the test images are the same for everyone, always


def digits() -> Source:
    """Return 1,437 training and 360 test images, uint8 [N, 1, 8, 8], classes "0" to "9".

    The 16 grey levels of the original (UCI, Alpaydin and Kaynak 1998, test part) are spread over
    0 to 255. It has no test part of its own, so a stratified fifth is set aside, always the same.
    """
    from sklearn.datasets import load_digits  # 0.5 s and 60 MiB, for this set alone

    bunch = load_digits()
    images = torch.from_numpy((bunch.images * 255 / 16).round().astype("uint8")).unsqueeze(1)
    both = full_split(images, torch.from_numpy(bunch.target).long())
    test, train = stratified_positions(both.labels, N_TEST, _TEST_SEED)
    return Source(
        classes=[str(digit) for digit in range(10)],
        shape=(1, 8, 8),
        train=both.select(train),
        test=both.select(test),
    )
