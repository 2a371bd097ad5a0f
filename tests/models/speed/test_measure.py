"""Inference timings of networks of known duration, and the reasons for missing ones."""

import random
import time
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from cnncompare.models import onnx_program
from cnncompare.models.registry import build
from cnncompare.models.speed import runtimes
from cnncompare.models.speed.measure import InferencePlan, InferenceTiming, measure_inference

CPU = torch.device("cpu")
SHAPE = (1, 8, 8)


class Sleeper(nn.Module):
    """A network that sleeps 5 ms for a batch of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images: Tensor) -> Tensor:
        seen.add((torch.get_num_threads(), images.dtype, tuple(images.shape[1:]), self.training))
        time.sleep(0.005)
        return images[:, 0, 0, 0] * self.scale  # other threads would wait for a busy core


seen: set[tuple[int, torch.dtype, tuple[int, ...], bool]] = set()


def measured(
    network: nn.Module, *chosen: str, precisions: tuple[str, ...] = ("float32",), seconds: float
) -> list[InferenceTiming]:
    plan = InferencePlan(chosen, precisions, seconds)
    return measure_inference(network, "mine", SHAPE, plan, device=CPU)


@pytest.fixture
def two_threads() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield None
    torch.set_num_threads(before)


def test_a_network_that_sleeps_5_ms_has_a_latency_of_5_ms(two_threads: None) -> None:
    seen.clear()
    network = Sleeper()
    rows = measured(network, "eager", precisions=("float32", "bfloat16"), seconds=0.03)
    settings = [(row.runtime, row.precision, row.threads) for row in rows]
    assert settings == [
        ("eager", precision, n) for precision in ("float32", "bfloat16") for n in (1, 2)
    ]
    for row in rows:
        assert 0.005 <= row.latency_s < 0.025  # more only while the machine does not wake it
        assert row.latency_s <= row.latency_p95_s
        assert row.calls >= 5
        assert row.batch_size >= 64
        assert row.batch_size / 0.025 < row.images_per_s <= row.batch_size / 0.005
        assert row.reason is None
    expected = {(n, d, SHAPE, False) for n in (1, 2) for d in (torch.float32, torch.bfloat16)}
    assert seen == expected
    assert network.training  # unchanged
    assert network.scale.dtype is torch.float32
    assert torch.get_num_threads() == 2


def lenet() -> nn.Module:
    return build("lenet5", source="own", classes=10, image_shape=(1, 32, 32)).network


def test_onnxruntime_is_measured_next_to_pytorch() -> None:
    network, state = lenet(), torch.get_rng_state()
    plan = InferencePlan(("eager", "onnxruntime"), ("float32", "bfloat16"), 0.001)
    rows = measure_inference(network, "lenet5", (1, 32, 32), plan, device=CPU)
    found = {(row.runtime, row.precision): row for row in rows if row.threads == 1}
    for key in (("eager", "float32"), ("onnxruntime", "float32"), ("eager", "bfloat16")):
        assert 0 < found[key].latency_s < 0.2
        assert found[key].images_per_s > 0
    missing = found["onnxruntime", "bfloat16"]
    assert (missing.latency_s, missing.images_per_s, missing.calls) == (None, None, None)
    assert missing.reason == "onnxruntime is measured on the CPU in float32 only"
    assert torch.equal(torch.get_rng_state(), state)


def test_the_runtimes_compute_the_same_logits() -> None:
    network = lenet().eval()
    made = runtimes.Runtimes(network, "lenet5", (1, 32, 32), CPU, channels_last=True)
    eager, onnx = (
        made.runner(runtimes.Variant(name, "float32", 1)) for name in ("eager", "onnxruntime")
    )
    images = eager.batch(3)
    assert images.is_contiguous(memory_format=torch.channels_last)
    found: Any = onnx(onnx.batch(3))
    with torch.inference_mode():
        expected = network(images)
    torch.testing.assert_close(eager(images), expected)
    torch.testing.assert_close(torch.from_numpy(found[0]), expected, rtol=1e-4, atol=1e-5)


def test_what_is_missing_is_named_and_nothing_else_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_program, "ONNX_PACKAGES", ("onnx", "no_such_onnxruntime"))
    monkeypatch.setattr(runtimes, "has_cpp_compiler", lambda: False)
    rows = measured(Sleeper(), "onnxruntime", "compiled", "eager", seconds=0.005)
    reasons = {row.runtime: row.reason for row in rows}
    assert reasons == {
        "onnxruntime": "no_such_onnxruntime missing: pip install 'cnncompare[onnx]'",
        "compiled": "torch.compile needs a C++ compiler, such as g++",
        "eager": None,
    }


class Single(nn.Module):
    """A network that fails, with two lines of message."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, images: Tensor) -> Tensor:
        raise RuntimeError("no kernel for this\nat line 3")


def test_a_failure_is_a_reason_in_one_line() -> None:
    (row, *_) = measured(Single(), "eager", seconds=0.001)
    assert row.reason == "RuntimeError: no kernel for this"
    assert row.latency_s is None


@pytest.mark.slow
def test_a_compiled_network_is_measured() -> None:
    random.seed(0)
    rows = measured(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU()), "compiled", seconds=0.01)
    for row in rows:
        assert row.reason is None
        assert 0 < row.latency_s < 1
