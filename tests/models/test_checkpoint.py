from pathlib import Path

import pytest
import torch
from torchvision.models import mnasnet0_5

from cnncompare.errors import ModelError
from cnncompare.models.checkpoint import load_checkpoint_weights, with_versions


class Code:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("executed",)


def test_checkpoints_with_and_without_optimizer_states_are_read(tmp_path: Path) -> None:
    weights = {"network.weight": torch.arange(3.0)}
    torch.save({"state_dict": weights, "optimizer_states": [{}]}, tmp_path / "old.ckpt")
    torch.save({"state_dict": weights}, tmp_path / "new.ckpt")
    for name in ("old.ckpt", "new.ckpt"):
        loaded = load_checkpoint_weights(tmp_path / name)
        assert torch.equal(loaded["network.weight"], weights["network.weight"])


def test_other_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text.ckpt").write_text("no weights")
    torch.save({"weights": {}}, tmp_path / "keys.ckpt")
    torch.save({"state_dict": Code()}, tmp_path / "code.ckpt")
    for name in ("missing.ckpt", "text.ckpt", "keys.ckpt", "code.ckpt"):
        with pytest.raises(ModelError, match=name) as raised:
            load_checkpoint_weights(tmp_path / name)
        assert "\n" not in str(raised.value)
    assert "executed" not in capsys.readouterr().out


def test_mnasnet_loads_weights_without_their_versions(tmp_path: Path) -> None:
    network, other = mnasnet0_5(num_classes=3), mnasnet0_5(num_classes=3)
    plain = dict(network.state_dict())
    with pytest.raises(ValueError, match="version"):
        other.load_state_dict(plain)
    torch.save(with_versions(plain, network), tmp_path / "weights.pth")
    other.load_state_dict(torch.load(tmp_path / "weights.pth", weights_only=True))
    assert torch.equal(other.layers[0].weight, network.layers[0].weight)
