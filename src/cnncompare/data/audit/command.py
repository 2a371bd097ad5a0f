"""The command `python -m cnncompare data [overrides]`: an audit of a data set."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncompare.errors import ConfigError, OutputError
from cnncompare.system.argument_parser import CommandParser

if TYPE_CHECKING:
    from PIL.Image import Image

    from cnncompare.config.data import DataConfig

SHEET = "audit.png"


def main(arguments: list[str]) -> int:
    """Print the audit of the data set that the overrides select, and write its contact sheet."""
    from cnncompare.config.compose import compose_config

    parsed = _parser().parse_intermixed_args(arguments)
    sheet = _sheet_path(parsed.sheet)
    config = compose_config(parsed.overrides)
    _check_source(config.data)

    from cnncompare.data.audit.audit import audit
    from cnncompare.data.audit.contact_sheet import draw_contact_sheet
    from cnncompare.data.audit.summary import summarize

    found = audit(config.data)
    _save(draw_contact_sheet(found), sheet)
    summary = summarize(found) | {"sheet": str(sheet)}
    if parsed.json:
        print(json.dumps(summary, indent=1))
    else:
        _print(summary)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        "data",
        description="Count the images of a data set and find duplicates, images that occur in "
        "two splits, and unreadable files. Nothing is trained and no image is changed.",
    )
    parser.add_argument("overrides", nargs="*", metavar="OVERRIDE", help="such as data=cifar10")
    parser.add_argument("--json", action="store_true", help="print only a JSON object")
    parser.add_argument(
        "--sheet", default=SHEET, metavar="FILE", help=f"contact sheet to write (default: {SHEET})"
    )
    return parser


def _sheet_path(name: str) -> Path:
    """Check the path of the contact sheet before any image is read."""
    path = Path(name).expanduser().absolute()
    if path.suffix.lower() != ".png":
        raise ConfigError(f"data: --sheet {name} is not a PNG file; its name must end in .png")
    if not path.parent.is_dir():
        raise OutputError(f"data: --sheet {name}: there is no folder {path.parent}; create it")
    if path.is_dir():
        raise OutputError(f"data: --sheet {name} is a folder; give the name of a file")
    return path


def _check_source(config: "DataConfig") -> None:
    """Raise a UserError for what a look at folders, tables and arrays shows, before torch."""
    if config.source == "imagenet":
        from cnncompare.data.sources.imagenet.layout import detect_layout

        detect_layout(config.root or "")
    else:
        from cnncompare.data.sources.count_classes import count_classes

        count_classes(config)


def _save(sheet: "Image", path: Path) -> None:
    try:
        sheet.save(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error.strerror or error})") from None


def _print(summary: Mapping[str, Any]) -> None:
    from rich.console import Console

    from cnncompare.data.audit.console import counts_table, sentences

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    console.print(f"{summary['name']}: {summary['classes']:,} classes", markup=False)
    console.print(counts_table(summary))
    console.print()
    for line in sentences(summary):
        console.print(line, soft_wrap=True, markup=False)
    console.print(f"sheet        {summary['sheet']}", soft_wrap=True, markup=False)
