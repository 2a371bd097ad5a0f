"""Several data sets at once: Friedman's test, Nemenyi's critical difference, and the diagram."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MeanRanks:
    """Mean ranks over data sets, 1 the best; `cliques` are the bars of Demsar's diagram.

    Two models differ when their mean ranks are further apart than `critical_difference`.
    """

    labels: list[str]  # best first
    data: list[str]
    mean_ranks: list[float]
    chi2: float
    p: float
    critical_difference: float
    cliques: list[list[str]]


def friedman_nemenyi(
    labels: Sequence[str], data: Sequence[str], scores: NDArray[np.float64], higher: bool = True
) -> MeanRanks:
    """Return the ranking of `scores` [data sets >= 2, labels >= 3].

    Source: Demsar 2006, sections 3.2.2 and 3.2.4.
    """
    from scipy.stats import friedmanchisquare, rankdata

    ranks = rankdata(-scores if higher else scores, axis=1)
    means = ranks.mean(axis=0)
    chi2, p = 0.0, 1.0
    if (means != means[0]).any():
        found = friedmanchisquare(*scores.T)
        chi2, p = float(found.statistic), float(found.pvalue)
    order = np.argsort(means, kind="stable")
    ranked = [labels[i] for i in order]
    distance = nemenyi_critical_difference(len(labels), len(data))
    sorted_means = [float(means[i]) for i in order]
    cliques = _cliques(ranked, sorted_means, distance)
    return MeanRanks(ranked, list(data), sorted_means, chi2, p, distance, cliques)


def nemenyi_critical_difference(models: int, data_sets: int, alpha: float = 0.05) -> float:
    """Return Nemenyi's critical difference of mean ranks (Demsar 2006, section 3.2.2)."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, models, np.inf)) / math.sqrt(2)
    return q * math.sqrt(models * (models + 1) / (6 * data_sets))


def _cliques(ranked: list[str], means: list[float], distance: float) -> list[list[str]]:
    """Return the longest stretches, of two or more, whose ends are within the distance."""
    bars: list[list[str]] = []
    reached = 0
    for start, mean in enumerate(means):
        end = max(i for i, other in enumerate(means) if other - mean <= distance) + 1
        if end - start > 1 and end > reached:
            bars.append(ranked[start:end])
            reached = end
    return bars
