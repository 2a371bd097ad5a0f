from pathlib import Path

import pytest

from tests.sweep.conftest import Call

EXPERIMENT = """\
# @package _global_
name: zipped
sweep:
  jobs:
    - model=naughty optimizer.lr=0.05
    - model=resnet20 optimizer.lr=0.01
  skip:
    - model=resnet20 seed=1
"""


@pytest.mark.slow
def test_an_experiment_pairs_models_with_settings_and_skips_jobs(sweep: Call, folder: Path) -> None:
    (folder / "conf" / "experiment").mkdir()
    (folder / "conf" / "experiment" / "zipped.yaml").write_text(EXPERIMENT)
    ended = sweep("experiment=zipped", "seeds=2")
    assert ended.returncode == 0, ended.stderr
    runs = sorted(p.parent.name[:-9] for p in (folder / "outputs/zipped").glob("*/run.json"))
    assert runs == [
        "naughty-digits-e1-d1-s0",
        "naughty-digits-e1-d1-s1",
        "resnet20-digits-e1-d1-s0",
    ]
    assert "job 1 of 3  naughty  seed 0  optimizer.lr=0.05  finished  test acc" in ended.stdout

    refused = sweep("experiment=zipped", "sweep.skip=['seed=*']")
    assert refused.returncode == 2
    assert "sweep.skip excludes every job" in refused.stderr
