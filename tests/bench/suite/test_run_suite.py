import json
from dataclasses import replace

import pytest

from cnncompare.bench.results import print_suite, suite_json
from cnncompare.bench.suite import run_suite as suite
from cnncompare.bench.suite.benchmark_table import BENCHMARKS

OVERRIDES = ["data=synthetic", "data.augment.crop_padding=4", "data.augment.flip=true"]


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_suite_on_a_few_images(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(suite, "data_overrides", lambda root: (OVERRIDES, "few images"))
    benchmarks = [replace(b, n_train=256, n_val=32, rounds=2, budget_s=5.0) for b in BENCHMARKS]
    result = suite.run_suite(None, benchmarks)
    rows = {row.name: row for row in result.rows}
    assert len(rows) == 19
    reasons = {name: row.reason for name, row in rows.items() if row.reason}
    assert list(reasons) == [suite.SPEEDRUN]
    for row in rows.values():
        if row.name not in reasons:
            assert row.ours is not None
            assert row.ours > 0
            assert row.n >= 1
    whole = json.loads(suite_json(result))
    assert whole["machine"]["cores"] >= 1
    assert whole["settings"]["versions"]["torch"]
    assert whole["settings"]["rows"]["ResNet-18 stem=cifar epoch, best settings, images/s"][
        "ours"
    ] == ("model=resnet18 model.stem=cifar trainer=fast")
    print_suite(result)
    assert "not measured: " in capsys.readouterr().out
