from pathlib import Path

import pytest

from cnncompare.bench.command import main
from cnncompare.bench.evaluation import evaluation_rows
from cnncompare.errors import ConfigError
from tests.composing import compose_config
from tests.data.sources.imagenet.folders import in_wnid_folders


def overrides(root: Path) -> tuple[str, ...]:
    return (
        *("experiment=imagenet_val", "model=squeezenet1_1", "model.weights=null"),
        *(f"data.root={in_wnid_folders(root)}", "data.batch_size=4", "data.workers=0"),
        *("trainer.accelerator=cpu", "trainer.threads=1", "display.progress=off"),
    )


def test_three_variants_on_the_same_images(tmp_path: Path) -> None:
    rows, decoding_s = evaluation_rows(
        compose_config(*overrides(tmp_path / "val")), tmp_path / "work", rounds=2
    )
    assert [row.name for row in rows] == [
        "test with decoding",
        "test from the cache",
        "test from the cache, network alone",
    ]
    for row in rows:
        assert row.reason is None
        assert row.n == 2
        assert row.ours is not None
        assert row.ours > 0
    assert decoding_s > 0


def test_only_a_test_on_imagenet_can_be_measured() -> None:
    with pytest.raises(
        ConfigError, match="is available for the test of experiment=imagenet_val only"
    ):
        main(["data=digits", "trainer.max_epochs=0"])


def test_a_test_has_no_settings_to_tune(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="use 1 or more"):
        main(["--tune", *overrides(tmp_path)])
