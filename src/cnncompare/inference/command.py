"""The command `python -m cnncompare predict RUN_OR_STUDY IMAGE...`; imports no torch itself."""

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncompare.errors import ConfigError, OutputError
from cnncompare.inference.answers import Answer, answers_csv
from cnncompare.inference.choose_runs import choose_runs
from cnncompare.inference.find_images import find_images
from cnncompare.inference.map_files import FOLDER, MapFolder, check_cam_package
from cnncompare.inference.map_sheet import write_map_sheet
from cnncompare.inference.saved_settings import saved_settings
from cnncompare.inference.sheet import SUFFIXES, write_sheet
from cnncompare.runs.run import Run
from cnncompare.runs.storage import write_atomically
from cnncompare.system.argument_parser import CommandParser
from cnncompare.system.openmp import limit_spinning

if TYPE_CHECKING:
    from torch import Tensor

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
    with ExitStack() as stack:
        maps = None
        if parsed.cam:
            maps = stack.enter_context(MapFolder(_map_folder(parsed), files, runs))
        answers = _predict(runs, files, parsed.top, maps)
        if maps is not None:
            maps.finish()
        _write(parsed, answers, maps)
    _print(parsed, runs, answers, maps)
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
    parser.add_argument(
        "--cam",
        action="store_true",
        help="write class activation maps: the pixels that speak for the predicted class",
    )
    parser.add_argument(
        "--cam-out", metavar="DIR", help=f"folder of the maps (default: RUN_OR_STUDY/{FOLDER})"
    )
    return parser


def _check(parsed: argparse.Namespace) -> None:
    if parsed.top < 1:
        raise ConfigError(f"predict: --top {parsed.top} must be 1 or more")
    if parsed.sheet and not parsed.sheet.lower().endswith(SUFFIXES):
        raise ConfigError(f"predict: --sheet {parsed.sheet} must end in .png or .html")
    parsed.cam = parsed.cam or parsed.cam_out is not None
    if parsed.cam:
        check_cam_package("predict")
    for option in ("csv", "sheet"):
        name = getattr(parsed, option)
        if name is None:
            continue
        path = Path(name).expanduser()
        if path.is_dir():
            raise OutputError(f"predict: --{option} {name} is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise OutputError(f"predict: --{option} {name}: there is no folder {path.parent}")


def _map_folder(parsed: argparse.Namespace) -> Path:
    if parsed.cam_out is None:
        return Path(parsed.folder).expanduser() / FOLDER
    return Path(parsed.cam_out).expanduser()


def _predict(
    runs: Sequence[Run], files: Sequence[str], top: int, maps: MapFolder | None
) -> list[tuple[Answer, ...]]:
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
            note_map = None
            if maps is not None:
                maps.layers[run.record.label] = predictor.map_layer.description
                note_map = partial(_write_map, maps, run.record.id)
            answers = predictor.predict(
                files, top, lambda n: progress.advance(task, n), note_map=note_map
            )
            columns.append(list(answers))
    return list(zip(*columns, strict=True))


def _write_map(maps: MapFolder, run: str, file: str, pixels: "Tensor", heat: "Tensor") -> None:
    maps.write((file, run), pixels.permute(1, 2, 0).numpy(), heat.numpy())


def _write(
    parsed: argparse.Namespace, answers: Sequence[tuple[Answer, ...]], maps: MapFolder | None
) -> None:
    name = None
    try:
        if name := parsed.csv:
            text = answers_csv(chain.from_iterable(answers))
            write_atomically(Path(name).expanduser(), text.encode())
        if name := parsed.sheet:
            path = Path(name).expanduser()
            n = write_map_sheet(path, answers, maps.written) if maps else write_sheet(path, answers)
            if n < len(answers):
                print(f"cnncompare: {name} shows the first {n} images", file=sys.stderr)
    except OSError as error:
        raise OutputError(f"{name} cannot be written ({error.strerror or error})") from None


def _print(
    parsed: argparse.Namespace,
    runs: Sequence[Run],
    answers: Sequence[tuple[Answer, ...]],
    maps: MapFolder | None,
) -> None:
    if parsed.json:
        from cnncompare.system import strict_json

        print(strict_json.dumps(_objects(answers, maps), indent=1))
        return
    from cnncompare.inference.console import print_answers

    print_answers(runs, answers)
    for name in (parsed.csv, parsed.sheet):
        if name is not None:
            print(f"written: {Path(name).expanduser().absolute()}")
    if maps is not None:
        layers = "; ".join(f"{label}: {layer}" for label, layer in maps.layers.items())
        print(f"written: {maps.folder.absolute()}: {len(maps.written)} maps, layers {layers}")


def _objects(answers: Sequence[tuple[Answer, ...]], maps: MapFolder | None) -> list[dict[str, Any]]:
    """Return the objects of ``--json``; those of images with a map have its file as `cam`."""
    written = {} if maps is None else maps.written
    return [
        answer.as_dict() | ({"cam": str(written[answer.key])} if answer.key in written else {})
        for answer in chain.from_iterable(answers)
    ]
