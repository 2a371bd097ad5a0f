"""Every call of a command that changes files is broken once; the same command then mends it."""

import atexit
import ctypes
import errno
import faulthandler
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from tests.crash import shim

ACTIONS = {
    "kill": shim.KILL,
    "ENOSPC": errno.ENOSPC,
    "full disk": -errno.ENOSPC,
    "EIO": errno.EIO,
}
LIMIT_S = 300.0


@dataclass(frozen=True)
class Scenario:
    """A command whose calls below the folder `outputs` are broken.

    All functions get the folder of the trial: `prepare` fills it, `command` runs in a process of
    its own and returns the exit code, `problems` names what a strict reader refuses, `result` is
    what must be equal in the end, and `finished` names the work that must not be repeated. The
    command notes the work that it begins in the file `marks`, a name a line.
    """

    name: str
    prepare: Callable[[Path], None]
    command: Callable[[Path], int]
    problems: Callable[[Path], list[str]]
    result: Callable[[Path], Any]
    finished: Callable[[Path], set[str]] = lambda folder: set()
    watched: str = "outputs"


@dataclass
class Count:
    """What has been tried in a scenario."""

    points: int = 0
    missed: int = 0
    repeated: int = 0
    failures: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it wrote to standard error."""

    code: int  # -N: killed by signal N
    errors: str
    calls: tuple[str, ...]  # "NUMBER CALL PATH", as the shim reported them


def run(scenario: Scenario, folder: Path, number: int, action: int) -> Ended:
    """Run the command in a forked process, with a call broken, until it ends."""
    report = folder / "calls"
    report.unlink(missing_ok=True)

    def arm() -> None:
        shim.arm(folder / scenario.watched, number, action, report)

    code = wait(fork_command(scenario, folder, "", arm))
    calls = tuple(report.read_text().splitlines()) if report.exists() else ()
    return Ended(code, (folder / "errors").read_text(errors="replace"), calls)


def fork_command(
    scenario: Scenario, folder: Path, name: str, arm: Callable[[], None] = lambda: None
) -> int:
    """Start the command in a forked process and return its number.

    Its output is in the files `output` and `errors`, the name appended.
    """
    child = os.fork()
    if child == 0:
        _run_child(scenario, folder, name, arm)
    return child


def _run_child(scenario: Scenario, folder: Path, name: str, arm: Callable[[], None]) -> None:
    code = 99
    try:
        os.setsid()
        os.chdir(folder)
        sys.stdout.flush()
        for descriptor, stream in ((1, "output"), (2, "errors")):
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(folder / f"{stream}{name}", flags, 0o600), descriptor)
        faulthandler.dump_traceback_later(0.9 * LIMIT_S)
        arm()
        code = scenario.command(folder)
        atexit._run_exitfuncs()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(child: int, *, orphans: bool = True) -> int:
    """Return the exit code of a process, -N for signal N, once its orphans have ended too."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            if orphans:
                _kill_group(child)
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    _kill_group(child)
    return -signal.SIGALRM


def _kill_group(child: int) -> None:
    """Kill what the process left behind, but for the jobs of a sweep, which end by themselves."""
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def adopt_orphans() -> None:
    """Become the parent of processes whose parent is killed, to wait for their ends."""
    pr_set_child_subreaper = 36
    ctypes.CDLL(None).prctl(pr_set_child_subreaper, 1)


def fresh(scenario: Scenario, folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    scenario.prepare(folder)


def count_calls(scenario: Scenario, folder: Path) -> tuple[tuple[str, ...], Any]:
    """Return the calls of the command without a break, and its result."""
    fresh(scenario, folder)
    ended = run(scenario, folder, 0, shim.COUNT)
    assert ended.code == 0, ended
    assert not scenario.problems(folder), scenario.problems(folder)
    return ended.calls, scenario.result(folder)


def count_result(scenario: Scenario, folder: Path) -> Any:
    """Return the result of the command without a break."""
    fresh(scenario, folder)
    assert wait(fork_command(scenario, folder, "")) == 0, (folder / "errors").read_text()
    return scenario.result(folder)


def try_points(
    scenario: Scenario,
    folder: Path,
    actions: Sequence[str],
    numbers: Callable[[int], Sequence[int]] | None = None,
    tell: Callable[[str], None] = print,
) -> Iterator[tuple[str, Count]]:
    """Yield each action with what was counted, once all its points were tried."""
    calls, expected = count_calls(scenario, folder)
    chosen = numbers(len(calls)) if numbers else range(1, len(calls) + 1)
    for action in actions:
        count = Count()
        for number in chosen:
            before = len(count.failures)
            broken = partial(run, scenario, folder, number, ACTIONS[action])
            try_point(scenario, folder, broken, expected, count, killed=action == "kill")
            for failure in count.failures[before:]:
                tell(f"{scenario.name}, {action} at call {calls[number - 1]}: {failure}")
        yield action, count


def try_point(
    scenario: Scenario,
    folder: Path,
    break_it: Callable[[], Ended],
    expected: Any,
    count: Count,
    *,
    killed: bool,
) -> None:
    """Run the command with a break, then again without one, and count what is not as it should."""
    fresh(scenario, folder)
    broken = break_it()
    if not broken.calls:  # threads can share a file's writes differently
        count.missed += 1
    count.points += 1
    count.failures += [f"after the break: {text}" for text in _end_problems(broken, killed)]
    count.failures += [f"after the break: {text}" for text in scenario.problems(folder)]
    finished = scenario.finished(folder)
    marks = folder / "marks"
    marks.unlink(missing_ok=True)
    again = run(scenario, folder, 0, shim.COUNT)
    if again.code != 0:
        count.failures.append(f"the same command ended with {again.code}: {again.errors[-2000:]}")
        return
    count.failures += [f"at the end: {text}" for text in scenario.problems(folder)]
    if (found := scenario.result(folder)) != expected:
        count.failures.append(f"another result: {difference(expected, found)}")
    trained = marks.read_text().split() if marks.exists() else []
    repeated = finished.intersection(trained)
    if repeated:
        count.repeated += len(repeated)
        count.failures.append(f"finished and done again: {sorted(repeated)}")


def _end_problems(ended: Ended, killed: bool) -> list[str]:
    if killed:
        as_asked = ended.code == -signal.SIGKILL or not ended.calls
        return [] if as_asked else [f"the process ended with {ended.code}"]
    if ended.code not in (0, 1, 2):
        return [f"the process ended with {ended.code}: {ended.errors[-3000:]}"]
    lines = [line for line in ended.errors.splitlines() if line.startswith("cnncompare: ")]
    problems = []
    if "Traceback" in ended.errors or "Logging error" in ended.errors:
        problems.append(f"a traceback: {ended.errors[-3000:]}")
    if ended.code and len(lines) != 1:
        problems.append(f"exit code {ended.code} without one line: {ended.errors[-2000:]}")
    if ended.code and not says_what(ended.errors):
        problems.append(f"the line says neither what nor how much is free: {ended.errors[-2000:]}")
    return problems


def says_what(errors: str) -> bool:
    """Return whether the line names what cannot be written, and the reason or the free space."""
    reasons = "MB are free", "No space left on device", "Input/output error"
    named = "cannot be written" in errors or "cannot write" in errors or "cannot store" in errors
    return named and any(reason in errors for reason in reasons)


def difference(expected: Any, found: Any) -> str:
    """Return where two results differ."""
    if isinstance(expected, dict) and isinstance(found, dict):
        keys = [k for k in expected | found if expected.get(k) != found.get(k)]
        return ", ".join(f"{k}: {difference(expected.get(k), found.get(k))}" for k in keys[:4])
    return f"{str(expected)[:120]} and {str(found)[:120]}"
