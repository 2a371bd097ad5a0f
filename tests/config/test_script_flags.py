import pytest

from cnncompare.config.arguments import read_arguments
from cnncompare.config.script_flags import refuse_script_flags
from cnncompare.errors import ConfigError


@pytest.mark.parametrize(
    ("flags", "overrides"),
    [
        (
            "--model vgg16 --epochs 10 --gpus 0 --lr 0.1 --batch-size 64",
            "model=vgg16 trainer.max_epochs=10 trainer.devices=1 optimizer.lr=0.1 "
            "data.batch_size=64",
        ),
        ("--model VGG16 data=digits --gpus 0,1", "model=vgg16 data=digits trainer.devices=2"),
        ("--model vgg16 ResNet18 --lr 0.1", "-m model=vgg16,resnet18 optimizer.lr=0.1"),
        ("--model vgg16,resnet18 -m --seed 0 1", "model=vgg16,resnet18 -m seed=0,1"),
        ("--gpus 0 1 --model vgg16", "trainer.devices=2 model=vgg16"),
        ("--lr 0.1 --arch resnet18 data=folder", "optimizer.lr=0.1 model=resnet18 data=folder"),
        ("-a resnet18 -b 256 --pretrained", "model=resnet18 data.batch_size=256 model.weights="),
        ("--epochs=3 --seed=1", "trainer.max_epochs=3 seed=1"),
        ("--multirun --arch resnet18", "--multirun model=resnet18"),
        ("--no-cuda model=lenet5", "trainer.accelerator=cpu model=lenet5"),
        ("--cpu --lr 1e-3", "trainer.accelerator=cpu optimizer.lr=1e-3"),
    ],
)
def test_the_equivalent_overrides_are_stated(flags: str, overrides: str) -> None:
    with pytest.raises(ConfigError, match="key=value") as raised:
        read_arguments(flags.split())
    assert f"python -m cnncompare {overrides}" in str(raised.value)


def test_flags_without_an_equivalent_are_named() -> None:
    with pytest.raises(ConfigError, match="no equivalent for --print-freq;"):
        refuse_script_flags(["--lr", "0.1", "--print-freq", "10"], known=[])


@pytest.mark.parametrize("options", [["--cfg", "job"], ["-m", "seed=0,1"], ["--help"]])
def test_options_of_the_command_line_are_accepted(options: list[str]) -> None:
    read_arguments([*options, "model=lenet5"])


def test_a_learning_rate_is_answered_with_that_of_each_network() -> None:
    with pytest.raises(ConfigError, match=r"; without optimizer\.lr, each network uses its own\)"):
        refuse_script_flags(["--gpus", "0", "--lr", "0.1"], known=[])
    with pytest.raises(ConfigError) as raised:
        refuse_script_flags(["--epochs", "3"], known=[])
    assert "optimizer.lr" not in str(raised.value)
