"""Comparison of an exported file with the network, image by image."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from cnncompare.data.normalize import normalize_pixels, pixel_moments
from cnncompare.export.readers import Classifier
from cnncompare.inference.saved_settings import SavedSettings
from cnncompare.models.best_classes import mask_classes
from cnncompare.runs.run import Predictions

TOLERANCE = 1e-3  # of a logit, relative to the largest one
_SMALLEST_SCALE = 0.01  # logits below are taken as this large
_BATCH = 32
_RECORD_SHARE = 0.01  # images whose class may differ from the record's: float sums elsewhere


@dataclass
class Verification:
    """Agreement of an exported file with the network and with the run's record.

    `ties` are images whose two best logits differ by less than the largest difference between
    file and network; either class is right for them, and they count in `same_top1`.
    """

    n: int = 0
    same_top1: int = 0
    ties: int = 0
    max_logit_difference: float = 0.0
    max_logit: float = 0.0
    same_as_record: int = 0
    not_finite: bool = False
    _others: list[float] = field(default_factory=list)  # logit margins of other classes

    def add(self, expected: Tensor, found: Tensor) -> None:
        """Count a batch of logits [N, classes] of the network and of the file."""
        difference = (expected - found).abs()
        self.not_finite |= not bool(difference.isfinite().all())
        self.max_logit_difference = max(self.max_logit_difference, float(difference.max()))
        self.max_logit = max(self.max_logit, float(expected.abs().max()))
        best, chosen = expected.argmax(dim=1), found.argmax(dim=1)
        margin = expected.gather(1, best[:, None]) - expected.gather(1, chosen[:, None])
        self._others += margin.squeeze(1)[best != chosen].tolist()
        self.n += len(expected)

    def close(self) -> None:
        """Decide which images with another class are ties."""
        self.ties = sum(margin <= 2 * self._allowed for margin in self._others)
        self.same_top1 = self.n - len(self._others) + self.ties

    @property
    def _allowed(self) -> float:
        return min(self.max_logit_difference, self._limit)

    @property
    def _limit(self) -> float:
        return TOLERANCE * max(_SMALLEST_SCALE, self.max_logit)

    def problem(self) -> str | None:
        """Return why the file is not the network, None if it is."""
        if self.not_finite:
            return "its logits are not finite, or those of the network are not"
        if self.same_top1 < self.n:
            return (
                f"{self.n - self.same_top1} of {self.n} test images get another class than from "
                f"the network (largest logit difference {self.max_logit_difference:.2g})"
            )
        if self.max_logit_difference > self._limit:
            return (
                f"its logits differ from the network's by up to {self.max_logit_difference:.2g} "
                f"(limit {self._limit:.2g})"
            )
        return None

    def record_problem(self, precision: str) -> str | None:
        """Return why the network is not that of the record, None if it is."""
        others = self.n - self.same_as_record
        if precision != "32-true" or others <= max(1, _RECORD_SHARE * self.n):
            return None
        return (
            f"the network gives {others} of {self.n} test images another class than "
            "predictions.npz holds"
        )


def verify(
    classify: Classifier,
    network: nn.Module,
    settings: SavedSettings,
    read: Callable[[list[int]], Tensor],
    saved: Predictions,
    masked: list[int] | None,
    advance: Callable[[int], object] = lambda n: None,
) -> Verification:
    """Return the agreement over all test images.

    `read` returns the images at positions of the test split as uint8 [N, C, H, W]; the network
    gets them as in the run's test. The first batch has one image, so that batches of several sizes
    are tried. `masked` are the classes to which the run restricted its predictions.
    """
    result = Verification()
    moments = pixel_moments(settings.protocol.mean, settings.protocol.std, torch.device("cpu"))
    best = torch.from_numpy(saved.top5[:, 0].astype("int64"))
    with torch.inference_mode():
        for positions in _batches(len(best)):
            images = read(positions)
            expected = network(normalize_pixels(images, *moments))
            result.add(expected, classify(images.float() / 255))
            own = mask_classes(expected, masked).argmax(dim=1)
            recorded = best[positions]
            result.same_as_record += int(((own == recorded) | (recorded < 0)).sum())
            advance(len(positions))
    result.close()
    return result


def _batches(n: int) -> Iterator[list[int]]:
    """Yield the positions of one image, then of the others."""
    yield list(range(min(1, n)))
    for start in range(1, n, _BATCH):
        yield list(range(start, min(n, start + _BATCH)))
