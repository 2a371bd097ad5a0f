"""The command `python -m cnncompare models [PATTERN]`; imports no torch."""

import json
import sys

from rich.console import Console
from rich.markup import escape

from cnncompare.errors import ModelError, closest
from cnncompare.models.catalog.names import SOURCES, known_names
from cnncompare.models.catalog.table import NetworkRow, find_rows
from cnncompare.system.argument_parser import CommandParser
from cnncompare.system.tables import FittingColumn, fitting_table

MAX_DETAILED = 3  # matches up to which the details of each network are printed
WIDE_TERMINAL = 130  # columns from which the table includes the paper


def main(argv: list[str]) -> int:
    """Print the networks that match and return the exit code; raises ModelError without a match."""
    parser = CommandParser(
        "models",
        description=f"List the available networks, with details of up to {MAX_DETAILED} matches.",
    )
    parser.add_argument("pattern", nargs="?", metavar="PATTERN", help="part of a name, or 'res*50'")
    parser.add_argument("--json", action="store_true", help="print only a JSON list")
    arguments = parser.parse_args(argv)
    rows = find_rows(arguments.pattern)
    if not rows:
        names = {name for source in SOURCES for name in known_names(source)}
        suggestion = closest(arguments.pattern, names)
        raise ModelError(f"no network matches {arguments.pattern!r}{suggestion}")
    if arguments.json:
        print(json.dumps(rows, indent=1))
    else:
        width = None if sys.stdout.isatty() else 1000  # no column is dropped in a pipe
        print_networks(rows, arguments.pattern, Console(highlight=False, width=width))
    return 0


def print_networks(rows: list[NetworkRow], pattern: str | None, console: Console) -> None:
    """Print the table, and the details of a few networks or of the one that is named."""
    wide = console.is_terminal and console.width >= WIDE_TERMINAL
    columns = _columns(rows, wide)
    console.print(fitting_table(columns, console, box=None, padding=(0, 1, 0, 0)))
    few = len(rows) <= MAX_DETAILED
    for row in rows:
        if few or row["name"] == pattern:
            console.print(_details(row))
    if not few:
        console.print(_legend(pattern))


def _columns(rows: list[NetworkRow], wide: bool) -> list[FittingColumn]:
    """Return the columns; a narrow terminal drops those with the highest priority first."""
    priorities = {
        "name": 0,
        "source": 5,
        "year": 7,
        "depth": 6,
        "params": 1,
        "GMACs": 2,
        "at 32": 3,
        "MB": 4,
        "input": 4,
        "vers": 8,
    }
    cells = zip(*map(_cells, rows), strict=True)
    columns = [
        FittingColumn(
            title,
            column,
            priority,
            justify="left" if title in ("name", "source") else "right",
            folds=title == "name",
        )
        for (title, priority), column in zip(priorities.items(), cells, strict=True)
    ]
    papers = FittingColumn("paper", [row["paper"] or "" for row in rows], 9, justify="left")
    return [*columns, papers] if wide else columns


def _cells(row: NetworkRow) -> list[str]:
    if row["params"] is None:
        return [row["name"], row["source"], *["-"] * 8]
    channels, _, size = row["input_size"]
    return [
        row["name"],
        row["source"],
        str(row["year"]),
        str(row["depth"]),
        f"{row['params'] / 1e6:.2f}M",
        _format_gmacs(row["gmacs"]),
        _format_gmacs(row["gmacs_32"]),
        f"{row['size_mb']:.{1 if row['size_mb'] < 100 else 0}f}",
        f"{channels}x{size}",
        str(len(row["weights"]) or "-"),
    ]


def _format_gmacs(gmacs: float | None) -> str:
    if gmacs is None:
        return "-"
    return f"{gmacs:.2f}" if gmacs >= 0.1 else f"{gmacs:.4f}"


def _details(row: NetworkRow) -> str:
    in_table = row["paper"] is not None
    option = row["name"] if in_table else f"{row['source']} model.name={row['name']}"
    lines = [f"\n[bold]{escape(row['name'])}[/bold]", f"run      model={option}"]
    if not in_table:
        return "\n".join(lines)
    changes, weights = row["small_image_changes"], row["weights"]
    if changes is None:
        small = "not available; use model.stem=imagenet and the native image size"
    else:
        small = "; ".join(changes) or "unchanged"
    lines += [
        f"family   {row['family']}",
        f"paper    {escape(row['paper'])}",
        f"at 32    {escape(small)}",
        f"weights  {escape(', '.join(weights) or 'none')}",
    ]
    return "\n".join(lines)


def _legend(pattern: str | None) -> str:
    lines = [
        "\nparams, GMACs, MB: as published; at 32: GMACs of the form for 32x32 images;",
        "depth: weighted layers on the longest path; vers: pretrained versions.",
        "For details: python -m cnncompare models NAME",
    ]
    if pattern is None:
        lines += [
            f"timm provides {len(known_names('timm')):,} networks: find them with",
            "python -m cnncompare models PATTERN, run one with model=timm model.name=NAME.",
        ]
    return "\n".join(lines)
