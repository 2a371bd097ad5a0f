from types import SimpleNamespace
from typing import Any

import pytest

from cnncompare.config import fast_settings
from cnncompare.system import processor
from cnncompare.training.opening_remarks import print_remarks
from tests.composing import compose_config

NO_RECORD: Any = SimpleNamespace(record=SimpleNamespace(training=None, data=None))


def test_a_slow_precision_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(processor, "read_cpuinfo", lambda: "flags : avx2\n")
    monkeypatch.setattr(fast_settings, "count_cuda_gpus", lambda: 0)
    digits = ("data=digits", "model=lenet5", "trainer.accelerator=cpu")
    print_remarks(compose_config(*digits, "trainer=cpu_fast"), NO_RECORD)
    assert capsys.readouterr().err == ""
    print_remarks(compose_config(*digits, "trainer.precision=bf16-mixed"), NO_RECORD)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("cnncompare: trainer.precision=bf16-mixed: this processor has no bf16")
