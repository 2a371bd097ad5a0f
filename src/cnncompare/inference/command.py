"""The command `python -m cnncompare predict RUN_OR_STUDY IMAGE...`; imports no torch itself."""

import argparse
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from cnncompare.errors import ConfigError, OutputError
from cnncompare.inference.answers import Answer, answers_csv
from cnncompare.inference.choose_runs import choose_runs
from cnncompare.inference.find_images import find_images
from cnncompare.inference.saved_settings import saved_settings
from cnncompare.inference.sheet import SUFFIXES, write_sheet
from cnncompare.runs.run import Run
from cnncompare.runs.storage import write_atomically
from cnncompare.system.argument_parser import CommandParser
from cnncompare.system.openmp import limit_spinning

TOP = 3


def main(arguments: list[str]) -> int:
    """Print the predictions; return 1 if an image could not be read, else 0.

    Raises UserError, before torch is imported, for a folder without a finished run, runs with
    different classes, arguments that name no image, and files that cannot be written.
    """
    parsed = _parser().parse_intermixed_args(arguments)
    _check(parsed)
    runs = choose_runs(Path(parsed.folder).expanduser())
    for run in runs:
        saved_settings(run)
    files = find_images(parsed.images)
    answers = _predict(runs, files, parsed.top)
    _write(parsed, answers)
    _print(parsed, runs, answers)
    errors = [of_image[0].error for of_image in answers if of_image[0].error is not None]
    for error in errors:
        print(f"cnncompare: {error}", file=sys.stderr)
    return 1 if errors else 0


def _parser() -> CommandParser:
    parser = CommandParser(
        "predict",
        description="Classify images with a finished run, or with the best run of each network "
        "of a study by validation accuracy. Images are preprocessed as the run's test images.",
    )
    parser.add_argument("folder", metavar="RUN_OR_STUDY", help="folder of a run or a study")
    parser.add_argument("images", nargs="+", metavar="IMAGE", help="file, folder or 'photos/*.jpg'")
    parser.add_argument(
        "--top", type=int, default=TOP, metavar="K", help=f"classes per image (default: {TOP})"
    )
    parser.add_argument("--json", action="store_true", help="print only a JSON list")
    parser.add_argument("--csv", metavar="FILE", help="write a table: a row per image, run, class")
    parser.add_argument(
        "--sheet", metavar="FILE", help="write a contact sheet with predictions: .png or .html"
    )
    return parser


def _check(parsed: argparse.Namespace) -> None:
    if parsed.top < 1:
        raise ConfigError(f"predict: --top {parsed.top} must be 1 or more")
    if parsed.sheet and not parsed.sheet.lower().endswith(SUFFIXES):
        raise ConfigError(f"predict: --sheet {parsed.sheet} must end in .png or .html")
    for option in ("csv", "sheet"):
        name = getattr(parsed, option)
        if name is None:
            continue
        path = Path(name).expanduser()
        if path.is_dir():
            raise OutputError(f"predict: --{option} {name} is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise OutputError(f"predict: --{option} {name}: there is no folder {path.parent}")


def _predict(runs: Sequence[Run], files: Sequence[str], top: int) -> list[tuple[Answer, ...]]:
    """Return the answers of all runs for each image, showing progress on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    limit_spinning()
    from cnncompare.inference.predictor import Predictor

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("predict", total=len(runs) * len(files))
        columns = []
        for run in runs:
            progress.update(task, description=run.record.label)
            predictor = Predictor(run)
            columns.append(list(predictor.predict(files, top, lambda n: progress.advance(task, n))))
    return list(zip(*columns, strict=True))


def _write(parsed: argparse.Namespace, answers: Sequence[tuple[Answer, ...]]) -> None:
    name = None
    try:
        if name := parsed.csv:
            text = answers_csv(chain.from_iterable(answers))
            write_atomically(Path(name).expanduser(), text.encode())
        if name := parsed.sheet:
            n = write_sheet(Path(name).expanduser(), answers)
            if n < len(answers):
                print(f"cnncompare: {name} shows the first {n} images", file=sys.stderr)
    except OSError as error:
        raise OutputError(f"{name} cannot be written ({error.strerror or error})") from None


def _print(
    parsed: argparse.Namespace, runs: Sequence[Run], answers: Sequence[tuple[Answer, ...]]
) -> None:
    if parsed.json:
        from cnncompare.system import strict_json

        objects = [answer.as_dict() for of_image in answers for answer in of_image]
        print(strict_json.dumps(objects, indent=1))
        return
    from cnncompare.inference.console import print_answers

    print_answers(runs, answers)
    for name in (parsed.csv, parsed.sheet):
        if name is not None:
            print(f"written: {Path(name).expanduser().absolute()}")
