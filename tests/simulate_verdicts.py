"""The error rates, power and coverage behind the report's verdicts, printed as a table.

``python -m tests.simulate_verdicts [REPEATS]`` runs it with fixed seeds (about 4 minutes with 400
repeats). The share's standard error is printed beside it.
"""

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnncompare.comparison.pairs import ALPHA, holm
from cnncompare.stats.score_interval import score_interval
from cnncompare.stats.two_samples import difference_of, pooled_variance, sample_of

Bools = NDArray[np.bool_]
IMAGES = 2000
STEPS = (0.90, 0.905, 0.915, 0.93, 0.96)  # expected accuracies with steps of 0.5 to 3 points


@dataclass(frozen=True)
class Line:
    """A simulated share with its goal: at most (or at least) `goal`."""

    text: str
    share: float
    repeats: int
    goal: float
    at_least: bool = False

    @property
    def error(self) -> float:
        """The standard error of the share."""
        return math.sqrt(max(self.share * (1 - self.share), 0.01) / self.repeats)

    @property
    def holds(self) -> bool:
        """Whether the goal is met within three standard errors."""
        margin = 3 * self.error
        return (
            self.share >= self.goal - margin if self.at_least else self.share <= self.goal + margin
        )

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        percent = f"{100 * self.share:5.1f} +- {100 * self.error:.1f} %"
        return f"{self.text:72s} {percent}  goal {sign} {100 * self.goal:g} %, n = {self.repeats}"


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


def significant_pairs(right: Bools) -> dict[tuple[int, int], bool | None]:
    """Return whether each pair is significant after Holm's correction, as in the report.

    None stands for too few runs for a verdict.
    """
    samples = [sample_of(scores) for scores in right]
    pool = pooled_variance(samples)
    pairs = [(i, j) for i in range(len(samples)) for j in range(i + 1, len(samples))]
    found = [difference_of(samples[i], samples[j], pool) for i, j in pairs]
    adjusted = holm([difference.p() for difference in found])
    level = ALPHA / max(1, sum((p or 0.0) >= ALPHA for p in adjusted))
    verdicts: dict[tuple[int, int], bool | None] = {}
    for pair, difference, p in zip(pairs, found, adjusted, strict=True):
        z = abs(difference.centre) / difference.standard_error
        few = math.erfc(z / math.sqrt(2)) < level
        verdicts[pair] = True if (p or 0.0) < ALPHA else None if few else False
    return verdicts


def false_families(repeats: int) -> Iterator[Line]:
    """Yield the shares of tables of equal networks with any significant pair."""
    spread = 0.003
    cases: list[tuple[str, int, int, float, float, float, int]] = [
        *(
            (f"equal networks, {k}, {s} seeds", k, s, 0.92, 1, 0, IMAGES)
            for k, s in ((2, 3), (5, 2), (5, 3), (5, 5))
        ),
        ("one network with five times the spread, 5, 2 seeds", 5, 2, 0.92, 5, 0, IMAGES),
        ("one network with five times the spread, 5, 3 seeds", 5, 3, 0.92, 5, 0, IMAGES),
        ("10 % diverged seeds, 5, 3 seeds", 5, 3, 0.92, 1, 0.1, IMAGES),
        ("50 test images, 5, 3 seeds", 5, 3, 0.92, 1, 0, 50),
        ("accuracy 99.8 %, 5, 3 seeds", 5, 3, 0.998, 0.2, 0, IMAGES),
    ]
    for text, networks, seeds, level, factor, diverged, n in cases:
        rng, wrong = np.random.default_rng(1), 0
        sd = np.full(networks, spread * (0.2 if level > 0.99 else 1))
        sd[0] *= factor if factor > 1 else 1
        for _ in range(repeats):
            right = draw(rng, np.full(networks, level), seeds, sd, n, diverged)
            wrong += any(significant_pairs(right).values())
        yield Line(f"false families: {text}", wrong / repeats, repeats, 0.05)


def found_pairs(repeats: int) -> Iterator[Line]:
    """Yield the shares of true differences that are found; also those with inverted ties."""
    for seeds, goal in ((2, 0.2), (3, 0.7), (5, 0.8)):
        rng, found, inverted = np.random.default_rng(2), 0, 0
        count = max(50, repeats // 2)
        for _ in range(count):
            right = draw(rng, np.array(STEPS), seeds, np.full(5, 0.002), 10_000)
            significant = significant_pairs(right)
            found += sum(verdict is True for verdict in significant.values())
            inverted += any(
                wide is False and any(significant[k, m] for k, m in significant if i <= k < m <= j)
                for (i, j), wide in significant.items()
            )
        text = f"steps of 0.5 to 3 points, 10,000 images, {seeds} seeds"
        yield Line(f"pairs found: {text}", found / count / 10, count, goal, at_least=True)
        yield Line(
            f"wider gap tied (not: too few runs), inner one not: {text}",
            inverted / count,
            count,
            0.2,
        )


def coverage(repeats: int) -> Iterator[Line]:
    """Yield the coverage of the intervals of a row, of a pair, and of the best of several."""
    for level, n in ((0.92, IMAGES), (0.998, IMAGES), (0.99, 360)):
        for seeds in (1, 2, 3, 5, 10):
            rng, covered = np.random.default_rng(3), 0
            sd = 0.0 if seeds == 1 else 0.03 * level * (1 - level)
            for _ in range(repeats):
                scores = draw(rng, np.array([level]), seeds, np.array([sd]), n)[0]
                bounds = score_interval(sample_of(scores))
                covered += (bounds.low or 0.0) <= level <= (bounds.high or 0.0)
            text = f"a row at {100 * level:g} %, {n} images, {seeds} seeds"
            goal = 0.93 if seeds == 1 else 0.94  # Wilson's own, near 100 %
            yield Line(f"coverage: {text}", covered / repeats, repeats, goal, at_least=True)
    for networks in (12, 30):
        yield _best(networks, max(50, repeats // 2))


def _best(networks: int, repeats: int) -> Line:
    rng, covered = np.random.default_rng(4), 0
    for _ in range(repeats):
        right = draw(rng, np.full(networks, 0.92), 1, np.zeros(networks), IMAGES)
        best = sample_of(right[right.mean(axis=(1, 2)).argmax()])
        wide, own = score_interval(best, ALPHA / networks), score_interval(best)
        covered += (wide.low or 0.0) <= 0.92 <= (own.high or 0.0)
    text = f"coverage: the best of {networks} equal networks, 1 seed, {IMAGES} images"
    return Line(text, covered / repeats, repeats, 0.94, at_least=True)


PARTS: tuple[Callable[[int], Iterator[Line]], ...] = (false_families, found_pairs, coverage)


def main(repeats: int = 400) -> int:
    """Print the table; return 1 if any line misses its goal."""
    missed = 0
    for part in PARTS:
        for line in part(repeats):
            print(line, flush=True)
            missed += not line.holds
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
