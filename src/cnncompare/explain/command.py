"""The command `cnncompare explain MODEL`; imports torch only after the arguments are checked."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncompare.errors import ConfigError, DataError, OutputError
from cnncompare.explain.choose_run import choose_run
from cnncompare.explain.subject import Subject, find_subject
from cnncompare.system.argument_parser import CommandParser
from cnncompare.system.openmp import limit_spinning

if TYPE_CHECKING:
    from cnncompare.explain.explanation import Explanation
    from cnncompare.explain.trained import TrainedNetwork

MIN_IMAGE_SIZE = 8  # pixels, as in runs
MAX_IMAGE_SIZE = 4096


def main(argv: list[str]) -> int:
    """Print layers, drawing and idea of a network and return the exit code."""
    arguments = _parser().parse_args(argv)
    _check(arguments)
    subject = find_subject(arguments.model)
    explanation, trained = _explain(arguments, subject)
    _write(arguments, explanation, trained)
    _print(arguments, explanation, trained)
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
    parser.add_argument(
        "--of", metavar="RUN", help="folder of a finished run, whose filters are examined"
    )
    parser.add_argument(
        "--image",
        metavar="FILE",
        help="image for the feature maps (default: of the validation split)",
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
    if arguments.image is not None and arguments.of is None:
        raise ConfigError("explain: --image shows feature maps of a run; add --of RUN")
    if arguments.image is not None and not Path(arguments.image).expanduser().is_file():
        raise DataError(f"explain: --image {arguments.image}: there is no such file")
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


def _explain(
    arguments: argparse.Namespace, subject: Subject
) -> "tuple[Explanation, TrainedNetwork | None]":
    if arguments.of is None:
        from cnncompare.explain.explanation import explain

        return explain(subject, arguments.image_size), None
    run = choose_run(Path(arguments.of).expanduser(), subject, arguments.image_size)
    limit_spinning()
    from cnncompare.explain.trained import read_trained

    image = None if arguments.image is None else str(Path(arguments.image).expanduser())
    trained = read_trained(subject, run, image)
    return trained.explanation, trained


def _write(
    arguments: argparse.Namespace, explanation: "Explanation", trained: "TrainedNetwork | None"
) -> None:
    if arguments.svg is None and arguments.html is None:
        return
    from cnncompare.explain.drawing.draw import draw_network
    from cnncompare.explain.page import render_explanation

    drawing = draw_network(explanation)
    texts = {arguments.svg: drawing}
    if arguments.html is not None:
        texts[arguments.html] = render_explanation(explanation, drawing, trained)
    for name, text in texts.items():
        if name is None:
            continue
        try:
            Path(name).expanduser().write_text(text, encoding="utf-8")
        except OSError as error:
            raise OutputError(f"{name} cannot be written ({error.strerror or error})") from None


def _print(
    arguments: argparse.Namespace, explanation: "Explanation", trained: "TrainedNetwork | None"
) -> None:
    from cnncompare.explain.console import print_explanation, print_trained
    from cnncompare.explain.explanation import as_json
    from cnncompare.system import strict_json
    from cnncompare.terminal.console import make_console

    if arguments.json:
        print(strict_json.dumps(as_json(explanation) | _trained_json(trained), indent=1))
        return
    console = make_console()
    print_explanation(explanation, console, arguments.layers)
    if trained is not None:
        print_trained(trained, console)
    for name in (arguments.html, arguments.svg):
        if name is not None:
            print(f"written: {Path(name).expanduser().absolute()}")


def _trained_json(trained: "TrainedNetwork | None") -> dict[str, Any]:
    if trained is None:
        return {}
    from cnncompare.explain.trained import trained_json

    return trained_json(trained)
