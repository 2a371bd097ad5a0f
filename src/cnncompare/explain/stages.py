"""The stages of a network: single layers and repeated blocks, in order of application."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from torch import nn

from cnncompare.models.operations import WEIGHTED, Operation

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_POOLS = ("max pool", "average pool", "global pool")
MOST_IN_BLOCK = 40  # weighted layers of a module that is one block


@dataclass(frozen=True)
class Stage:
    """A layer, or `count` equal layers or blocks in sequence.

    `kind` is conv, linear, pool or block. `output` is that of the last one. `operations` are those
    of each of them.
    """

    title: str
    kind: str
    output: tuple[int, ...]
    operations: tuple[tuple[Operation, ...], ...]

    @property
    def count(self) -> int:
        """The number of layers or blocks."""
        return len(self.operations)

    @property
    def first(self) -> Operation:
        """The first operation."""
        return self.operations[0][0]


def find_stages(network: nn.Module, operations: list[Operation]) -> list[Stage]:
    """Return the stages; consecutive layers or blocks of one kind and map size form one stage."""
    modules = dict(network.named_modules())
    single = [*_single_stages(modules, operations)]
    stages = [_merged([*group]) for _, group in groupby(single, key=_likeness)]
    return [*_without_joins(stages)]


def is_chain(operations: list[Operation]) -> bool:
    """Return whether the network has no branches."""
    return all(
        len(operation.inputs) == 1 and operation.kind not in ("product", "multiply")
        for operation in operations
    )


def window_text(operation: Operation) -> str:
    """Return kernel and stride as in "7x7 / 2", with a multiplication sign; "" without a kernel."""
    window = operation.window
    if window is None or window.kernel is None:
        return ""
    height, width = window.kernel
    stride = f" / {window.stride[0]}" if window.stride[0] > 1 else ""
    return f"{height}\N{MULTIPLICATION SIGN}{width}{stride}"


def _single_stages(modules: dict[str, nn.Module], operations: list[Operation]) -> Iterator[Stage]:
    counts = _weighted_counts(operations)
    blocks = [_block_path(modules, counts, operation.module) for operation in operations]
    pairs = zip(blocks, operations, strict=True)
    for block, members in groupby(pairs, key=lambda pair: pair[0]):
        inside = tuple(operation for _, operation in members)
        if counts.get(block, 0) > 1 and block != "":
            title = _title(type(modules[block]).__name__)
            yield Stage(title, "block", inside[-1].output, (inside,))
        else:
            yield from map(_layer_stage, filter(_is_shown, inside))


def _without_joins(stages: list[Stage]) -> Iterator[Stage]:
    """Yield the stages; a concatenation behind blocks becomes their output, as in DenseNet."""
    for stage, following in zip(stages, [*stages[1:], None], strict=True):
        if _is_join(stage):
            continue
        is_joined = following is not None and stage.kind == "block" and _is_join(following)
        yield replace(stage, output=following.output) if following and is_joined else stage


def _is_join(stage: Stage) -> bool:
    return stage.kind == "pool" and stage.first.kind in ("concat", "join")


def _weighted_counts(operations: list[Operation]) -> dict[str, int]:
    """Return the number of weighted layers in each module."""
    counts: dict[str, int] = {}
    for operation in operations:
        if operation.kind in WEIGHTED:
            parts = operation.module.split(".")
            for end in range(1, len(parts) + 1):
                path = ".".join(parts[:end])
                counts[path] = counts.get(path, 0) + 1
    return counts


def _block_path(modules: dict[str, nn.Module], counts: dict[str, int], path: str) -> str:
    """Return the outermost module around `path` that is no container of blocks, "" for none."""
    parts = path.split(".") if path else []
    for end in range(1, len(parts) + 1):
        outer = ".".join(parts[:end])
        if not _contains_blocks(modules, counts, outer):
            return outer
    return ""


def _contains_blocks(modules: dict[str, nn.Module], counts: dict[str, int], path: str) -> bool:
    module = modules[path]
    if type(module) in _CONTAINERS:
        return True
    if isinstance(module, _CONTAINERS):
        children = [f"{path}.{name}" for name, _ in module.named_children()]
        return any(counts.get(child, 0) > 1 for child in children)
    return counts.get(path, 0) > MOST_IN_BLOCK


def _is_shown(operation: Operation) -> bool:
    return operation.kind in (*WEIGHTED, *_POOLS, "join", "concat")


def _layer_stage(operation: Operation) -> Stage:
    kind = operation.kind if operation.kind in WEIGHTED else "pool"
    names = {"linear": "fully connected", "average pool": "avg pool"}
    window = "" if operation.kind == "global pool" else window_text(operation)
    tokens = [names.get(operation.kind, operation.kind), window]
    return Stage(" ".join(filter(None, tokens)), kind, operation.output, ((operation,),))


def _title(class_name: str) -> str:
    """Return "basic block" for CifarBasicBlock; capitals in sequence stay, as in "Inception A"."""
    name = class_name.lstrip("_").removeprefix("Cifar").replace("CNBlock", "ConvNextBlock")
    tokens = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name)
    text = " ".join(token if token.isupper() else token.lower() for token in tokens)
    return text if " " in text else f"{text} block"


def _likeness(stage: Stage) -> tuple[object, ...]:
    spatial = stage.output[1:]
    if stage.kind == "block":
        return (stage.title, spatial)
    channels = stage.output[0] if stage.kind == "conv" else stage.first.number
    return (stage.title, spatial, channels)


def _merged(stages: list[Stage]) -> Stage:
    inside = tuple(operations for stage in stages for operations in stage.operations)
    return replace(stages[0], output=stages[-1].output, operations=inside)
