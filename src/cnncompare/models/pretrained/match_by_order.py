"""Assignment of a file's tensors to a network's names by shape and order."""

from collections.abc import Callable, Iterable

from torch import Tensor

from cnncompare.errors import ModelError, shortened

# The step counter of a batch norm is missing in older files and used in training only.
COUNTER = "num_batches_tracked"
Groups = dict[tuple[str, tuple[int, ...]], list[str]]  # names by last component and shape
Fits = Callable[[Tensor, Tensor], bool]


def match_by_order(
    from_file: dict[str, Tensor], of_network: dict[str, Tensor], fits: Fits, weights: str
) -> dict[str, Tensor]:
    """Return the tensors of a file under the names of a network's state dict.

    If the tensors fit pairwise in sequence, they are assigned in that order. Otherwise, tensors of
    the same shape and the same last component of the name (weight, running_mean) are assigned in
    order, if there are equally many on both sides. This second assignment is wrong if the file is
    not sorted by layer, which the accuracy reveals. ``fits(own, other)`` decides whether a tensor
    of the network accepts one of the file. Raises ModelError with the first tensors that do not
    match.
    """
    if _count_counters(from_file) != _count_counters(of_network):
        from_file, of_network = _without_counters(from_file), _without_counters(of_network)
    if len(from_file) == len(of_network) and all(
        map(fits, of_network.values(), from_file.values())
    ):
        return dict(zip(of_network, from_file.values(), strict=True))
    return _match_within_groups(from_file, of_network, weights)


def _match_within_groups(
    from_file: dict[str, Tensor], of_network: dict[str, Tensor], weights: str
) -> dict[str, Tensor]:
    theirs, ours = _groups(from_file), _groups(of_network)
    unused, missing = _surplus(theirs, ours), _surplus(ours, theirs)
    if unused or missing:
        raise ModelError(
            f"model.weights={weights} does not match the network by order: of {len(from_file)} "
            f"tensors in the file, {_listed(unused)} match no tensor of the network; of "
            f"{len(of_network)} in the network, {_listed(missing)} match none of the file"
        )
    return {
        name: from_file[other]
        for kind, names in ours.items()
        for name, other in zip(names, theirs[kind], strict=True)
    }


def _groups(tensors: dict[str, Tensor]) -> Groups:
    groups: Groups = {}
    for name, tensor in tensors.items():
        groups.setdefault((name.rpartition(".")[2], tuple(tensor.shape)), []).append(name)
    return groups


def _count_counters(names: Iterable[str]) -> int:
    return sum(name.endswith(COUNTER) for name in names)


def _without_counters(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in tensors.items() if not name.endswith(COUNTER)}


def _surplus(groups: Groups, others: Groups) -> list[str]:
    """Return name and shape of the tensors that exceed the number of their kind in `others`."""
    return [
        f"{name} {'x'.join(str(length) for length in kind[1]) or 'scalar'}"
        for kind, names in groups.items()
        for name in names[len(others.get(kind, [])) :]
    ]


def _listed(tensors: list[str]) -> str:
    return f"{len(tensors)} ({shortened(tensors)})" if tensors else "0"
