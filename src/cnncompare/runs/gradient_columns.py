"""Columns of epochs.csv with the gradient norms that callbacks=gradient_norms records."""

from collections.abc import Sequence

PREFIX = "grad_norm."


def gradient_norms(rows: Sequence[dict[str, float | None]]) -> dict[str, list[float]]:
    """Return the norms by epoch of each layer, in the order of the layers; empty without any."""
    names = [name for name in (rows[0] if rows else {}) if name.startswith(PREFIX)]
    found = {
        name.removeprefix(PREFIX): [v for row in rows if (v := row.get(name)) is not None]
        for name in names
    }
    return {layer: norms for layer, norms in found.items() if norms}
