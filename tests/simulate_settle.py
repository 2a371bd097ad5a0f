"""Simulated races: false claims, and the runs that they need.

``python -m tests.simulate_settle [RACES]`` prints the tables of docs/settle.md in twenty minutes,
with fewer than 1,000 races in each row in less. A claim
is false as soon as the interval of any pair misses the true difference, whether or not the race
would have said anything about that pair. Shares have a standard error of
sqrt(p (1 - p) / studies). All numbers are drawn from fixed seeds.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from cnncompare.comparison.race import LEVEL, START, Race
from cnncompare.stats.confidence_sequences import effective_runs, sequence_radius
from cnncompare.stats.pair_variances import seed_noise

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]  # networks are the last axis
STUDIES = 1000
FIRST_ROW = (94.8, 94.7, 94.3, 94.0, 93.5, 93.0, 91.0, 88.0)  # percent
SEED_SD = 0.2  # points


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.normal(0, 1, shape)


def one_wide(rng: np.random.Generator, shape: tuple[int, ...], factor: float = 5) -> Floats:
    """One network with five times the spread of the others."""
    drawn = normal(rng, shape)
    drawn[..., 0] *= factor
    return drawn


def one_very_wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return one_wide(rng, shape, factor=10)


def skewed(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Seeds with a long tail to bad results."""
    return 1 - rng.exponential(1, shape)


def heavy_tailed(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return rng.standard_t(3, shape)


def some_bad(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """One run in twenty is worse by 40 standard deviations."""
    return normal(rng, shape) - 40.0 * (rng.random(shape) < 0.05) + 2.0


def two_wide(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Two networks with five times the spread of the others."""
    drawn = normal(rng, shape)
    drawn[..., :2] *= 5
    return drawn


def graded(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Networks whose spreads grow in equal ratios, the last one five times the first."""
    return normal(rng, shape) * np.geomspace(1, 5, shape[-1])


SPREADS: dict[str, Draw] = {
    "normal": normal,
    "one network 5 x the spread": one_wide,
    "one network 10 x the spread": one_very_wide,
    "skewed to bad results": skewed,
    "t with 3 degrees of freedom": heavy_tailed,
    "5 % of the runs much worse": some_bad,
}
# no pool fits these; trained to 20 seeds whatever the intervals say, they exceed the level
SEVERAL_SPREADS: dict[str, Draw] = {
    "two networks 5 x the spread": two_wide,
    "spreads from 1 to 5 x": graded,
}


def false_claims(draw: Draw, networks: int, studies: int, image_sd: float = 0.0) -> float:
    """Return the share of studies of equal networks in which any pair is ever called different.

    Every network is trained to 20 seeds, one run after the other, whatever the intervals say.
    `image_sd` is that of each network's deviation on these test images, in seed deviations.
    """
    rng = np.random.default_rng(1)
    values = draw(rng, (studies, 20, networks))
    values = values + image_sd * rng.normal(0, 1, (studies, 1, networks))
    wrong = np.zeros(studies, bool)
    for seeds in range(START, 21):
        for finished in range(networks):
            runs = np.where(np.arange(networks) <= finished, seeds, seeds - 1)
            if runs.min() >= START:
                wrong |= _any_different(values, runs, 2 * image_sd**2)
    return float(wrong.mean())


def _moments(values: Floats, runs: NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return means and sums of squares, [studies, networks], of the first runs of each network."""
    used = np.arange(values.shape[1])[:, None] < runs
    means = (values * used).sum(1) / runs
    return means, (((values - means[:, None]) * used) ** 2).sum(1)


def _any_different(values: Floats, runs: NDArray[np.int64], image_variance: float) -> Floats:
    networks = len(runs)
    means, squares = _moments(values, runs)
    count = np.broadcast_to(runs.astype(float), means.shape)
    noise = seed_noise(count, squares, 1e-12)
    n = effective_runs(count[:, :, None], count[:, None, :])
    radius = sequence_radius(noise.pairs, image_variance, n, noise.df, LEVEL / (networks - 1))
    outside = np.abs(means[:, :, None] - means[:, None, :]) > radius
    return np.asarray(outside.any(axis=(1, 2)))


@dataclass(frozen=True)
class RaceResults:
    """Averages over simulated races; shares in [0, 1]."""

    runs: float
    settled: float
    false_claims: float  # an interval of any pair missed
    wrong_leaders: float  # settled, but the leader is not within the margin of the best
    best_lost: float  # the best network was called worse than another


def race_many(
    accuracies: tuple[float, ...],
    studies: int,
    *,
    draw: Draw = normal,
    margin: float = 0.3,
    max_seeds: int = 40,
    costs: tuple[float, ...] | None = None,
) -> RaceResults:
    """Return the results of races between networks of these accuracies, in percent."""
    rng = np.random.default_rng(2)
    outcomes = [
        _race(np.array(accuracies), rng, draw, margin, max_seeds, costs) for _ in range(studies)
    ]
    return RaceResults(*(float(column) for column in np.mean(np.array(outcomes, float), axis=0)))


def _race(
    truth: Floats,
    rng: np.random.Generator,
    draw: Draw,
    margin: float,
    max_seeds: int,
    costs: tuple[float, ...] | None,
) -> tuple[float, ...]:
    networks = len(truth)
    values = (truth + SEED_SD * draw(rng, (max_seeds, networks))) / 100
    race = Race(networks, margin=margin / 100, max_seeds=max_seeds)
    nothing, everywhere = np.zeros(networks, int), [True] * networks
    while (k := race.next_network(costs or [1.0] * networks, nothing, everywhere)) is not None:
        race.add(k, float(values[race.runs[k], k]))
    return _judge(race, truth / 100)


def _judge(race: Race, truth: Floats) -> tuple[float, ...]:
    missed = (race.low > truth[:, None] - truth[None, :] + 1e-12).any()
    leader = race.leader()
    assert leader is not None
    wrong = race.is_settled() and truth[leader] < truth.max() - race.margin - 1e-12
    lost = int(np.argmax(truth)) not in race.remaining()
    return tuple(map(float, (race.runs.sum(), race.is_settled(), missed, wrong, lost)))


def race_on_images(
    networks: int, images: int, studies: int, *, margin: float, wide: float = 1.0
) -> RaceResults:
    """Return the results of races of equal networks, judged on simulated test images.

    Network, image and seed shift the logit of an image; the first network's seeds do so `wide`
    times as much. The truth is the accuracy on all images of the kind, equal for all networks.
    """
    rng = np.random.default_rng(3)
    outcomes = [_race_on_images(networks, images, margin, wide, rng) for _ in range(studies)]
    return RaceResults(*(float(column) for column in np.mean(np.array(outcomes, float), axis=0)))


def _race_on_images(
    networks: int, images: int, margin: float, wide: float, rng: np.random.Generator
) -> tuple[float, ...]:
    logits = 3.0 + rng.normal(0, 1.5, images) + rng.normal(0, 1.0, (networks, images))
    seed_sd = np.where(np.arange(networks) == 0, 0.05 * wide, 0.05)
    race = Race(networks, margin=margin / 100, max_seeds=20)
    nothing, everywhere = np.zeros(networks, int), [True] * networks
    while (k := race.next_network([1.0] * networks, nothing, everywhere)) is not None:
        shifted = logits[k] + rng.normal(0, seed_sd[k])
        correct = rng.random(images) < 1 / (1 + np.exp(-shifted))
        race.add(k, float(correct.mean()), correct)
    return _judge(race, np.zeros(networks))


MOST_FIXED = 150  # seeds of each network


def fixed_design_seeds(
    accuracies: tuple[float, ...], studies: int, power: float, draw: Draw = normal
) -> int:
    """Return the seeds per network with which a planned study proves the same as the race.

    The proof: Welch's interval of the best row against each other one, at 5 % over all pairs,
    excludes a loss of 0.3 points. The number of seeds must be known before the study begins.
    """
    truth = np.array(accuracies)
    networks = len(truth)
    values = truth + SEED_SD * draw(np.random.default_rng(4), (studies, MOST_FIXED, networks))
    for seeds in range(2, MOST_FIXED + 1):
        means, squares = _moments(values, np.full(networks, seeds))
        variance = squares / (seeds - 1) / seeds
        leader = means.argmax(axis=1)
        row = np.arange(studies)
        best = variance[row, leader][:, None]
        df = (best + variance) ** 2 * (seeds - 1) / (best**2 + variance**2)
        level = LEVEL / (networks * (networks - 1) / 2)
        half = student.isf(level / 2, df) * np.sqrt(best + variance)
        proven = means[row, leader][:, None] - means - half > -0.3
        proven[row, leader] = True
        if proven.all(axis=1).mean() >= power:
            return seeds
    raise AssertionError(f"more than {MOST_FIXED} seeds")


RACES: dict[str, tuple[tuple[float, ...], Draw]] = {
    "first row": (FIRST_ROW, normal),
    "first row, skewed": (FIRST_ROW, skewed),
    "first row, the best one 5 x": (FIRST_ROW, one_wide),
    "ahead by 1 point": ((95.8, *FIRST_ROW[1:]), normal),
    "all equal": ((94.0,) * 8, normal),
    "all equal, skewed": ((94.0,) * 8, skewed),
    "all equal, one 5 x": ((94.0,) * 8, one_wide),
}


def main(studies: int = STUDIES) -> None:
    """Print the tables of docs/settle.md; `studies` is the number of races in each row."""
    print(f"False claims in {STUDIES} studies of equal networks, 20 seeds each, in %")
    for name, draw in (SPREADS | SEVERAL_SPREADS).items():
        shares = [
            100 * false_claims(draw, networks, STUDIES, image_sd)
            for networks in (2, 5, 8)
            for image_sd in (0.0, 0.7)
        ]
        print(f"  {name:30}", *(f"{share:5.1f}" for share in shares), flush=True)
    print("Races of equal networks until settled or 20 seeds each, margin 0.3 points")
    for name, draw in (SPREADS | SEVERAL_SPREADS).items():
        for networks in (5, 8):
            found = race_many((94.0,) * networks, studies, draw=draw, max_seeds=20)
            _print(f"{name}, {networks}", found)
    print("On simulated test images, 5 equal networks, until settled or 20 seeds each")
    for images, margin, wide in ((360, 3.0, 1.0), (360, 3.0, 5.0), (2000, 1.5, 5.0)):
        _print(
            f"{images} images, one {wide:g} x",
            race_on_images(5, images, 300, margin=margin, wide=wide),
        )
    print("Races until the leader is within 0.3 points of the best, seeds' sd 0.2 points")
    for name, (accuracies, draw) in RACES.items():
        found = race_many(accuracies, studies, draw=draw, max_seeds=MOST_FIXED)
        _print(name, found)
        fixed = [8 * fixed_design_seeds(accuracies, STUDIES, p, draw) for p in (0.8, 0.95, 0.99)]
        share = 100 * found.runs / fixed[-1]
        print(
            f"  {'':30} a fixed design proves it in 80, 95 and 99 % of studies with {fixed[0]}, "
            f"{fixed[1]} and {fixed[2]} runs; the race needs {share:.0f} % of the last, goal 50 %",
            flush=True,
        )


def _print(name: str, found: RaceResults) -> None:
    print(
        f"  {name:30} {found.runs:6.1f} runs, settled {100 * found.settled:5.1f} %, false claims "
        f"{100 * found.false_claims:.1f} %, wrong leader {100 * found.wrong_leaders:.1f} %, "
        f"best lost {100 * found.best_lost:.1f} %",
        flush=True,
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
