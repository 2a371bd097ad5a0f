"""The largest and the smallest class of a split, and the sentence on a large imbalance."""

from collections.abc import Sequence
from dataclasses import dataclass

IMBALANCED_RATIO = 2.0  # of the largest class to the smallest, from which accuracy misleads
_SPLITS = {"train": "training", "val": "validation", "test": "test"}


@dataclass(frozen=True)
class Imbalance:
    """The classes with the most and the fewest images of a split: train, val or test."""

    split: str
    largest: str
    n_largest: int
    smallest: str
    n_smallest: int

    @property
    def ratio(self) -> float:
        """How many times as many images the largest class has."""
        return self.n_largest / self.n_smallest

    @property
    def is_large(self) -> bool:
        """Whether the accuracy says little about the small classes."""
        return self.ratio >= IMBALANCED_RATIO


def measure_imbalance(split: str, counts: Sequence[int], names: Sequence[str]) -> Imbalance | None:
    """Return the imbalance of the classes that have images, None if fewer than two have any."""
    present = [i for i, n in enumerate(counts) if n]
    if len(present) < 2:
        return None
    largest, smallest = max(present, key=counts.__getitem__), min(present, key=counts.__getitem__)
    return Imbalance(split, names[largest], counts[largest], names[smallest], counts[smallest])


def imbalance_sentence(found: Imbalance) -> str:
    """Return the sentence on the two classes, without a full stop."""
    return (
        f"class {found.largest} has {found.n_largest:,} {_SPLITS[found.split]} images, "
        f"{found.ratio:.1f} times the {found.n_smallest:,} of {found.smallest}"
    )


ADVICE = (
    "top-1 accuracy mostly reflects the large classes; look at the balanced accuracy "
    "(report --metric balanced)"
)
