"""The console form of an explanation, which fits 50 columns."""

from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cnncompare.explain.explanation import Explanation
from cnncompare.explain.rows import Row, layer_rows, shortened_rows
from cnncompare.explain.sentences import dead_sentence, form_sentence
from cnncompare.models.layers import Layer
from cnncompare.terminal.formatting import UNKNOWN

if TYPE_CHECKING:
    from cnncompare.explain.trained import TrainedNetwork

MOST_LAYERS = 30  # beyond which the console groups the layers
WIDE = 100  # columns from which kernels, strides and receptive fields have columns of their own
MEDIUM = 72


def print_explanation(explanation: Explanation, console: Console, all_layers: bool) -> None:
    """Print idea, sums, layers, and the changes for small images."""
    _print_head(explanation, console)
    rows, n_layers = layer_rows(explanation.table), len(explanation.table.layers)
    is_shortened = n_layers > MOST_LAYERS and not all_layers
    if is_shortened:
        rows = shortened_rows(explanation.table, MOST_LAYERS)
    console.print(_table(rows, console.width))
    if is_shortened:
        console.print(f"{n_layers} layers, grouped; --layers prints each")
    _print_changes(explanation, console)


def _print_head(explanation: Explanation, console: Console) -> None:
    row = explanation.subject.row
    console.print(f"[bold]{escape(explanation.subject.name)}[/bold]")
    if row["paper"]:
        console.print(escape(row["paper"]))
    for sentence in explanation.idea:
        console.print(escape(sentence))
    console.print(f"\n{form_sentence(explanation)}")


def _table(rows: list[Row], width: int) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("layer", overflow="fold", ratio=None)
    if width >= MEDIUM:
        table.add_column("kind", overflow="fold")
    table.add_column("output", no_wrap=True, justify="right")
    if width >= WIDE:
        table.add_column("field", no_wrap=True, justify="right")
    for heading in ("params", "%", "MACs", "%"):
        table.add_column(heading, no_wrap=True, justify="right")
    for row in rows:
        table.add_row(*_cells(row, width))
    return table


def _cells(row: Row, width: int) -> list[str]:
    name = row.name if width >= MEDIUM else f"{row.name} {row.kind}"
    cells = [escape(name)]
    if width >= MEDIUM:
        cells.append(row.kind)
    cells.append(row.output)
    if width >= WIDE:
        cells.append(row.field)
    numbers = [_count(row.params), _percent(row.params_share)]
    return [*cells, *numbers, _count(row.macs), _percent(row.macs_share)]


def _count(number: int) -> str:
    """Return a count in at most five characters, "61.7k"."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor:
            value = number / factor
            return f"{value:.{max(0, 2 - len(str(int(value))))}f}{unit}"
    return str(number) if number else UNKNOWN


def _percent(part: float) -> str:
    return f"{100 * part:.1f}" if part else UNKNOWN


def _print_changes(explanation: Explanation, console: Console) -> None:
    changes = explanation.subject.row["small_image_changes"]
    if changes is None or not (changes or explanation.changed_layers):
        return
    console.print("\n[bold]Changes for small images[/bold]")
    console.print(escape("; ".join(changes)))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    for heading in ("layer", "as published", "at 32x32"):
        table.add_column(heading, overflow="fold")
    for change in explanation.changed_layers:
        table.add_row(escape(change.name), *map(form_text, (change.original, change.small)))
    console.print(table)


def form_text(layer: Layer | None) -> str:
    """Return kernel, stride and output of a layer, "none" without it."""
    if layer is None:
        return "none"
    output = "x".join(map(str, layer.output or ()))
    if layer.kernel is None or layer.stride is None:
        return f"{layer.kind}, output {output}"
    return f"{layer.kernel[0]}x{layer.kernel[1]}/{layer.stride[0]}, output {output}"


def print_trained(trained: "TrainedNetwork", console: Console) -> None:
    """Print the share of dead filters, by layer where there are any."""
    console.print("\n[bold]Dead filters[/bold]")
    console.print(dead_sentence(trained))
    for layer in trained.dead or []:
        if layer.dead:
            console.print(f"{escape(layer.layer)}: {len(layer.dead)} of {layer.filters}")
    console.print("--html FILE shows the filters of the first layer and feature maps")
