"""The command `python -m cnncompare report DIR ...`, which compares runs and writes a report."""

import argparse
import json
import os
import shlex
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncompare.errors import ConfigError, OutputError, UserError
from cnncompare.language.catalogue import LANGUAGES, in_language, language, marked, tr
from cnncompare.system.argument_parser import CommandParser

if TYPE_CHECKING:
    from cnncompare.comparison.compare import Comparison, Options
    from cnncompare.comparison.load import LoadedRuns, Result
    from cnncompare.comparison.looks import Look


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "report",
        description="Compare the runs below the folders: significant differences, their size, and "
        "costs. Prints a table and writes report.html, .md, .tex, .csv and figures/.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="folder of runs")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="output folder; default: the first DIR"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, write nothing")
    parser.add_argument(
        "--cam",
        action="store_true",
        help="add class activation maps of the test images on which networks disagree",
    )
    parser.add_argument(
        "--target",
        type=float,
        metavar="ACC",
        help="add the time to this validation top-1, for example 0.9",
    )
    parser.add_argument("--baseline", metavar="MODEL", help="compare every row with this one only")
    parser.add_argument(
        "--group-by",
        metavar="KEY",
        help="compare the values of a configuration key, such as optimizer.lr, all else equal",
    )
    parser.add_argument(
        "--metric",
        default="acc1",
        metavar="NAME",
        help="rank by acc1 (default), balanced (accuracy), f1 (macro), top5, nll or ece",
    )
    parser.add_argument(
        "--columns",
        metavar="KEYS",
        help="columns of report.tex, such as model,params,acc1,epoch_s",
    )
    parser.add_argument(
        "--margin",
        type=float,
        metavar="POINTS",
        help="difference without practical relevance, such as 0.5 percentage points: pairs within "
        "it are practically the same",
    )
    parser.add_argument(
        "--planned-seeds",
        type=int,
        metavar="N",
        help="N seeds of each network were planned from the start: once they are there, earlier "
        "reports do not count as looks",
    )
    parser.add_argument(
        "--language",
        choices=LANGUAGES,
        default="en",
        help="of the console and of report.html, .md and figures: en (default) or ko (Korean)",
    )
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="select runs, for example model.stem=cifar or model.name!=vgg16; repeatable",
    )
    return parser


def main(argv: list[str]) -> int:
    """Run the command and return its exit code.

    Raises UserError for a wrong option, a folder without runs, or an output folder that is not
    writable.
    """
    arguments = _parser().parse_args(argv)
    options = _options(arguments)
    if arguments.planned_seeds is not None and arguments.planned_seeds < 1:
        raise ConfigError(f"--planned-seeds {arguments.planned_seeds}: at least 1 seed, such as 5")
    if arguments.cam:
        _check_class_maps(arguments)
    comparison, results = _compare(arguments, options)
    columns = _columns(arguments.columns, comparison)
    if arguments.json:  # in English, since programs read it
        from cnncompare.report.json import comparison_json

        sys.stdout.write(comparison_json(comparison) + "\n")
    else:
        out = arguments.out or arguments.folders[0]
        command = shlex.join(["cnncompare", "report", *argv])
        with in_language(arguments.language):
            _print_and_write(comparison, out, command, columns, class_maps=arguments.cam)
        from cnncompare.comparison.looks import record_look

        record_look(arguments.folders, results)
    return 0


def _looks(arguments: argparse.Namespace, results: "list[Result]") -> "tuple[Look, ...]":
    """Return the earlier looks that count.

    Raises ConfigError if a network has more seeds than were planned.
    """
    from cnncompare.comparison.looks import read_looks

    planned = arguments.planned_seeds
    if planned is None:
        return tuple(read_looks(arguments.folders))
    runs = {(result.run_settings.recipe_hash, result.seed) for result in results}
    most = max(Counter(recipe for recipe, _ in runs).values())
    if planned < most:
        raise ConfigError(
            f"--planned-seeds {planned}: a network has {most} seeds, more than were planned; "
            "leave it out to allow for the looks before seeds were added"
        )
    return ()


def comparison_of(folders: list[Path]) -> dict[str, Any]:
    """Return the object that ``report --json`` prints for the folders; raises UserError."""
    from cnncompare.report.json import comparison_json

    arguments = _parser().parse_args([str(folder) for folder in folders])
    comparison, _ = _compare(arguments, _options(arguments))
    content: dict[str, Any] = json.loads(comparison_json(comparison))
    return content


def _compare(
    arguments: argparse.Namespace, options: "Options"
) -> "tuple[Comparison, list[Result]]":
    results, skipped, trials = _read(arguments.folders, arguments.filter)

    from cnncompare.comparison.compare import compare_results

    looks = _looks(arguments, results)
    options = replace(options, looks=looks, planned_seeds=arguments.planned_seeds)
    comparison = compare_results(results, skipped, options, trials)
    if not comparison.tables:
        advice = "".join(f"; {line}" for line in _advice(results)[-1:])
        raise UserError(f"no run can be compared; {comparison.skipped[-1].reason}{advice}")
    return comparison, results


def _advice(results: "list[Result]") -> list[str]:
    """Return what can be changed so that networks that did not train do."""
    from cnncompare.comparison.untrained import FATAL_CHECKS

    health = [
        finding for result in results if result.training for finding in result.training.health
    ]
    return [finding.advice for finding in health if finding.check in FATAL_CHECKS]


def _check_class_maps(arguments: argparse.Namespace) -> None:
    from cnncompare.inference.map_files import check_cam_package

    if arguments.json:
        raise ConfigError("report: --cam adds to the written report; leave out --json")
    check_cam_package("report")


def _columns(text: str | None, comparison: "Comparison") -> tuple[str, ...]:
    """Return the keys of --columns; raises ConfigError for an unknown one."""
    from cnncompare.report.latex import check_columns

    if text is None:
        return ()
    columns = tuple(key.strip() for key in text.split(","))
    check_columns(comparison, columns)
    return columns


def _print_and_write(
    comparison: "Comparison",
    out: Path,
    command: str,
    columns: tuple[str, ...],
    *,
    class_maps: bool,
) -> None:
    from cnncompare.report.console import print_comparison
    from cnncompare.report.write import write_report

    print_comparison(comparison)
    try:
        page = write_report(comparison, out, command, columns, class_maps=class_maps)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror}; choose --out DIR") from None
    print("\n" + tr("report: {path}", path=os.path.abspath(page)))
    _check_fonts()
    _print_next_steps(comparison)


def _check_fonts() -> None:
    """State that the figures' files lack the letters of the language, if they do."""
    from cnncompare.plotting.render import has_hangul

    if language() == "ko" and not has_hangul():
        message = marked(
            "no installed font has Hangul, so figures/*.png and *.pdf show boxes; install one, "
            "such as fonts-nanum or Noto Sans KR, and write the report again"
        )
        print(f"cnncompare: {tr(message)}", file=sys.stderr)


def _print_next_steps(comparison: "Comparison") -> None:
    """Print what can be done with the best network, on lines that are not wrapped."""
    from cnncompare.report.next_steps import next_steps

    for table in comparison.tables[:1]:
        print("\n" + tr("next steps with the first network:"))
        for _, command in next_steps(table):
            print(f"  {command}")


def _options(arguments: argparse.Namespace) -> "Options":
    from cnncompare.comparison.compare import Options
    from cnncompare.comparison.metrics import metric_named

    target = arguments.target
    if target is not None and not 0 < target <= 1:
        hint = f"; did you mean {target / 100:g}?" if 1 < target <= 100 else ""
        raise ConfigError(f"--target {target:g}: an accuracy must be in (0, 1]{hint}")
    metric = metric_named(arguments.metric)
    margin = _margin(arguments.margin, percent=metric.percent)
    return Options(metric, target, arguments.baseline, arguments.group_by, margin)


def _margin(margin: float | None, *, percent: bool) -> float | None:
    """Return the margin in units of the metric; raises ConfigError if it makes no sense."""
    if margin is None:
        return None
    most = 100 if percent else float("inf")
    if not 0 < margin < most:
        limit = " and below 100 percentage points" if percent else ""
        raise ConfigError(f"--margin {margin:g}: a margin must be positive{limit}, such as 0.5")
    return margin / 100 if percent else margin


def _read(folders: list[Path], filters: list[str]) -> "LoadedRuns":
    from cnncompare.comparison.filters import apply_filters
    from cnncompare.comparison.load import load_runs

    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is not a folder; choose one with runs, such as outputs")
    loaded = load_runs(folders)
    results, skipped = loaded.results, loaded.skipped
    names = ", ".join(map(str, folders))
    if not results and not skipped:
        raise UserError(f"no runs below {names}; the folder of a run contains run.json")
    if not results:
        first = skipped[0]
        raise UserError(
            f"none of the {len(skipped)} runs below {names} can be compared; "
            f"{Path(first.path).name}: {first.reason}"
        )
    return loaded._replace(results=apply_filters(results, filters))
