"""``python -m cnncompare.sweep.worker FILE``: one job of a sweep in this process."""

import atexit
import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import CnncompareError, Interrupted, LockedError
from cnncompare.runs.lifecycle import record_failure
from cnncompare.runs.record import Failure
from cnncompare.runs.storage import write_atomically
from cnncompare.system.ranks import is_first_process
from cnncompare.system.signals import die_with_parent

NO_MEMORY = "does not fit in memory"
ENDING = "ending.json"  # beside the job's file: how it ended; absent when it could not say
PROBED = "probed.json"  # beside it too: what a probe measured
LOCKED = 75  # exit code: another process is at this run


def main() -> int:
    """Run the job of the command line's file; return the exit code."""
    return run_job(Path(sys.argv[1]))


def run_forked(job_file: str, environment: dict[str, str]) -> None:
    """Run the job in a process that was forked, as if it were fresh, and exit with its code."""
    os.setsid()  # Ctrl-C reaches the sweep, which passes it on once
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # the forkserver ignores it
    os.environ.clear()
    os.environ.update(environment)
    code = run_job(Path(job_file))
    atexit._run_exitfuncs()  # a forked process leaves without them; loggers close files in them
    sys.exit(code)


def run_job(job_file: Path) -> int:
    """Train what the file says, leave beside it how that ended, return the exit code."""
    die_with_parent()
    job = json.loads(job_file.read_text(encoding="utf-8"))
    os.chdir(job["cwd"])
    sys.path[:] = job["sys_path"]
    if job["cores"] and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, job["cores"])
    if job["quiet"]:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    code, message = _probed(job, job_file) if job.get("probe") else _trained(job)
    if is_first_process():
        ending = json.dumps({"code": code, "message": message})
        write_atomically(job_file.with_name(ENDING), ending.encode())
    return code


def _trained(job: dict[str, Any]) -> tuple[int, str]:
    """Return the exit code and, unless it is 0, one line that says why."""
    config = validate(job["config"])
    try:
        from cnncompare.training.train import train

        train(config, argv=job["argv"], clocks_shared=job["clocks_shared"])
    except LockedError as error:
        return LOCKED, str(error)
    except CnncompareError as error:
        return error.exit_code, str(error)
    except Interrupted as stop:
        return stop.exit_code, str(stop)
    except Exception as error:  # before the run was opened, as a user's own module may
        return 1, _recorded(config, error)
    return 0, ""


def _probed(job: dict[str, Any], job_file: Path) -> tuple[int, str]:
    try:
        from cnncompare.sweep.probe import probe

        measured = probe(validate(job["config"]))
    except MemoryError:
        return 1, NO_MEMORY
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        short = "OutOfMemory" in type(error).__name__ or "can't allocate memory" in str(error)
        return 1, NO_MEMORY if short else f"{type(error).__name__}: {lines[0]}"
    write_atomically(job_file.with_name(PROBED), json.dumps(measured).encode())
    return 0, ""


def _recorded(config: Config, error: Exception) -> str:
    lines = str(error).strip().splitlines()
    failure = Failure(type=type(error).__name__, message=lines[0] if lines else "")
    if is_first_process():
        record_failure(config, failure, details=traceback.format_exc())
    return f"{failure.type}: {failure.message}"


if __name__ == "__main__":
    sys.exit(main())
