"""Files of weights in the containers, under the names and with the faults that people meet."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from cnncompare.errors import ModelError
from cnncompare.models.pretrained.files import read_file
from cnncompare.models.registry import BuiltModel, build


def lenet(weights: Path | None = None, classes: int = 10, **options: Any) -> BuiltModel:
    given = None if weights is None else str(weights)
    shape = (1, 32, 32)
    return build(
        "lenet5", source="own", classes=classes, image_shape=shape, weights=given, **options
    )


@pytest.fixture
def state() -> dict[str, Tensor]:
    torch.manual_seed(3)
    return lenet().network.state_dict()


def saved(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def equal(network: nn.Module, state: dict[str, Tensor]) -> bool:
    return all(bool((network.state_dict()[name] == state[name]).all()) for name in state)


@pytest.mark.parametrize("entry", ["net", "model_state_dict", "state_dict", "model", "weights"])
def test_the_entry_that_is_a_state_dict_is_found(
    entry: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    content = {entry: state, "acc": 90.0, "epoch": 3, "optimizer_state_dict": {}}
    assert equal(lenet(saved(content, tmp_path / "w.pth")).network, state)


def test_of_two_state_dicts_the_usual_name_is_taken(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    other = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
    path = saved({"ema": other, "state_dict": state}, tmp_path / "w.pth")
    assert equal(lenet(path).network, state)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"net": 3, "acc": 90.0, "epoch": 3}, "no state dict, its entries are net, acc, epoch"),
        ({"a": {"x": torch.zeros(1)}, "b": {"x": torch.zeros(1)}}, "several state dicts, its entr"),
        ([1, 2], "contains a list instead of a state dict"),
        ({}, "contains a dict instead of a state dict"),
    ],
)
def test_other_content_is_described(content: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=message):
        read_file(saved(content, tmp_path / "w.pth"))


@pytest.mark.parametrize(
    "prefix", ["model.", "_orig_mod.", "module.", "net.backbone.", "module._orig_mod."]
)
def test_a_prefix_that_all_names_share_is_removed_and_reported(
    prefix: str, state: dict[str, Tensor], tmp_path: Path
) -> None:
    content = {prefix + name: tensor for name, tensor in state.items()}
    built = lenet(saved(content, tmp_path / "w.pth"))
    assert equal(built.network, state)
    # "module." is removed when the file is read
    assert built.weights_prefix == (prefix.removeprefix("module.") or None)


def test_a_component_that_the_network_has_is_no_prefix(tmp_path: Path) -> None:
    shape = (3, 32, 32)
    network = build("squeezenet1_1", source="torchvision", classes=10, image_shape=shape).network
    features = {k: v for k, v in network.state_dict().items() if k.startswith("features.")}
    path = saved(features, tmp_path / "w.pth")
    with pytest.raises(ModelError, match="2 missing: classifier"):
        build(
            "squeezenet1_1", source="torchvision", classes=10, image_shape=shape, weights=str(path)
        )


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"<html><body>404", "it is a web page"),
        (b"\n<!DOCTYPE html>\n", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:1", "it is a git-lfs pointer"),
        (gzip.compress(b"x", mtime=0), "it is a gzip archive"),
        (b"\x89HDF\r\n\x1a\n", "it is an HDF5 file"),
        (json.dumps({"error": "not found"}).encode(), "it is a JSON text"),
    ],
)
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_another_kind_is_named(
    content: bytes, kind: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"w{suffix}"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=kind):
        read_file(path)


def test_arrays_and_images_are_named(tmp_path: Path) -> None:
    np.save(tmp_path / "w.npy", np.zeros(3))
    Image.new("RGB", (4, 4)).save(tmp_path / "w.png")
    for name, kind in (("w.npy", "a NumPy array"), ("w.png", "a PNG image")):
        with pytest.raises(ModelError, match=kind):
            read_file(tmp_path / name)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "w.pth").touch()
    with pytest.raises(ModelError, match=r"w\.pth is empty"):
        read_file(tmp_path / "w.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(
    value: float, state: dict[str, Tensor], tmp_path: Path
) -> None:
    name = next(iter(state))
    state[name][0] = value
    with pytest.raises(ModelError, match=f"1 of {len(state)} tensors contain NaN or infinity"):
        read_file(saved(state, tmp_path / "w.pth"))


def test_a_head_for_other_classes_is_new_only_where_it_is_trained(
    tmp_path: Path,
) -> None:
    path = saved(lenet(classes=2).network.state_dict(), tmp_path / "w.pth")
    assert lenet(path).network.state_dict()["classifier.5.weight"].shape[0] == 10
    with pytest.raises(ModelError, match="its last layer has 2 outputs, the data set 10 classes"):
        lenet(path, new_head=False)
