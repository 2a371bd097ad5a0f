"""``python -m cnncompare.sweep.worker FILE``: run one job of a sweep in this process."""

import atexit
import json
import multiprocessing
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import CnncompareError, Interrupted, LockedError, first_line
from cnncompare.language.catalogue import use_language
from cnncompare.runs.lifecycle import fail_run
from cnncompare.runs.record import Failure
from cnncompare.runs.storage import write_atomically
from cnncompare.system.ranks import is_rank_zero
from cnncompare.system.signals import (
    STOP_SIGNALS,
    RaiseInterrupted,
    die_with_parent,
    unblock_stop_signals,
)
from cnncompare.terminal.streams import keep_writing

NO_MEMORY = "does not fit in memory"
EXIT_REPORT = "exit.json"  # next to the job file: exit code and message; missing after a crash
PROBE_RESULT = "probe.json"  # next to the job file: measurements of a probe
LOCKED = 75  # exit code: another process holds this run


def main() -> int:
    """Run the job file of the command line and return the exit code."""
    return run_job(Path(sys.argv[1]))


def run_forked(job_file: str, environment: dict[str, str]) -> None:
    """Run the job in a forked process as in a new one, and exit with its code."""
    os.setsid()  # Ctrl-C reaches only the sweep, which forwards it once
    os.environ.clear()
    os.environ.update(environment)
    code = run_job(Path(job_file))
    atexit._run_exitfuncs()  # multiprocessing skips them; loggers close their files in them
    sys.exit(code)


def run_job(job_file: Path) -> int:
    """Train or probe the configuration in the file, write EXIT_REPORT, return the exit code."""
    code, message = _execute_until_signal(job_file)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)  # the job has ended: a second signal may kill
    if is_rank_zero():
        report = json.dumps({"code": code, "message": message})
        with suppress(OSError):  # the sweep then looks at the record and the exit code
            write_atomically(job_file.with_name(EXIT_REPORT), report.encode())
    return code


def _execute_until_signal(job_file: Path) -> tuple[int, str]:
    try:
        with RaiseInterrupted():
            unblock_stop_signals()  # the forkserver blocks them
            return _execute(job_file)
    except Interrupted as stop:
        return stop.exit_code, str(stop)


def _execute(job_file: Path) -> tuple[int, str]:
    die_with_parent()
    sweep = multiprocessing.parent_process()
    if sweep is not None and not sweep.is_alive():  # it died before this process was forked
        raise Interrupted(signal.SIGTERM)
    keep_writing()
    job = json.loads(job_file.read_text(encoding="utf-8"))
    with suppress(FileNotFoundError):  # it was deleted: the sweep goes on without it
        os.chdir(job["cwd"])
    sys.path[:] = job["sys_path"]
    if job["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    if job["quiet"]:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _probe(job, job_file) if job.get("probe") else _train(job)


def _train(job: dict[str, Any]) -> tuple[int, str]:
    """Return the exit code and, unless it is 0, the reason in one line."""
    config = validate(job["config"])
    use_language(config.language)
    try:
        from cnncompare.training.train import train

        title = job.get("title", "")
        train(config, argv=job["argv"], clocks_shared=job["clocks_shared"], title=title)
    except LockedError as error:
        return LOCKED, str(error)
    except CnncompareError as error:
        return error.exit_code, str(error)
    except Interrupted as stop:
        return stop.exit_code, str(stop)
    except Exception as error:  # before the run was opened, for example in a user's module
        return 1, record_failure(config, error)
    return 0, ""


def _probe(job: dict[str, Any], job_file: Path) -> tuple[int, str]:
    try:
        from cnncompare.sweep.probe import probe

        result = probe(validate(job["config"]))
    except MemoryError:
        return 1, NO_MEMORY
    except Exception as error:
        return 1, _probe_problem(error)
    write_atomically(job_file.with_name(PROBE_RESULT), json.dumps(result).encode())
    return 0, ""


def _probe_problem(error: Exception) -> str:
    if "OutOfMemory" in type(error).__name__ or "can't allocate memory" in str(error):
        return NO_MEMORY
    return f"{type(error).__name__}: {first_line(error)}"


def record_failure(config: Config, error: Exception) -> str:
    """Close the record with an error that its run could not record; return it in one line."""
    failure = Failure(type=type(error).__name__, message=first_line(error))
    if is_rank_zero():
        fail_run(config, failure, details=traceback.format_exc())
    return failure.text


if __name__ == "__main__":
    sys.exit(main())
