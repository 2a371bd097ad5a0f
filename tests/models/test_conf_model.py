"""Each conf/model/*.yaml names a known network and its learning rates in a few lines."""

from pathlib import Path

import pytest
import yaml

from cnncompare.models.catalog.names import check_name

FOLDER = Path(__file__).resolve().parents[2] / "conf" / "model"
FILES = sorted(FOLDER.glob("*.yaml"))
REQUIRED = (
    "alexnet vgg11 vgg13 vgg16 vgg19 vgg11_bn vgg13_bn vgg16_bn vgg19_bn googlenet inception_v3 "
    "inception_v4 inception_resnet_v2 xception nasnet resnet18 resnet34 resnet50 resnet101 "
    "resnet152 wide_resnet50_2 resnext50_32x4d densenet121 densenet161 densenet169 densenet201 "
    "squeezenet1_0 squeezenet1_1 mobilenet_v2 mobilenet_v3 shufflenet_v2 mnasnet efficientnet_b0 "
    "regnet convnext_tiny lenet5 alexnet2012 zfnet fractalnet inception_resnet_v1 resnet20 "
    "resnet32 resnet44 resnet56 resnet110 wrn_28_10 wrn_40_2 resnext29_8x64d densenet_bc_100_12"
)


def test_every_network_of_the_study_has_a_file() -> None:
    assert not set(REQUIRED.split()) - {file.stem for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_names_a_known_network_and_its_learning_rates(file: Path) -> None:
    text = file.read_text("utf-8")
    model = yaml.safe_load(text)
    check_name(model["source"], model["name"])
    assert sorted(model["lr"]) == ["adamw", "sgd"]
    assert text.startswith("# ")
    assert len(text.splitlines()) <= 8


def test_no_two_files_name_the_same_network() -> None:
    models = [yaml.safe_load(file.read_text("utf-8")) for file in FILES]
    named = [(m["source"], m["name"], str(m.get("options"))) for m in models]
    assert len(set(named)) == len(named)  # a sweep over glob(*) would run it twice
