"""The command `python -m cnncompare robustness STUDY`; imports no torch itself."""

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cnncompare.errors import ConfigError, DataError, OutputError, UserError
from cnncompare.system.argument_parser import CommandParser
from cnncompare.system.openmp import limit_spinning
from cnncompare.system.signals import ExitAtOnce, RaiseInterrupted

if TYPE_CHECKING:
    from cnncompare.comparison.load import Skipped
    from cnncompare.robustness.plan import Evaluation
    from cnncompare.robustness.results import RobustnessResults

LONG_S = 60.0  # an evaluation of which the duration is announced


def main(arguments: list[str]) -> int:
    """Print the table; return 1 if a finished run could not be evaluated, else 0.

    Raises UserError, before torch is imported, for wrong options, a folder without a finished run,
    and files that are missing or changed; Interrupted for a signal: finished cells are kept.
    """
    parsed = _parser().parse_args(arguments)
    with ExitAtOnce():
        margin = _check(parsed)
        results = _read(parsed)
    for suite in results.suites:
        if suite.released is not None and suite.released.note:
            print(f"cnncompare: note: {suite.released.note}", file=sys.stderr)
        _evaluate(results.evaluations(suite))
    results.compare(margin)
    _print(parsed, results)
    for skip in results.broken:
        print(f"cnncompare: {skip.reason}", file=sys.stderr)
    return 1 if results.broken else 0


def _parser() -> CommandParser:
    parser = CommandParser(
        "robustness",
        description="Evaluate the best checkpoint of every finished run on corrupted test images: "
        "eight corruptions in five severities. Prints accuracy on clean and corrupted images and "
        "the drop, with intervals and tests of all pairs. Finished cells are kept beside the runs "
        "and not computed again.",
    )
    parser.add_argument("folder", metavar="STUDY", help="folder of a run or a study")
    parser.add_argument("--corruptions", metavar="NAMES", help="such as gaussian_noise,pixelate")
    parser.add_argument("--severities", metavar="NUMBERS", help="such as 1,3,5 (default: 1 to 5)")
    parser.add_argument("--limit", type=int, metavar="N", help="N evenly spaced test images only")
    parser.add_argument(
        "--cifar10-c", metavar="DIR", help="use the published CIFAR-10-C instead: its .npy files"
    )
    parser.add_argument("--cifar10-1", metavar="DIR", help="use the published CIFAR-10.1 instead")
    parser.add_argument(
        "--margin",
        type=float,
        metavar="POINTS",
        help="difference without practical relevance, such as 0.5 percentage points",
    )
    parser.add_argument("--json", action="store_true", help="print only a JSON object")
    parser.add_argument(
        "--csv", metavar="FILE", help="write a table: a row per run, corruption and severity"
    )
    return parser


def _check(parsed: argparse.Namespace) -> float | None:
    """Return the margin as a share; raises ConfigError and OutputError."""
    from cnncompare.robustness.plan import check_limit

    check_limit(parsed.limit)
    if parsed.csv is not None:
        path = Path(parsed.csv).expanduser()
        if path.is_dir():
            raise OutputError(f"robustness: --csv {parsed.csv} is a folder; name a file")
        if not path.parent.is_dir():
            raise OutputError(f"robustness: --csv {parsed.csv}: there is no folder {path.parent}")
    if parsed.margin is None:
        return None
    if not 0 < parsed.margin < 100:
        raise ConfigError(
            f"robustness: --margin {parsed.margin:g}: a margin must be positive and below 100 "
            "percentage points, such as 0.5"
        )
    return float(parsed.margin) / 100


def _read(parsed: argparse.Namespace) -> "RobustnessResults":
    """Return the runs and the sets; raises UserError without a run that can be evaluated."""
    from cnncompare.comparison.load import load_runs
    from cnncompare.robustness.plan import plan_runs
    from cnncompare.robustness.results import RobustnessResults
    from cnncompare.robustness.suites import choose_suites

    folder = Path(parsed.folder).expanduser()
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder; give that of a run or study, as in outputs")
    suites = choose_suites(
        parsed.corruptions, parsed.severities, parsed.cifar10_c, parsed.cifar10_1
    )
    loaded = load_runs([folder])
    planned, broken = plan_runs(loaded.results)
    if not planned:
        raise _nothing(folder, loaded.skipped, broken)
    results = RobustnessResults(planned, suites, parsed.limit, loaded.results, loaded.skipped)
    results.broken = broken
    for suite in suites:
        results.evaluations(suite)  # refuses other classes
    return results


def _nothing(folder: Path, skipped: "Sequence[Skipped]", broken: "Sequence[Skipped]") -> UserError:
    """Return the error of a folder without a run that can be evaluated."""
    if broken:
        return DataError(broken[0].reason)
    if not skipped:
        return DataError(f"there is no run in {folder}; the folder of a run contains run.json")
    first = skipped[0]
    return DataError(
        f"none of the runs in {folder} is finished and tested; "
        f"{Path(first.path).name}: {first.reason}"
    )


def _evaluate(evaluations: "Sequence[Evaluation]") -> None:
    """Evaluate the cells that are not finished, showing progress on a terminal."""
    total = sum(len(e.due) * len(e.empty.label) for e in evaluations)
    if not total:
        return
    from rich.console import Console
    from rich.progress import Progress

    limit_spinning()
    with ExitAtOnce():  # importing torch takes seconds
        from cnncompare.robustness.evaluate import evaluate_suite

    console = Console(stderr=True)
    with (
        RaiseInterrupted(),
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        task = progress.add_task("robustness", total=total)
        evaluate_suite(evaluations, lambda n: progress.advance(task, n), _announce(evaluations))


def _announce(evaluations: "Sequence[Evaluation]") -> Callable[[float], None]:
    """Return a function that states the duration, unless it is short."""
    from cnncompare.terminal.formatting import duration

    cells = sum(len(e.due) for e in evaluations)
    images = len(evaluations[0].empty.label)

    def note(seconds: float) -> None:
        if seconds > LONG_S:
            hint = "; --limit 1000 is faster" if images > 1000 else ""
            print(
                f"cnncompare: {cells} cells of {images:,} images: about "
                f"{duration(round(seconds))}{hint}",
                file=sys.stderr,
                flush=True,
            )

    return note


def _print(parsed: argparse.Namespace, results: "RobustnessResults") -> None:
    from cnncompare.robustness.tables import results_csv, results_json
    from cnncompare.runs.storage import write_atomically

    if parsed.csv is not None:
        try:
            write_atomically(Path(parsed.csv).expanduser(), results_csv(results).encode())
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{parsed.csv} cannot be written ({reason})") from None
    if parsed.json:
        print(results_json(results))
        return
    from cnncompare.robustness.console import print_results

    print_results(results)
    if parsed.csv is not None:
        print(f"written: {Path(parsed.csv).expanduser().absolute()}")
