"""The command `cnncompare explain MODEL`; imports torch only after the arguments are checked."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from cnncompare.errors import ConfigError, OutputError
from cnncompare.explain.subject import find_subject
from cnncompare.system.argument_parser import CommandParser

if TYPE_CHECKING:
    from cnncompare.explain.explanation import Explanation

MIN_IMAGE_SIZE = 8  # pixels, as in runs
MAX_IMAGE_SIZE = 4096


def main(argv: list[str]) -> int:
    """Print layers, drawing and idea of a network and return the exit code."""
    arguments = _parser().parse_args(argv)
    _check(arguments)
    subject = find_subject(arguments.model)
    from cnncompare.explain.explanation import explain

    explanation = explain(subject, arguments.image_size)
    _write(arguments, explanation)
    _print(arguments, explanation)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        "explain",
        description="Explain a network: its idea, its layers with parameters, MACs and receptive "
        "fields, a drawing, and its changes for small images.",
    )
    parser.add_argument("model", metavar="MODEL", help="any name that models lists, as in resnet18")
    parser.add_argument(
        "--image-size",
        type=int,
        metavar="PIXELS",
        help="explain the form for such images (default: as published)",
    )
    parser.add_argument("--layers", action="store_true", help="print each layer of a deep network")
    parser.add_argument("--json", action="store_true", help="print only a JSON object")
    parser.add_argument("--html", metavar="FILE", help="write a page that works offline")
    parser.add_argument("--svg", metavar="FILE", help="write the drawing")
    return parser


def _check(arguments: argparse.Namespace) -> None:
    """Raise ConfigError or OutputError for invalid options, before anything is computed."""
    size = arguments.image_size
    if size is not None and not MIN_IMAGE_SIZE <= size <= MAX_IMAGE_SIZE:
        raise ConfigError(
            f"explain: --image-size {size} must be from {MIN_IMAGE_SIZE} to {MAX_IMAGE_SIZE} pixels"
        )
    for option, endings in (("html", (".html", ".htm")), ("svg", (".svg",))):
        name = getattr(arguments, option)
        if name is None:
            continue
        path = Path(name).expanduser()
        if path.suffix.lower() not in endings:
            raise ConfigError(f"explain: --{option} {name} must end in {endings[0]}")
        if path.is_dir():
            raise OutputError(f"explain: --{option} {name} is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise OutputError(f"explain: --{option} {name}: there is no folder {path.parent}")


def _write(arguments: argparse.Namespace, explanation: "Explanation") -> None:
    if arguments.svg is None and arguments.html is None:
        return
    from cnncompare.explain.drawing.draw import draw_network
    from cnncompare.explain.page import render_explanation

    drawing = draw_network(explanation)
    texts = {arguments.svg: drawing}
    if arguments.html is not None:
        texts[arguments.html] = render_explanation(explanation, drawing)
    for name, text in texts.items():
        if name is None:
            continue
        try:
            Path(name).expanduser().write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{name} cannot be written ({error.strerror or error})") from None


def _print(arguments: argparse.Namespace, explanation: "Explanation") -> None:
    from cnncompare.explain.console import print_explanation
    from cnncompare.explain.explanation import as_json
    from cnncompare.system import strict_json

    if arguments.json:
        print(strict_json.dumps(as_json(explanation), indent=1))
        return
    from rich.console import Console

    print_explanation(explanation, Console(highlight=False), arguments.layers)
    for name in (arguments.html, arguments.svg):
        if name is not None:
            print(f"written: {Path(name).expanduser().absolute()}")
