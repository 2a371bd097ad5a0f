"""A file's tensors under a network's names, paired by shape and order where names differ."""

from collections.abc import Callable, Iterable

from torch import Tensor

from cnncompare.errors import ModelError

SHOWN = 3  # tensors of a list, in a message of one line
COUNTER = "num_batches_tracked"  # of a batch norm, which older files lack; needed for training only
Groups = dict[tuple[str, tuple[int, ...]], list[str]]  # names by last part and shape
Fits = Callable[[Tensor, Tensor], bool]


def match_by_order(
    given: dict[str, Tensor], own: dict[str, Tensor], fits: Fits, weights: str
) -> dict[str, Tensor]:
    """Return the tensors `given` under the names of `own`, a network's state dict.

    They pair first in sequence, where all of them fit; else within the tensors of one shape whose
    names end alike (weight, running_mean), where there are as many of each. An alphabetical order
    is no order of layers: the accuracy shows whether the second found the right ones. `fits` says
    whether a tensor of the network takes one of the file. Raises ModelError, with the first that
    do not fit.
    """
    if _counters(given) != _counters(own):
        given, own = _without_counters(given), _without_counters(own)
    if len(given) == len(own) and all(map(fits, own.values(), given.values())):
        return dict(zip(own, given.values(), strict=True))
    theirs, ours = _groups(given), _groups(own)
    no_place, no_tensor = _surplus(theirs, ours), _surplus(ours, theirs)
    if no_place or no_tensor:
        raise ModelError(
            f"model.weights={weights} does not fit the network by order: of the file's "
            f"{len(given)} tensors {_listed(no_place)} fit nowhere, of the network's {len(own)} "
            f"{_listed(no_tensor)} get none"
        )
    return {
        name: given[other]
        for kind, names in ours.items()
        for name, other in zip(names, theirs[kind], strict=True)
    }


def _groups(tensors: dict[str, Tensor]) -> Groups:
    groups: Groups = {}
    for name, tensor in tensors.items():
        groups.setdefault((name.rpartition(".")[2], tuple(tensor.shape)), []).append(name)
    return groups


def _counters(names: Iterable[str]) -> int:
    return sum(name.endswith(COUNTER) for name in names)


def _without_counters(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(COUNTER)}


def _surplus(groups: Groups, others: Groups) -> list[str]:
    """Return name and shape of the tensors beyond as many of their kind as `others` has."""
    return [
        f"{name} {'x'.join(str(length) for length in kind[1]) or 'scalar'}"
        for kind, names in groups.items()
        for name in names[len(others.get(kind, [])) :]
    ]


def _listed(tensors: list[str]) -> str:
    more = f" and {len(tensors) - SHOWN} more" if len(tensors) > SHOWN else ""
    return f"{len(tensors)} ({', '.join(tensors[:SHOWN])}{more})" if tensors else "0"
