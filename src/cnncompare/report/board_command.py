"""The command `cnncompare tensorboard DIR ...`, which starts TensorBoard with short names of runs.

TensorBoard names a run after its folder. The event files stay in the runs' folders; a temporary
folder has a link with the short name for each of them.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cnncompare.errors import ConfigError, Interrupted, OutputError, UserError
from cnncompare.report.board_names import board_names, experiment_names
from cnncompare.runs.run import COMPARISON_EVENTS, Run, find_runs, read_existing
from cnncompare.system.argument_parser import CommandParser
from cnncompare.system.signals import RaiseInterrupted, die_with_parent

UPDATE_S = 5.0  # interval in which new runs are looked for
_COMPARISON = "comparison"  # name of the event file that a report writes


def main(argv: list[str]) -> int:
    """Run TensorBoard until it ends; return its exit code.

    Raises UserError for a folder without runs.
    """
    own = argv[: argv.index("--")] if "--" in argv else argv
    arguments = _parser().parse_args(own)
    if not 0 <= arguments.port <= 65535:
        raise ConfigError(f"--port {arguments.port}: a port is a number from 0 to 65535")
    roots = [folder.absolute() for folder in arguments.folders]
    with tempfile.TemporaryDirectory(prefix="cnncompare-") as name:
        links = Path(name)
        update_links(links, roots)
        options = [f"--logdir={links}", f"--port={arguments.port}", f"--host={arguments.host}"]
        return _serve([*options, *argv[len(own) + 1 :]], links, roots)


def _parser() -> argparse.ArgumentParser:
    parser = CommandParser(
        "tensorboard",
        description="Start TensorBoard on the runs below the folders, with short names such as "
        "resnet20/s0, and add runs that begin later. Options after -- are TensorBoard's own.",
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="DIR", help="folder of runs, such as outputs/study"
    )
    parser.add_argument("--port", type=int, default=6006, metavar="N", help="default: 6006")
    parser.add_argument(
        "--host", default="localhost", help="address to listen on; default: localhost"
    )
    return parser


def update_links(links: Path, roots: Sequence[Path]) -> None:
    """Let the folder contain a link for each run below the roots, and for each comparison.

    Raises UserError without any run.
    """
    for root in roots:
        if not root.is_dir():
            raise UserError(f"{root} is not a folder; choose one with runs, such as outputs")
    runs = [run for folder in find_runs(list(roots)) if (run := read_existing(folder))]
    if not runs:
        names = ", ".join(map(str, roots))
        raise UserError(f"no runs below {names}; the folder of a run contains run.json")
    wanted = {links / name: folder for folder, name in board_names(runs, roots).items()}
    wanted |= _comparisons(links, runs, roots)
    _remove_others(links, wanted)
    for link, target in wanted.items():
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            _link(link, target)


def _comparisons(links: Path, runs: Sequence[Run], roots: Sequence[Path]) -> dict[Path, Path]:
    """Return the links to the event files that reports have written, with their targets."""
    folders = list(dict.fromkeys([*roots, *(run.folder.parent for run in runs)]))
    files = {
        folder: sorted(folder.glob(f"events.out.tfevents.*{COMPARISON_EVENTS}"))
        for folder in folders
    }
    with_files = [folder for folder in folders if files[folder]]
    names = experiment_names(with_files, roots)
    return {
        links / names[folder] / _COMPARISON / file.name: file
        for folder in with_files
        for file in files[folder]
    }


def _remove_others(links: Path, wanted: dict[Path, Path]) -> None:
    """Remove the links of runs that have gone or have another name now."""
    for folder, _, _ in os.walk(links, topdown=False):
        for link in Path(folder).iterdir():
            if link.is_symlink() and wanted.get(link) != Path(os.readlink(link)):
                link.unlink()


def _link(link: Path, target: Path) -> None:
    try:
        link.symlink_to(target, target_is_directory=target.is_dir())
    except OSError as error:  # as on Windows without the right to create links
        raise OutputError(
            f"cannot create a link in {link.parent}: {error.strerror}; "
            f"tensorboard --logdir {target.parent} shows the runs with their long names"
        ) from None


def _serve(options: Sequence[str], links: Path, roots: Sequence[Path]) -> int:
    command = [sys.executable, "-m", "tensorboard.main", *options]
    at_start = None if sys.platform == "win32" else die_with_parent
    process = None
    try:
        with RaiseInterrupted():
            process = subprocess.Popen(command, preexec_fn=at_start)
            return _wait(process, links, roots)
    except Interrupted:  # the usual end of a server
        return 0
    finally:
        if process is not None and process.poll() is None:
            process.terminate()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", links: Path, roots: Sequence[Path]) -> int:
    """Return the exit code; until the process ends, add links for new runs."""
    while True:
        try:
            return process.wait(timeout=UPDATE_S)
        except subprocess.TimeoutExpired:
            with suppress(UserError):  # the runs may be moved at this moment
                update_links(links, roots)
