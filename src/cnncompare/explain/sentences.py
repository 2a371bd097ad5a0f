"""Sentences that the console and the page of an explanation share."""

from typing import TYPE_CHECKING

from cnncompare.explain.explanation import Explanation
from cnncompare.terminal.formatting import percent, significant

if TYPE_CHECKING:
    from cnncompare.explain.trained import TrainedNetwork


def form_sentence(explanation: Explanation) -> str:
    """Return image, classes and stem with the sums of the layers and the depth."""
    table, shape = explanation.table, "x".join(map(str, explanation.image_shape))
    return (
        f"Image {shape}, {explanation.classes:,} classes, stem {explanation.stem}: "
        f"{table.params:,} parameters, {significant(table.macs / 1e9)} GMACs, depth {table.depth}"
    )


def dead_sentence(trained: "TrainedNetwork") -> str:
    """Return the number and share of dead filters on the validation split."""
    layers = trained.dead
    if layers is None:
        return "Dead filters were not counted: the run has no validation split."
    filters = sum(layer.filters for layer in layers)
    if not filters:
        return "Dead filters were not counted: no convolution has an activation of its own."
    dead = sum(len(layer.dead) for layer in layers)
    return (
        f"{dead:,} of {filters:,} filters ({percent(dead / filters)}) are dead: their activated "
        f"response is the same for all {trained.n_val:,} validation images."
    )
