import json
import os
from pathlib import Path

import pytest

from tests.composing import compose_config
from tests.sweep.conftest import OVERRIDES, Call

COUNT = 1000


@pytest.mark.slow
def test_skipping_a_thousand_finished_jobs_takes_less_than_ten_seconds(
    sweep: Call, folder: Path
) -> None:
    overrides = ("model=lenet5", "data.image_size=32")
    assert sweep(*overrides, "seed=0").returncode == 0
    (path,) = (folder / "outputs" / "default").glob("*/run.json")
    record = json.loads(path.read_text())
    base = compose_config(*OVERRIDES[1:], *overrides)
    for seed in range(1, COUNT):
        config = base.model_copy(update={"seed": seed, "output_root": str(folder / "outputs")})
        record["id"] = config.run_id()
        config.run_folder().mkdir()
        (config.run_folder() / "run.json").write_text(json.dumps(record))
    before = os.times()
    ended = sweep(*overrides, f"seed=range(0,{COUNT})")
    after = os.times()
    seconds = after.children_user + after.children_system
    seconds -= before.children_user + before.children_system  # of the CPU: tests share it
    assert ended.returncode == 0, ended.stderr
    assert f"{COUNT} skipped" in ended.stdout
    print(f"{COUNT} jobs skipped in {seconds:.1f} s")
    assert seconds < 10
