"""The command `python -m cnncompare export RUN --to FORMAT`; imports no torch itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnncompare.errors import DataError, OutputError
from cnncompare.export.formats import FORMATS, check_packages, default_file, find_format
from cnncompare.export.provenance import Provenance
from cnncompare.inference.choose_runs import read_runs
from cnncompare.inference.saved_settings import check_finished, saved_settings
from cnncompare.runs.lifecycle import is_finished
from cnncompare.runs.run import Run
from cnncompare.system.argument_parser import CommandParser
from cnncompare.system.openmp import limit_spinning

if TYPE_CHECKING:
    from cnncompare.export.verification import Verification


def main(arguments: list[str]) -> int:
    """Write the network of a run and its model card, and return 0.

    Raises UserError, before torch is imported, for an unknown format, a missing package, a folder
    without exactly one run, a run that is not finished, and files that exist or cannot be written;
    RunError if the verification fails.
    """
    parsed = _parser().parse_args(arguments)
    find_format(parsed.to)
    run = _only_run(Path(parsed.folder).expanduser())
    check_finished(run)
    origin = Provenance(run, saved_settings(run))
    check_packages(parsed.to)
    file = Path(parsed.out).expanduser() if parsed.out else default_file(run, parsed.to)
    card = file.with_name(f"{file.name}.md")
    _check_output(file, card, parsed.force)
    verified = _export(origin, parsed.to, file, card)
    _print(origin, parsed.to, file, card, verified, as_json=parsed.json)
    return 0


def _parser() -> CommandParser:
    parser = CommandParser(
        "export",
        description="Write the network of a finished run for use elsewhere, with a model card. "
        "The file is verified on all test images before it gets its name.",
    )
    parser.add_argument("folder", metavar="RUN", help="folder of a run")
    parser.add_argument("--to", required=True, metavar="FORMAT", help=", ".join(FORMATS))
    parser.add_argument("--out", metavar="FILE", help="default: the network's name, in RUN")
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    parser.add_argument("--json", action="store_true", help="print only a JSON object")
    return parser


def _only_run(folder: Path) -> Run:
    """Return the run at or below a folder; raises DataError unless there is exactly one."""
    runs = read_runs(folder)
    if len(runs) == 1:
        return runs[0]
    finished = [run for run in runs if is_finished(run)]
    if not finished:
        raise DataError(f"none of the {len(runs)} runs in {folder} is finished; run them again")
    best = max(finished, key=lambda run: (run.record.best.val_acc1 or 0.0, run.record.id))
    raise DataError(
        f"{folder} contains {len(runs)} runs; give the folder of one, such as {best.folder}, the "
        "best by validation accuracy"
    )


def _check_output(file: Path, card: Path, force: bool) -> None:
    if file.is_dir():
        raise OutputError(f"export: --out {file} is a folder; give the name of a file")
    if not file.parent.is_dir():
        raise OutputError(f"export: --out {file}: there is no folder {file.parent}")
    for path in (file, card):
        if path.exists() and not force and not (path is card and _is_leftover(card, file)):
            raise OutputError(f"{path} exists; add --force to replace it, or name another --out")


def _is_leftover(card: Path, file: Path) -> bool:
    """Return whether an export of the file was killed after it had written the card."""
    if file.exists():
        return False
    return f"\n`{file.name}` contains " in card.read_text(encoding="utf-8", errors="replace")


def _export(origin: Provenance, format_name: str, file: Path, card: Path) -> "Verification":
    """Return the result of the verification, showing its progress on a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    limit_spinning()
    from cnncompare.export.export import export_network

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("verify", total=origin.settings.images.n_test)
        return export_network(origin, format_name, file, card, lambda n: progress.advance(task, n))


def _print(
    origin: Provenance,
    format_name: str,
    file: Path,
    card: Path,
    verified: "Verification",
    *,
    as_json: bool,
) -> None:
    if as_json:
        from cnncompare.system import strict_json

        print(strict_json.dumps(_summary(origin, format_name, file, card, verified), indent=1))
        return
    from cnncompare.export.card import verification_sentence

    print(verification_sentence(verified))
    print(f"written: {file.absolute()}")
    print(f"model card: {card.absolute()}")


def _summary(
    origin: Provenance, format_name: str, file: Path, card: Path, verified: "Verification"
) -> dict[str, Any]:
    return {
        "run": origin.run.record.id,
        "model": origin.run.record.label,
        "format": format_name,
        "file": str(file),
        "card": str(card),
        "bytes": file.stat().st_size,
        "n": verified.n,
        "same_top1": verified.same_top1,
        "ties": verified.ties,
        "same_as_record": verified.same_as_record,
        "max_logit_difference": verified.max_logit_difference,
    }
