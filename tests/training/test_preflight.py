import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from cnncompare.data.module import ImageData
from cnncompare.errors import ConfigError, DataError, ModelError, OutputError, UserError
from cnncompare.training import preflight
from tests.composing import compose_config

Usage = namedtuple("Usage", "total used free")


def check(*overrides: str) -> None:
    preflight.preflight(compose_config("data=digits", "model=resnet20", *overrides))


def test_a_valid_configuration_passes(tmp_path: Path) -> None:
    check(f"output_root={tmp_path}/new/deep")
    assert os.listdir(tmp_path) == []


def test_more_devices_than_cores_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "count_cuda_gpus", lambda: 0)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    check("trainer.devices=2")
    with pytest.raises(ConfigError, match=r"trainer.devices=4: there are only 2 CPU cores here"):
        check("trainer.devices=4")


def test_more_devices_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "count_cuda_gpus", lambda: 1)
    check("trainer.accelerator=gpu")
    with pytest.raises(ConfigError, match=r"trainer.devices=2: there is only 1 GPU here"):
        check("trainer.devices=2")
    monkeypatch.setattr(preflight, "count_cuda_gpus", lambda: 0)
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ConfigError, match="there is no CUDA GPU here"):
        check("trainer.accelerator=gpu")


def test_a_full_disk_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: Usage(2**40, 2**40, 2**20))
    with pytest.raises(OutputError, match="has 1 MiB free, a run needs 64 or more"):
        check(f"output_root={tmp_path}")


def test_a_folder_without_permission_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(OutputError, match="permission denied; choose another folder"):
        check(f"output_root={tmp_path}")


def test_an_unknown_name_of_a_library_comes_with_the_closest() -> None:
    with pytest.raises(ModelError, match="did you mean 'efficientnet_b7'"):
        check("model=torchvision", "model.name=efficientnet_b")


@pytest.mark.parametrize("extra", ["mlflow", "wandb"])
def test_a_logger_whose_package_is_missing_says_how_to_get_it(
    extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preflight, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=rf"pip install 'cnncompare\[{extra}\]'"):
        check(f"logger={extra}")


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(ModelError, match=r"did you mean 'IMAGENET1K_V1'.*\(known: IMAGENET1K_V1\)"):
        check("model=resnet18", "model.weights=IMAGENET1K_V2")
    with pytest.raises(ModelError, match=r"model\.weights=IMAGENET1K_V1 is not a file"):
        check("model=resnet18", "model.weights=IMAGENET1K_V1", "model.weights_map=by_order")


def test_images_that_are_not_imagenets_are_refused(tmp_path: Path) -> None:
    (tmp_path / "loose.JPEG").touch()
    overrides = ("experiment=imagenet_val", "model=resnet18", f"data.root={tmp_path}")
    with pytest.raises(DataError, match="contains images without class folders"):
        preflight.preflight(compose_config(*overrides))


def make_folders(root: Path, *folders: str, n: int = 3) -> tuple[str, ...]:
    for folder in folders:
        (root / folder).mkdir(parents=True)
        for number in range(n):
            (root / folder / f"{number}.png").touch()
    return ("data=folder", "data.image_size=32", f"data.root={root}", "model=resnet20")


def test_faults_of_image_folders_are_found_by_name_alone(tmp_path: Path) -> None:
    overrides = make_folders(tmp_path, "train/cat", "train/dog", "test/cat", "test/dog", "vaild")
    with pytest.raises(DataError, match=r"folder vaild/ beside train/, test/"):
        preflight.preflight(compose_config(*overrides))


def test_a_class_with_fewer_images_than_splits_is_refused(tmp_path: Path) -> None:
    overrides = make_folders(tmp_path, "cat", "dog", n=2)
    with pytest.raises(DataError, match=r"class 'cat' has 2 images, too few"):
        preflight.preflight(compose_config(*overrides))
    preflight.preflight(compose_config(*overrides, "data.protocol=test_as_val"))


def test_an_invalid_split_table_is_refused(tmp_path: Path) -> None:
    overrides = make_folders(tmp_path / "images", "cat", "dog")
    (tmp_path / "split.csv").write_text("file,split\ncat/0.png,left\n")
    with pytest.raises(DataError, match=r"line 2: split 'left' is unknown"):
        preflight.preflight(compose_config(*overrides, f"data.split={tmp_path}/split.csv"))


def test_an_apple_gpu_is_refused_where_there_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "x86_64")
    for system in ("linux", "darwin", "win32"):
        monkeypatch.setattr("sys.platform", system)
        with pytest.raises(ConfigError, match=r"trainer.accelerator=mps: there is no Apple GPU"):
            check("trainer=mps", f"output_root={tmp_path}/new")
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr("sys.platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    check("trainer=mps")


def test_numbers_of_gpus_that_are_not_here_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "count_cuda_gpus", lambda: 3)
    check("trainer.devices=[0,2]")
    with pytest.raises(ConfigError, match=r"devices=\[1,3\]: the GPUs here are 0 to 2"):
        check("trainer.devices=[1,3]")
    with pytest.raises(ConfigError, match=r"devices=\[0,2\]: no CUDA GPU is used here; use"):
        check("trainer.devices=[0,2]", "trainer=cpu")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.image_size=8", "lenet5 with stem=cifar accepts images of 16 pixels or more, got 8"),
        ("data.limit_train=3", "data.limit_train=3 is fewer than the 10 classes"),
        ("data.limit_train=5000", "data.limit_train=5000 exceeds the "),
        ("data.limit_test=361", "data.limit_test=361 exceeds the 360 images"),
        ("data.val_fraction=0.9999", "data.val_fraction=0.9999 of "),
        ("data.val_fraction=0.0001", "data.val_fraction=0.0001 of "),
        ("data.batch_size=4000", "data.batch_size=4000"),
    ],
)
def test_sizes_are_refused_as_the_loaded_data_refuse_them(override: str, message: str) -> None:
    overrides = ("model=lenet5", "data=digits", override)
    with pytest.raises(UserError) as early:
        check(*overrides)
    assert str(early.value).startswith(message)
    if "image_size" not in override:
        config = compose_config(*overrides).data
        with pytest.raises(UserError) as late:
            ImageData(config, seed=0).prepare()
        assert str(late.value) == str(early.value)


@pytest.mark.parametrize("limit", [10, 1293])
def test_the_smallest_and_the_largest_limit_pass(limit: int) -> None:
    check("model=lenet5", "data=digits", f"data.limit_train={limit}", "data.batch_size=auto")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "is empty, not a file of weights"),
        (b"\x89PNG\r\n", "is not a file of weights, it is a PNG image"),
    ],
)
def test_files_that_are_no_weights_are_refused(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "lenet5.pth"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UserError, match=message):
        check("model=lenet5", "data=digits", f"model.weights={file}")
