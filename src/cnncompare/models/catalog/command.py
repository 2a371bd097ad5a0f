"""`python -m cnncompare models [PATTERN]`: the networks that can be named; imports no torch."""

import json

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from cnncompare.errors import ModelError, closest
from cnncompare.models.catalog.names import SOURCES, known_names
from cnncompare.models.catalog.table import NetworkRow, find_rows
from cnncompare.system.argument_parser import CommandParser

DETAILED = 3  # networks of which all is told, changes and papers included
WIDE = 130  # columns of a terminal that has room for the paper


def main(argv: list[str]) -> int:
    """Print the networks and return the exit code; raises ModelError when none fits."""
    parser = CommandParser(
        "models",
        description="The networks that can be named. With few left, all that is known of each.",
    )
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="part of a name, or 'res*50'")
    parser.add_argument("--json", action="store_true", help="print a JSON list, nothing else")
    asked = parser.parse_args(argv)
    rows = find_rows(asked.pattern)
    if not rows:
        every = {name for source in SOURCES for name in known_names(source)}
        raise ModelError(f"no network fits {asked.pattern!r}{closest(asked.pattern, every)}")
    if asked.json:
        print(json.dumps(rows, indent=1))
        return 0
    console = Console(highlight=False)
    console.print(_table(rows, wide=console.width >= WIDE))
    few = len(rows) <= DETAILED
    for row in rows:
        if few or row["name"] == asked.pattern:
            console.print(_details(row))
    if not few:
        console.print(_legend(asked.pattern))
    return 0


def _table(rows: list[NetworkRow], wide: bool) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("source", no_wrap=True)
    for heading in ("year", "params", "GMACs", "at 32", "MB", "input", "weights"):
        table.add_column(heading, justify="right", no_wrap=True)
    if wide:
        table.add_column("paper", no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(*_cells(row), *([row["paper"] or ""] if wide else []))
    return table


def _cells(row: NetworkRow) -> list[str]:
    if row["params"] is None:
        return [row["name"], row["source"], *["-"] * 7]
    channels, _, size = row["input_size"]
    return [
        row["name"],
        row["source"],
        str(row["year"]),
        f"{row['params'] / 1e6:.2f}M",
        _short(row["gmacs"]),
        _short(row["gmacs_32"]),
        f"{row['size_mb']:.1f}",
        f"{channels}x{size}",
        str(len(row["weights"]) or "-"),
    ]


def _short(gmacs: float | None) -> str:
    if gmacs is None:
        return "-"
    return f"{gmacs:.2f}" if gmacs >= 0.1 else f"{gmacs:.4f}"


def _details(row: NetworkRow) -> str:
    library = "" if row["source"] == "own" else f"{row['source']} model.name="
    lines = [f"\n[bold]{escape(row['name'])}[/bold]", f"run      model={library}{row['name']}"]
    if row["paper"] is None:
        return "\n".join(lines)
    changes, weights = row["small_image_changes"], row["weights"]
    if changes is None:
        small = "none known: model.stem=imagenet with the native size"
    else:
        small = "; ".join(changes) or "as published"
    lines += [
        f"family   {row['family']}",
        f"paper    {escape(row['paper'])}",
        f"small    {escape(small)}",
        f"weights  {escape(', '.join(weights) or 'none published')}",
    ]
    return "\n".join(lines)


def _legend(pattern: str | None) -> str:
    lines = [
        "\nparams, GMACs, MB: as published; at 32: GMACs in the form for 32x32 images;",
        "weights: pretrained versions. All about one: python -m cnncompare models NAME",
    ]
    if pattern is None:
        others = len(known_names("timm"))
        lines += [
            f"The {others:,} networks of timm can be named too: python -m cnncompare models",
            "PATTERN finds them, and model=timm model.name=NAME runs one.",
        ]
    return "\n".join(lines)
