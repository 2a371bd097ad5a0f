"""Comparison over several data sets: Friedman's test and Nemenyi's critical difference."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class MeanRanks:
    """Mean ranks over data sets (1 is best), with Friedman's test of their equality.

    Two models differ significantly if their mean ranks differ by more than
    `critical_difference`. `cliques` are the groups that a bar joins in Demsar's diagram.
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
    """Rank the models by their `scores` [data sets >= 2, labels >= 3], and test the ranks.

    `higher` states that a higher score is better. Source: Demsar 2006, sections 3.2.2 and 3.2.4.
    """
    from scipy.stats import rankdata

    ranks = rankdata(-scores if higher else scores, axis=1)
    means = ranks.mean(axis=0)
    order = np.argsort(means, kind="stable")
    ranked, sorted_means = [labels[i] for i in order], [float(means[i]) for i in order]
    chi2, p = (0.0, 1.0) if (means == means[0]).all() else _friedman(scores)
    distance = nemenyi_critical_difference(len(labels), len(data))
    cliques = _cliques(ranked, sorted_means, distance)
    return MeanRanks(ranked, list(data), sorted_means, chi2, p, distance, cliques)


def _friedman(scores: NDArray[np.float64]) -> tuple[float, float]:
    from scipy.stats import friedmanchisquare

    test = friedmanchisquare(*scores.T)
    return float(test.statistic), float(test.pvalue)


def nemenyi_critical_difference(models: int, data_sets: int, alpha: float = 0.05) -> float:
    """Return Nemenyi's critical difference of mean ranks (Demsar 2006, section 3.2.2)."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, models, np.inf)) / math.sqrt(2)
    return q * math.sqrt(models * (models + 1) / (6 * data_sets))


def _cliques(ranked: list[str], means: list[float], distance: float) -> list[list[str]]:
    """Return the maximal sequences of two or more labels whose mean ranks lie within `distance`."""
    cliques: list[list[str]] = []
    last_end = 0
    for start, mean in enumerate(means):
        end = max(i for i, other in enumerate(means) if other - mean <= distance) + 1
        if end - start > 1 and end > last_end:
            cliques.append(ranked[start:end])
            last_end = end
    return cliques
