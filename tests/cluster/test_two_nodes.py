import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("two_nodes.sh")


def two_nodes(folder: Path, *overrides: str) -> str:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    done = subprocess.run(
        ["sh", str(SCRIPT), *overrides],
        cwd=folder,
        env=os.environ | {"PYTHON": sys.executable, "PORT": port, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_two_nodes_train_one_run_and_find_it_finished(tmp_path: Path) -> None:
    overrides = ("data=digits", "model=lenet5", "trainer.max_epochs=2", "data.limit_test=51")
    two_nodes(tmp_path, *overrides)
    (path,) = tmp_path.glob("outputs/default/*/run.json")
    record = json.loads(path.read_text())
    assert record["status"] == "finished"
    assert (record["training"]["devices"], record["training"]["strategy"]) == (2, "ddp")
    assert record["test"]["n"] == 51
    written = path.stat().st_mtime_ns
    assert "already finished" in two_nodes(tmp_path, *overrides)
    assert path.stat().st_mtime_ns == written
