"""Run many command lines in forked copies of one process that has imported the commands.

``python -m tests.command_server < COMMANDS``: one JSON list of arguments a line; the answer to each
is a line with its exit code, output, new files, the libraries that it imported, and its CPU time.
The working folder is that of this process.
"""

import contextlib
import io
import json
import os
import signal
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from cnncompare import cli

HEAVY = ("torch", "pytorch_lightning", "torchvision", "timm")
LIMIT_S = 60  # of one command, also on a busy machine


def warm_up() -> None:
    """Import what the commands import, and let Hydra compose once: it fills its caches."""
    for command in cli.SUBCOMMANDS.values():
        import_module(command.module)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for arguments in (["--cfg", "job", "seed=a b"], ["-m", "model=lenet5", "seed=0,x"]):
            sys.argv = ["cnncompare", *arguments]
            cli.run(arguments)


def run_forked(arguments: list[str]) -> dict[str, Any]:
    """Return what one command line did."""
    before = files()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        pid = os.fork()
        if pid == 0:
            _become(arguments, out.fileno(), err.fileno())
        _, status, usage = os.wait4(pid, 0)
        texts = [_text(file) for file in (out, err)]
    code = os.waitstatus_to_exitcode(status)
    cpu_s = usage.ru_utime + usage.ru_stime
    written = sorted(set(files()) - set(before))
    heavy = code >= 0 and code & 64 != 0
    return {
        **{"code": code & ~64 if heavy else code, "out": texts[0], "err": texts[1]},
        **{"written": written, "heavy": heavy, "cpu_s": cpu_s},
    }


def _become(arguments: list[str], out: int, err: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    signal.alarm(LIMIT_S)
    sys.argv = ["cnncompare", *arguments]
    code = 99
    try:
        cli.keep_writing()
        code = cli.run(arguments)
    except BaseException:
        sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code | (64 if any(name in sys.modules for name in HEAVY) else 0))


def _text(file: Any) -> str:
    file.seek(0)
    text: str = file.read().decode(errors="backslashreplace")
    return text


def files() -> list[str]:
    return [str(path) for path in Path().rglob("*")]


def main() -> None:
    warm_up()
    for line in sys.stdin:
        print(json.dumps(run_forked(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
