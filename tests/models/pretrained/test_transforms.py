"""Transforms and accuracies against the libraries' own; files identified by their SHA-256."""

import csv
import hashlib
import random
import re
from pathlib import Path

import pytest
import timm
import torchvision.models as zoo
from torchvision import transforms as tv

from cnncompare.errors import ModelError
from cnncompare.models.catalog.names import known_names
from cnncompare.models.pretrained.transforms import (
    TIMM_RESULTS,
    PretrainedReference,
    Transform,
    pretrained_reference,
)

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def of(source: str, name: str, weights: str | Path | None) -> PretrainedReference:
    found = pretrained_reference(source, name, None if weights is None else str(weights))
    assert found is not None
    return found


def test_resnet18_of_torchvision() -> None:
    assert of("torchvision", "resnet18", "IMAGENET1K_V1") == PretrainedReference(
        Transform(256, 224, "bilinear", *IMAGENET),
        "torchvision ResNet18_Weights.IMAGENET1K_V1",
        0.69758,
        0.89078,
        "torchvision, meta of ResNet18_Weights.IMAGENET1K_V1",
    )


def test_every_preset_of_torchvision() -> None:
    for name in known_names("torchvision"):
        for version in zoo.get_model_weights(name):
            found, preset = of("torchvision", name, version.name), version.transforms()
            ours = found.transform
            assert [ours.resize] == preset.resize_size
            assert [ours.crop] == preset.crop_size
            assert ours.interpolation == preset.interpolation.value
            assert (list(ours.mean), list(ours.std)) == (preset.mean, preset.std)
            accuracies = version.meta["_metrics"]["ImageNet-1K"]
            if version is zoo.VGG16_Weights.IMAGENET1K_FEATURES:  # has no classifier
                assert found[2:] == (None, None, None)
                continue
            assert found.acc1 == pytest.approx(accuracies["acc@1"] / 100)
            assert found.acc5 == pytest.approx(accuracies["acc@5"] / 100)


def test_the_first_version_is_v1_where_there_is_one() -> None:
    for name in known_names("torchvision"):
        names = [version.name for version in zoo.get_model_weights(name)]
        assert names[0] == "IMAGENET1K_V1" or "IMAGENET1K_V1" not in names


def test_random_weights_have_a_transform_without_accuracies() -> None:
    found = of("torchvision", "resnet50", None)
    v1 = of("torchvision", "resnet50", "IMAGENET1K_V1")
    v2 = of("torchvision", "resnet50", "IMAGENET1K_V2")
    assert found.transform == v1.transform != v2.transform
    assert found[2:] == (None, None, None)
    assert found.origin == "torchvision ResNet50_Weights.IMAGENET1K_V1, for random weights"


def test_a_file_is_identified_by_its_sha256(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "any-name.pth"
    path.write_bytes(b"published bytes")
    digest = hashlib.sha256(b"published bytes").hexdigest()
    for digits in (8, 10):  # torchvision's URLs have either
        url = f"https://example.org/resnet50-{digest[:digits]}.pth"
        monkeypatch.setattr(zoo.ResNet50_Weights.IMAGENET1K_V2.value, "url", url)
        found = of("torchvision", "resnet50", path)
        v2 = of("torchvision", "resnet50", "IMAGENET1K_V2")
        assert found.origin == f"{v2.origin}, by the file's SHA-256 {digest[:digits]}"
        assert found._replace(origin=v2.origin) == v2
    path.write_bytes(b"other bytes")
    other = of("torchvision", "resnet50", path)
    assert other.transform == of("torchvision", "resnet50", "IMAGENET1K_V1").transform
    assert other[2:] == (None, None, None)
    assert re.search(r"V1, for a file with SHA-256 \w{8}, which no torchvision", other.origin)


def test_every_url_of_torchvision_carries_the_digits() -> None:
    for name in known_names("torchvision"):
        for version in zoo.get_model_weights(name):
            assert re.search(r"-[0-9a-f]{8,10}\.pth$", version.url)


def test_efficientnet_lite0_of_timm() -> None:
    half = (0.5, 0.5, 0.5)
    transform = Transform(256, 224, "bicubic", half, half)
    assert of("timm", "tf_efficientnet_lite0", "in1k") == PretrainedReference(
        transform,
        "timm tf_efficientnet_lite0.in1k",
        0.7483,
        0.92172,
        "timm, results/results-imagenet.csv at commit 0173a13",
    )
    assert of("timm", "tf_efficientnet_lite0", "some/file.pth") == PretrainedReference(
        transform, "timm tf_efficientnet_lite0.in1k, for a file", None, None, None
    )


def sample_of_timm() -> list[str]:
    return random.Random(0).sample(timm.list_pretrained(), 250)


def test_transforms_equal_those_that_timm_builds() -> None:
    modes = set()
    for full_name in sample_of_timm():
        entry = timm.get_pretrained_cfg(full_name).to_dict()
        data = timm.data.resolve_data_config(pretrained_cfg=entry)
        modes.add(data["crop_mode"])
        name, _, tag = full_name.partition(".")
        _, height, width = data["input_size"]
        if data["crop_mode"] == "border" or height != width:
            with pytest.raises(ModelError, match="supported are square images"):
                pretrained_reference("timm", name, tag)
            continue
        ours = of("timm", name, tag).transform
        resize, crop, _, normalize = timm.data.create_transform(**data).transforms
        assert isinstance(resize, tv.Resize)
        assert isinstance(crop, tv.CenterCrop)
        assert resize.size == ((ours.resize, ours.resize) if ours.squash else ours.resize)
        assert resize.interpolation.value == ours.interpolation
        assert crop.size == (ours.crop, ours.crop)
        assert tuple(normalize.mean.tolist()) == pytest.approx(ours.mean)
        assert tuple(normalize.std.tolist()) == pytest.approx(ours.std)
    assert {"center", "squash"} <= modes


def test_an_unsupported_crop_mode_is_refused() -> None:
    bordered = [
        n for n in timm.list_pretrained() if timm.get_pretrained_cfg(n).crop_mode == "border"
    ]
    if not bordered:
        pytest.skip("this version of timm has no weights with the crop mode border")
    name, _, tag = bordered[0].partition(".")
    with pytest.raises(ModelError, match="crop mode border; supported are square images"):
        pretrained_reference("timm", name, tag)


def test_random_weights_of_timm_have_the_default_tags_transform() -> None:
    assert of("timm", "resnet50", None).origin == "timm resnet50.a1_in1k, for random weights"
    assert of("timm", "resnet50.tv_in1k", None).transform.interpolation == "bilinear"
    untrained = of("timm", "botnet50ts_256", None)
    assert untrained.transform.crop == 256


def results() -> list[dict[str, str]]:
    lines = [line for line in TIMM_RESULTS.read_text("utf-8").splitlines() if line[0] != "#"]
    return list(csv.DictReader(lines))


def test_timms_results_fit_the_default_transforms() -> None:
    for row in results():
        name, _, tag = row["model"].partition(".")
        found = of("timm", name, tag)
        assert found.acc1 == pytest.approx(float(row["top1"]) / 100), row
        assert found.acc5 is not None
        assert found.acc1 < found.acc5


def test_timms_results_agree_with_torchvisions_of_the_same_weights() -> None:
    """The same weights and images; timm's decoder and batch differ, by up to a few images."""
    for theirs, name in (("resnet18.tv_in1k", "resnet18"), ("vgg16_bn.tv_in1k", "vgg16_bn"),
                         ("resnet50.tv_in1k", "resnet50"), ("vgg11.tv_in1k", "vgg11")):  # fmt: skip
        ours = of("torchvision", name, "IMAGENET1K_V1")
        arch, _, tag = theirs.partition(".")
        assert of("timm", arch, tag).acc1 == pytest.approx(ours.acc1, abs=2e-4)


def test_results_of_another_image_size_are_left_out() -> None:
    # timm measured it with images of 288 pixels, and its default is 224
    assert of("timm", "resnet50", "a1_in1k")[2:] == (None, None, None)


def test_own_networks_have_no_pretrained_reference() -> None:
    assert pretrained_reference("own", "resnet20", None) is None
    assert pretrained_reference("own", "resnet20", "some/file.pth") is None


@pytest.mark.parametrize("source", ["torchvision", "timm"])
def test_unknown_versions_are_refused(source: str) -> None:
    with pytest.raises(ModelError, match=r"resnet50 has no weights 'V9'.*\(known: "):
        pretrained_reference(source, "resnet50", "V9")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no such file"):
        pretrained_reference("torchvision", "resnet50", str(tmp_path / "none.pth"))
