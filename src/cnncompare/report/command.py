"""`python -m cnncompare report DIR ...`: read, compare, print, write."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cnncompare.errors import ConfigError, OutputError, UserError
from cnncompare.system.argument_parser import CommandParser

if TYPE_CHECKING:
    from cnncompare.comparison.compare import Options
    from cnncompare.comparison.load import Result, Skipped


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "report",
        description="Compare the runs below the folders: which networks really differ, by how "
        "much, at what cost. Prints a table and writes report.html, .md, .tex, .csv and figures/.",
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="DIR", help="where runs lie")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write here; default: the first DIR"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, write nothing")
    parser.add_argument(
        "--target", type=float, metavar="ACC", help="also the time to this validation top-1, 0.9"
    )
    parser.add_argument("--baseline", metavar="MODEL", help="compare each row with this one only")
    parser.add_argument(
        "--group-by",
        metavar="KEY",
        help="compare the values of a configuration key, optimizer.lr, all else equal",
    )
    parser.add_argument(
        "--metric", default="top1", metavar="NAME", help="rank by top1 (default), top5, nll or ece"
    )
    parser.add_argument(
        "--filter",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only runs where it holds, model.stem=cifar or model.name!=vgg16; may be repeated",
    )
    return parser


def main(argv: list[str]) -> int:
    """Run the command and return its exit code.

    Raises UserError for a wrong option, a folder without runs, or a place that cannot be written.
    """
    asked = _parser().parse_args(argv)
    options = _options(asked)
    results, skipped = _read(asked.folders, asked.filter)

    from cnncompare.comparison.compare import compare_results

    comparison = compare_results(results, skipped, options)
    if asked.json:
        from cnncompare.report.json import as_json

        sys.stdout.write(as_json(comparison) + "\n")
        return 0
    from cnncompare.report.console import print_comparison
    from cnncompare.report.write import write_report

    print_comparison(comparison)
    out = asked.out or asked.folders[0]
    try:
        page = write_report(comparison, out)
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror}; choose --out DIR") from None
    print(f"\nreport: {os.path.abspath(page)}")
    return 0


def _options(asked: argparse.Namespace) -> "Options":
    from cnncompare.comparison.compare import Options
    from cnncompare.comparison.metrics import metric_named

    if asked.target is not None and not 0 < asked.target <= 1:
        hint = f"; did you mean {asked.target / 100:g}?" if 1 < asked.target <= 100 else ""
        raise ConfigError(f"--target {asked.target:g}: an accuracy lies in (0, 1]{hint}")
    return Options(metric_named(asked.metric), asked.target, asked.baseline, asked.group_by)


def _read(folders: list[Path], filters: list[str]) -> "tuple[list[Result], list[Skipped]]":
    from cnncompare.comparison.filters import apply_filters
    from cnncompare.comparison.load import load_results

    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder; give one with runs below it, such as outputs")
    results, skipped = load_results(folders)
    where = ", ".join(map(str, folders))
    if not results and not skipped:
        raise UserError(f"no runs below {where}; a run's folder holds run.json")
    if not results:
        first = skipped[0]
        raise UserError(
            f"none of the {len(skipped)} runs below {where} can be compared; "
            f"{Path(first.path).name}: {first.reason}"
        )
    return apply_filters(results, filters), skipped
