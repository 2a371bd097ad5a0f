"""Jobs on one and on two devices in one sweep, each trained once."""

import json
from pathlib import Path

import pytest

from tests.sweep.conftest import Call


@pytest.mark.slow
@pytest.mark.parametrize("devices", ["2,1", "1,2"])
def test_one_and_two_devices_in_one_sweep(devices: str, sweep: Call, folder: Path) -> None:
    ended = sweep(f"trainer.devices={devices}", "trainer.max_epochs=2", MARKS=str(folder / "marks"))
    assert ended.returncode == 0, ended.stderr
    runs = sorted((folder / "outputs" / "default").glob("*/run.json"))
    records = {json.loads(path.read_text())["training"]["devices"]: path for path in runs}
    assert sorted(records) == [1, 2]
    for count, path in records.items():
        record = json.loads(path.read_text())
        assert record["status"] == "finished"
        assert record["test"]["n"] == 100
        assert record["training"]["strategy"] == ("single_device" if count == 1 else "ddp")
        assert record["training"]["batch_size"] == 64
        assert len((path.parent / "epochs.csv").read_text().splitlines()) == 3
    # 2 epochs of 128 images, in global batches of 64, on each of the job's processes
    steps = [line.split() for line in (folder / "marks").read_text().splitlines()]
    processes = {pid for _, pid, _ in steps}
    assert len(processes) == 3  # one for the job on one device, two for the other
    for pid in processes:
        assert sum(line[1] == pid for line in steps) == 4
    assert not list(folder.glob("multirun*"))
    assert {path.name for path in (folder / "outputs").iterdir()} == {"default"}
    assert _left_behind(folder) == []


def _left_behind(folder: Path) -> list[str]:
    """Return the command lines of processes that still work in the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder:
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
