"""Usage statistics of libraries: nothing is written or sent unless the user asks for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SESSION = """
import numpy, onnx, onnxruntime
from onnx import TensorProto, helper
x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy")
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", [x], [y])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
session = onnxruntime.InferenceSession(
    model.SerializeToString(), providers=["CPUExecutionProvider"]
)
print(session.run(None, {"x": numpy.array([2.0], numpy.float32)})[0].tolist())
"""


def run(code: str, home: Path, **environment: str) -> str:
    """Run code in a process without the switches; CI would also disable onnxruntime's."""
    switches = ("ORT_DISABLE_TELEMETRY", "RAY_USAGE_STATS_ENABLED", "DO_NOT_TRACK", "CI")
    inherited = {name: value for name, value in os.environ.items() if name not in switches}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, "HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


def test_onnxruntime_keeps_no_device_id_and_no_events(tmp_path: Path) -> None:
    for package in ("onnx", "onnxruntime"):
        pytest.importorskip(package)
    assert run("import cnncompare\n" + SESSION, tmp_path) == "[2.0]\n"
    assert [path for path in tmp_path.rglob("*") if "onnxruntime" in path.name] == []


def test_ray_and_hugging_face_take_the_switches(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    code = "import cnncompare, huggingface_hub.constants as c; print(c.HF_HUB_DISABLE_TELEMETRY)"
    assert run(code, tmp_path) == "True\n"
    pytest.importorskip("ray")
    code = (
        "import cnncompare\nfrom ray._common.usage import usage_lib\n"
        "print(usage_lib.usage_stats_enabled())"
    )
    assert run(code, tmp_path) == "False\n"


def test_a_switch_that_the_user_set_is_kept(tmp_path: Path) -> None:
    code = "import os, cnncompare; print(os.environ['DO_NOT_TRACK'])"
    assert run(code, tmp_path, DO_NOT_TRACK="0") == "0\n"
