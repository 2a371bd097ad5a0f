"""The console on terminals and in files."""

import io
import os
import pty
import subprocess
import sys

import pytest

from cnncompare.terminal.console import progress_mode


def test_a_variable_adds_no_control_characters_to_a_file() -> None:
    code = (
        "from cnncompare.terminal.console import make_console, progress_mode;"
        "make_console().print('[red]\u2013[/]'); print(progress_mode('auto'))"
    )
    environment = os.environ | {"FORCE_COLOR": "1", "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.stdout.splitlines() == [b"?", b"lines"]


@pytest.mark.parametrize(("term", "mode"), [("xterm", "bar"), ("dumb", "lines")])
def test_auto_is_a_bar_on_a_terminal(term: str, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        monkeypatch.setenv("TERM", term)
        assert progress_mode("auto") == mode
    os.close(master)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert progress_mode("auto") == "lines"
    assert progress_mode("off") == "off"
