"""Lines of the simulations' table, and studies of networks with seeds and test images."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
IMAGES = 2000
HEADER = f"{'finding':84} {'before':>14}   {'now':>14}  goal"


@dataclass(frozen=True)
class Line:
    """A simulated share with its goal: at most (or at least) `goal`; `before` is at 12b8d35.

    A share of at least `goal` can have a goal for its upper side too, `most`.
    """

    text: str
    share: float
    repeats: int
    goal: float
    at_least: bool = False
    before: str = ""
    most: float = 1.0

    @property
    def error(self) -> float:
        """The standard error of the share."""
        return math.sqrt(max(self.share * (1 - self.share), 0.01) / self.repeats)

    @property
    def meets_goal(self) -> bool:
        """Whether the share itself meets the goal."""
        return self._is_within(0.0)

    @property
    def holds(self) -> bool:
        """Whether the goal is met within three standard errors."""
        return self._is_within(3 * self.error)

    def _is_within(self, margin: float) -> bool:
        if self.at_least:
            return self.goal - margin <= self.share <= self.most + margin
        return self.share <= self.goal + margin

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        percent = f"{100 * self.share:5.1f} +- {100 * self.error:.1f} %"
        met = "met" if self.meets_goal else "met within 3 errors" if self.holds else "NOT MET"
        upper = f" and <= {100 * self.most:g} %" if self.most < 1 else ""
        goal = f"{sign} {100 * self.goal:g} %{upper}: {met}"
        return f"{self.text:84} {self.before:>14}   {percent:>14}  {goal} (n = {self.repeats})"


def draw(
    rng: np.random.Generator,
    levels: NDArray[np.float64],
    seeds: int,
    sd: NDArray[np.float64],
    n: int = IMAGES,
    diverged: float = 0.0,
) -> Bools:
    """Return correctness [networks, seeds, n]: images of common difficulty, sd in accuracy.

    An image is right for a network if the run's accuracy exceeds its threshold, of which a half of
    the images share one and the others have one for each network.
    """
    accuracy = levels[:, None] + rng.normal(0, 1, (len(levels), seeds)) * sd[:, None]
    accuracy = np.where(rng.random(accuracy.shape) < diverged, 0.1, accuracy)
    common, own = rng.random(n), rng.random((len(levels), n))
    noisy = rng.random((len(levels), seeds, n))
    kind = rng.random(n)
    threshold = np.where(kind < 0.6, common, np.where(kind < 0.9, own, 0.0))[:, None, :]
    threshold = np.where(kind >= 0.9, noisy, threshold)
    return np.asarray(threshold < np.clip(accuracy, 0, 1)[:, :, None])
