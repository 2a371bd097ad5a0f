"""Pretrained weights: versions, files, downloads from a local server, and invalid files."""

import gc
import hashlib
import pickle
import shutil
import threading
import warnings
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.models as zoo
from torch import nn

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import is_file
from cnncompare.models.pretrained.weights import read_weights, versions_of
from cnncompare.models.registry import BuiltModel, build

NAME = "squeezenet1_1"  # the smallest of torchvision's files, 5 MB


def built(
    weights: str | Path | None, classes: int = 1000, name: str = NAME, **more: Any
) -> BuiltModel:
    given = None if weights is None else str(weights)
    more = {"source": "torchvision", "image_shape": (3, 64, 64), "stem": "imagenet", **more}
    return build(name, classes=classes, weights=given, **more)


def refused(weights: str | Path, **more: Any) -> str:
    with pytest.raises(ModelError) as caught:
        built(weights, **more)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file as torchvision publishes it: its name ends in the start of its SHA-256."""
    folder = tmp_path_factory.mktemp("server")
    torch.manual_seed(1)
    torch.save(zoo.squeezenet1_1().state_dict(), folder / "net.pth")
    digest = hashlib.sha256((folder / "net.pth").read_bytes()).hexdigest()[:8]
    return (folder / "net.pth").rename(folder / f"net-{digest}.pth")


@pytest.fixture
def server(published: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(published.parent)))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    with warnings.catch_warnings():  # torch.hub leaves the connection of a refused file open
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path / "hub" / "checkpoints"


def served_from(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zoo.SqueezeNet1_1_Weights.IMAGENET1K_V1.value, "url", url)


def test_a_version_is_downloaded_checked_and_loaded(
    server: str,
    published: Path,
    own_cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    served_from(f"{server}/{published.name}", monkeypatch)
    model = built("IMAGENET1K_V1")
    expected = torch.load(published, weights_only=True)
    state = model.network.state_dict()
    assert all(torch.equal(state[name], expected[name]) for name in state)
    assert model.weights == "IMAGENET1K_V1"
    assert (own_cache / published.name).exists()
    assert "100%" in capsys.readouterr().err


def test_a_wrong_checksum_is_refused(
    server: str, published: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(published, published.with_name("net-00000000.pth"))
    served_from(f"{server}/net-00000000.pth", monkeypatch)
    assert "invalid hash value" in refused("IMAGENET1K_V1")
    assert not list(own_cache.glob("*.pth"))


def test_a_failed_download_names_the_folder_for_the_file(
    server: str, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_from(f"{server}/missing-12345678.pth", monkeypatch)
    message = refused("IMAGENET1K_V1")
    assert "could not be downloaded (HTTP Error 404" in message
    assert f"save missing-12345678.pth in {own_cache}" in message


def test_a_version_must_be_named_explicitly() -> None:
    assert versions_of("torchvision", "resnet50") == ["IMAGENET1K_V1", "IMAGENET1K_V2"]
    assert "no weights 'DEFAULT' (known: IMAGENET1K_V1)" in refused("DEFAULT")
    message = refused("IMAGENET1K_V3", name="resnet50")
    assert "did you mean 'IMAGENET1K_V2' or 'IMAGENET1K_V1'" in message
    message = refused("a1_in2k", name="resnet10t", source="timm")
    assert "known: c3_in1k" in message
    message = refused("V1", name="resnet20", source="own", image_shape=(3, 32, 32))
    assert "resnet20 of source own has no pretrained weights" in message


def test_a_failed_download_of_timm_s_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*arguments: object, **more: Any) -> None:
        raise OSError("no route to host\nwhile asking for a file")

    monkeypatch.setattr("timm.create_model", no_network)
    with pytest.raises(ModelError) as caught:
        read_weights("timm", "resnet10t", "c3_in1k")
    assert str(caught.value) == (
        "the weights c3_in1k of resnet10t could not be downloaded "
        "(no route to host while asking for a file): use a local file, model.weights=PATH"
    )


def test_weights_with_a_slash_or_a_file_ending_are_files() -> None:
    assert is_file("a/b")
    assert is_file("net.pth")
    assert is_file("net.safetensors")
    assert not is_file("IMAGENET1K_V1")
    assert not is_file("a1_in1k")


def test_a_file_loads_and_a_head_for_other_classes_keeps_its_initial_values(
    published: Path,
) -> None:
    torch.manual_seed(0)
    plain = built(None, classes=7).network.state_dict()
    torch.manual_seed(0)
    loaded = built(published, classes=7).network.state_dict()
    expected = torch.load(published, weights_only=True)
    heads = [name for name in loaded if not torch.equal(loaded[name], expected.get(name))]
    assert heads == ["classifier.1.weight", "classifier.1.bias"]
    assert all(torch.equal(loaded[name], plain[name]) for name in heads)


@pytest.mark.parametrize("prefix", ["network.", "module."])
def test_a_checkpoint_loads_with_its_prefix(prefix: str, tmp_path: Path) -> None:
    model = built(None, classes=3)
    state = {prefix + name: value for name, value in model.network.state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "best.ckpt")
    loaded = built(tmp_path / "best.ckpt", classes=3).network.state_dict()
    assert all(torch.equal(loaded[name.removeprefix(prefix)], state[name]) for name in state)


def test_a_safetensors_file_loads(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    state = built(None, classes=3).network.state_dict()
    save_file(state, tmp_path / "net.safetensors")
    loaded = built(tmp_path / "net.safetensors", classes=3).network.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_old_names_of_densenet_files_are_translated(tmp_path: Path) -> None:
    options: dict[str, Any] = {"name": "densenet121", "classes": 2}
    state = built(None, **options).network.state_dict()
    old = {
        name.replace("norm1.", "norm.1.").replace("conv2.", "conv.2."): value
        for name, value in state.items()
    }
    assert old.keys() != state.keys()
    torch.save(old, tmp_path / "old.pth")
    loaded = built(tmp_path / "old.pth", **options).network.state_dict()
    assert all(torch.equal(loaded[name], state[name]) for name in state)


def test_unreadable_files_are_refused_in_one_line(published: Path, tmp_path: Path) -> None:
    assert "there is no such file" in refused(tmp_path / "none.pth")
    assert "is a folder, not a file of weights" in refused(tmp_path)
    for name, content in (
        ("text.pth", b"these are no weights"),
        ("text.safetensors", b"these are no weights"),
        ("empty.pth", b""),
        ("cut.pth", published.read_bytes()[:100_000]),
    ):
        (tmp_path / name).write_bytes(content)
        assert "not a file of weights" in refused(tmp_path / name)
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    assert "contains a list instead of a state dict" in refused(tmp_path / "list.pth")
    torch.save({"a": "b"}, tmp_path / "strings.pth")
    assert "contains no state dict, its entries are" in refused(tmp_path / "strings.pth")


class Touch:
    """Unpickling this makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return (Path.touch, (self.path,))


def test_a_file_that_holds_code_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    torch.save({"weight": Touch(tmp_path / "ran")}, tmp_path / "code.pth")
    (tmp_path / "pickle.pth").write_bytes(pickle.dumps(Touch(tmp_path / "ran")))
    assert "could run code and is refused" in refused(tmp_path / "code.pth")
    pickled = refused(tmp_path / "pickle.pth")  # torch 2.7 reads the file up to the code
    assert "not a file of weights" in pickled or "could run code and is refused" in pickled
    torch.save(nn.Linear(2, 2), tmp_path / "module.pth")
    assert "could run code and is refused" in refused(tmp_path / "module.pth")
    assert not (tmp_path / "ran").exists()


def test_mismatched_tensors_are_listed_by_name(tmp_path: Path) -> None:
    state = built(None, classes=3).network.state_dict()
    state["features.0.weight"] = torch.zeros(64, 3, 5, 5)
    state["extra"] = torch.zeros(1)
    del state["features.3.squeeze.bias"]
    torch.save(state, tmp_path / "other.pth")
    message = refused(tmp_path / "other.pth", classes=3)
    assert "1 of another shape: features.0.weight 64x3x5x5 instead of 64x3x3x3" in message
    assert "1 missing: features.3.squeeze.bias" in message
    assert "1 unknown: extra" in message


def test_a_version_keeps_the_published_stem_at_32_pixels(
    server: str, published: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served_from(f"{server}/{published.name}", monkeypatch)
    model = built("IMAGENET1K_V1", classes=10, image_shape=(3, 32, 32), stem="auto")
    assert (model.stem, model.changes) == ("imagenet", ())
