"""CPU share of other processes, and the clock of the GPU."""

import subprocess
import sys
import time
from types import ModuleType, SimpleNamespace

import pytest
import torch

from cnncompare.system.cpu_usage import CpuTimes, OtherCpuUsage, cpu_times
from cnncompare.system.gpus import gpu_clock


def _share(*times: CpuTimes | None) -> float | None:
    reader = iter(times)
    usage = OtherCpuUsage(lambda: next(reader))
    usage.start()
    return usage.share()


@pytest.mark.parametrize(
    ("before", "after", "share"),
    [
        (CpuTimes(5, 1, 10), CpuTimes(9, 4, 20), 0.1),
        (CpuTimes(0, 0, 0), CpuTimes(10, 0, 10), 1.0),
        (CpuTimes(0, 0, 0), CpuTimes(4, 4.02, 10), 0.0),  # the counters round
        (CpuTimes(0, 0, 5), CpuTimes(0, 0, 5), None),  # too short to measure
        (None, CpuTimes(1, 0, 2), None),
        (CpuTimes(1, 0, 2), None, None),
    ],
)
def test_the_share_of_other_processes(
    before: CpuTimes | None, after: CpuTimes | None, share: float | None
) -> None:
    assert _share(before, after) == (share if share is None else pytest.approx(share))


BUSY = "import time; start = time.process_time()\nwhile time.process_time() - start < 0.5: pass"


def test_the_work_of_this_process_and_its_children_counts_as_own() -> None:
    before = cpu_times()
    assert before is not None
    subprocess.run([sys.executable, "-c", BUSY], check=True)
    started = time.process_time()
    while time.process_time() - started < 0.5:
        pass
    after = cpu_times()
    assert after is not None
    assert after.own - before.own > 0.9
    # 10 ms of rounding for each process and core
    busy = after.busy - before.busy
    assert after.total - before.total + 0.01 >= busy >= after.own - before.own - 0.2


def test_own_work_is_not_attributed_to_other_processes() -> None:
    usage = OtherCpuUsage()
    usage.start()
    started = time.process_time()
    while time.process_time() - started < 0.3:
        pass
    share = usage.share()
    assert share is not None
    assert 0 <= share <= 1


@pytest.mark.parametrize(("name", "value"), [("TORCHELASTIC_RUN_ID", "x"), ("SLURM_NTASKS", "2")])
def test_the_share_is_unknown_in_distributed_training(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert cpu_times() is None


def _nvml(reasons: int) -> ModuleType:
    module = ModuleType("pynvml")
    module.__dict__.update(
        NVML_CLOCK_SM=1,
        nvmlInit=lambda: None,
        nvmlDeviceGetHandleByUUID={b"GPU-1-2": "the device"}.__getitem__,
        nvmlDeviceGetCurrentClocksThrottleReasons={"the device": reasons}.__getitem__,
        nvmlDeviceGetClockInfo=lambda handle, kind: {("the device", 1): 1410}[handle, kind],
    )
    return module


@pytest.mark.parametrize(
    ("reasons", "throttled"), [(0x0, 0.0), (0x1, 0.0), (0x4, 1.0), (0x60, 1.0)]
)
def test_clock_and_throttling_of_the_gpu(
    monkeypatch: pytest.MonkeyPatch, reasons: int, throttled: float
) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", _nvml(reasons))
    monkeypatch.setattr(
        torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid="1-2")
    )
    measured = gpu_clock(torch.device("cuda", 0))
    assert measured == {"gpu_sm_clock_mhz": 1410.0, "gpu_throttled": throttled}


def test_the_clock_is_unknown_without_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = {"gpu_sm_clock_mhz": None, "gpu_throttled": None}
    assert gpu_clock(torch.device("cpu")) == unknown
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert gpu_clock(torch.device("cuda", 0)) == unknown
