"""Stratified draws of positions; positions of identical images stay together."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def stratified_positions(
    labels: Tensor, n: int, seed: int, groups: NDArray[np.int64] | None = None, n_kept: int = 1
) -> tuple[Tensor, Tensor]:
    """Draw `n` positions with the class shares of `labels`; return them and the rest, ascending.

    `labels` is int64 [N]; `n` is at least the number of classes, and every class gets at least one
    position. Positions with the same number in `groups`, int64 [N], stay together, and
    `n_kept` groups of each class are not drawn; large groups may lead to more or fewer than `n`.
    scikit-learn's splitters are not used because they
    reject a rest smaller than the number of classes, which a limit close to N leaves.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    classes, counts = np.unique(labels.numpy(), return_counts=True)
    share = np.empty(len(labels))  # the share of its class that precedes the image, 0 to 1
    for label, count in zip(classes, counts, strict=True):
        members = shuffled[labels.numpy()[shuffled] == label]
        share[members] = np.arange(count) / count
        share[members[1:]] += 0.5 / count  # half a step, so that class sizes are rounded to nearest
    order = shuffled[np.argsort(share[shuffled], kind="stable")]
    chosen, rest = np.sort(order[:n]), np.sort(order[n:])
    if groups is not None and len(np.unique(groups)) < len(groups):
        chosen, rest = _whole_groups(labels.numpy(), groups, chosen, seed, n_kept)
    return torch.from_numpy(chosen), torch.from_numpy(rest)


def _whole_groups(
    labels: NDArray[np.int64],
    groups: NDArray[np.int64],
    chosen: NDArray[np.int64],
    seed: int,
    n_kept: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw whole groups, about as many positions of each class as are `chosen`; see above."""
    _, firsts, unit, sizes = np.unique(
        groups, return_index=True, return_inverse=True, return_counts=True
    )
    shuffled = np.random.default_rng(seed).permutation(len(firsts))
    taken = np.zeros(len(firsts), dtype=bool)
    for label, room in zip(*np.unique(labels[chosen], return_counts=True), strict=True):
        members = shuffled[labels[firsts[shuffled]] == label]
        taken[_fill(members, sizes, int(room))[: len(members) - n_kept]] = True
    return taken[unit].nonzero()[0], (~taken[unit]).nonzero()[0]


def _fill(members: NDArray[np.int64], sizes: NDArray[np.int64], room: int) -> list[int]:
    """Return the groups that fit into `room`, in the order of `members` but the smallest first.

    The smallest is returned even if it does not fit, so that no class is left out.
    """
    if not len(members):
        return []
    smallest = members[sizes[members].argmin()]
    taken, room = [int(smallest)], room - int(sizes[smallest])
    for group in members[members != smallest].tolist():
        if sizes[group] <= room:
            taken.append(group)
            room -= int(sizes[group])
    return taken
