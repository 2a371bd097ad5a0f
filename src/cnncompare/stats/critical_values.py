"""Tail probabilities and critical values of the sum of a t and a normal variable.

The variable is sqrt(share) T[df] + sqrt(1 - share) Z, the error of a mean in standard errors.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def _nodes(number: int) -> tuple[Floats, Floats]:
    """Return the points and weights of the integration over Z."""
    z = np.linspace(-8.0, 8.0, number)
    density = np.exp(-(z**2) / 2)
    return z, density / density.sum()


_NODES, _FEW_NODES = _nodes(401), _nodes(101)


def tail_probabilities(distance: Floats, share: Floats, df: float) -> Floats:
    """Return the probability of both tails beyond `distance` standard errors.

    `share` is the seeds' share of the variance. The probability is integrated over Z numerically.
    """
    from scipy.special import stdtr

    points, _ = _t_values(distance, share, _NODES[0])
    tails: Floats = 2 * (stdtr(df, points) * _NODES[1]).sum(axis=-1)
    return tails


def critical_values(shares: Floats, df: float, alpha: float, steps: int) -> Floats:
    """Return the critical values, in standard errors, of a bisection in so many steps.

    They lie between those of the normal distribution and of Student's t, or slightly below the
    former where the distribution's tails are heavy and `alpha` is large. The steps follow a root
    that takes few probabilities; where their last interval does not contain the critical value,
    the bisection is done.
    """
    from scipy.special import ndtri, stdtrit

    normal, students = -float(ndtri(alpha / 2)), float(stdtrit(df, 1 - alpha / 2))
    lowest, highest = np.full_like(shares, 0.5 * normal), np.full_like(shares, students + 1.0)
    root = _root(np.sqrt(shares * students**2 + (1 - shares) * normal**2), shares, df, alpha)
    bounds = (0.5 * normal, students + 1.0)
    found = np.array([_last_interval(x, *bounds, steps) for x in root.tolist()])
    low, high = found.reshape(-1, 2).T.copy()
    ends = tail_probabilities(np.stack([low, high]), shares, df) > alpha
    wrong = ~(ends[0] & ~ends[1])
    if wrong.any():
        some = (lowest[wrong], highest[wrong], shares[wrong])
        high[wrong] = _bisected(*some, df, alpha, steps)
    return np.asarray(high)


def _last_interval(root: float, low: float, high: float, steps: int) -> tuple[float, float]:
    """Return the interval of so many halvings that contains the root; arrays take longer."""
    for _ in range(steps):
        middle = (low + high) / 2
        low, high = (middle, high) if middle < root else (low, middle)
    return low, high


def _halved(low: Floats, high: Floats, too_low: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    middle = (low + high) / 2
    return np.where(too_low, middle, low), np.where(too_low, high, middle)


def _bisected(
    low: Floats, high: Floats, shares: Floats, df: float, alpha: float, steps: int
) -> Floats:
    for _ in range(steps):
        too_low = tail_probabilities((low + high) / 2, shares, df) > alpha
        low, high = _halved(low, high, too_low)
    return high


def _root(guess: Floats, shares: Floats, df: float, alpha: float) -> Floats:
    """Return the critical values by Halley's method, first with few points of the integration."""
    for nodes in (_FEW_NODES, _FEW_NODES, _NODES):
        guess = guess + _halley_step(guess, shares, df, alpha, nodes)
    return guess


def _halley_step(
    distance: Floats, share: Floats, df: float, alpha: float, nodes: tuple[Floats, Floats]
) -> Floats:
    """Return Halley's step towards the root of log(tails) - log(alpha); NaN if it has none."""
    from scipy.special import stdtr

    t, width = _t_values(distance, share, nodes[0])
    with np.errstate(all="ignore"):
        of_squares = 1 + t * t / df
        density = _density_at_0(df) * of_squares ** (-(df + 1) / 2)
        slope = density * t * (-(df + 1) / df) / of_squares
        tails = 2 * (stdtr(df, t) @ nodes[1])
        first = -2 * (density @ nodes[1]) / width[..., 0] / tails
        second = 2 * (slope @ nodes[1]) / width[..., 0] ** 2 / tails - first**2
        newton = np.log(tails / alpha) / first
        return np.asarray(-newton / (1 - newton * second / (2 * first)))


def _density_at_0(df: float) -> float:
    """Return the density of Student's t at 0."""
    from scipy.special import gammaln

    return float(np.exp(gammaln((df + 1) / 2) - gammaln(df / 2)) / np.sqrt(np.pi * df))


def _t_values(distance: Floats, share: Floats, z: Floats) -> tuple[Floats, Any]:
    """Return the values of T at which the sum is -`distance`, for each z, and its width."""
    width = np.sqrt(np.maximum(share, 1e-12))[..., None]
    shift = np.sqrt(np.maximum(1 - share, 0.0))[..., None] * z
    return (-distance[..., None] + shift) / width, width
