"""The settings of trainer=fast and trainer=cpu_fast by processor, GPU and network."""

import sys
from functools import cache
from typing import Any

import pytest
import yaml

from cnncompare.bench.tune import candidates
from cnncompare.config import fast_settings
from cnncompare.config.fast_settings import slow_precision
from cnncompare.config.files import conf_folder
from cnncompare.config.schema import Config
from cnncompare.config.validation import validate
from cnncompare.errors import ConfigError
from cnncompare.system import processor
from tests.composing import compose_config

AMX = "flags : avx2 avx512f avx512_bf16 amx_bf16\n"
AVX2 = "flags : avx2 fma\n"
ARM = "Features : asimd bf16\n"
BF16 = {"precision": "bf16-mixed", "channels_last": True, "trim_kernels": True}


@cache
def unchanged(model: str) -> dict[str, Any]:
    return compose_config("data=cifar10", f"model={model}").model_dump(mode="json")


@cache
def option(name: str) -> dict[str, Any]:
    """Return the keys of a file in conf/trainer."""
    text = (conf_folder() / "trainer" / f"{name}.yaml").read_text()
    return {key: value for key, value in yaml.safe_load(text).items() if key != "defaults"}


def composed(*overrides: str, model: str = "resnet20") -> Config:
    """Return what Hydra composes of trainer=NAME and trainer.KEY=VALUE, in milliseconds."""
    values = unchanged(model)
    for key, value in (override.split("=") for override in overrides):
        changed = option(value) if key == "trainer" else {key[8:]: yaml.safe_load(value)}
        values = {**values, "trainer": {**values["trainer"], **changed}}
    return validate(values)


def trainer_identity(*overrides: str, model: str = "resnet20") -> dict[str, object]:
    found = composed(*overrides, model=model).identity().get("trainer", {})
    assert isinstance(found, dict)
    return found


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> "Machine":
    monkeypatch.setattr(sys, "platform", "linux")
    return Machine(monkeypatch)


class Machine:
    """A machine with the processor and GPUs that a test names."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.has()

    def has(self, cpuinfo: str = AVX2, gpus: int = 0, capability: int = 0) -> None:
        patch = self._monkeypatch.setattr
        patch(processor, "read_cpuinfo", lambda: cpuinfo)
        patch(fast_settings, "count_cuda_gpus", lambda: gpus)
        patch(fast_settings, "lowest_compute_capability", lambda: capability)


@pytest.mark.parametrize("name", ["fast", "cpu_fast"])
@pytest.mark.parametrize("model", ["lenet5", "vgg16", "resnet20"])
def test_units_for_bf16_are_used(machine: Machine, name: str, model: str) -> None:
    machine.has(AMX)
    assert trainer_identity(f"trainer={name}", model=model) == BF16
    machine.has("flags : avx512f avx512_bf16\n")
    assert trainer_identity(f"trainer={name}", model=model) == BF16


@pytest.mark.parametrize("name", ["fast", "cpu_fast"])
@pytest.mark.parametrize("cpuinfo", [AVX2, ARM, ""])
def test_other_processors_train_in_float32(machine: Machine, name: str, cpuinfo: str) -> None:
    """bf16 on ARM and on unknown processors has not been measured."""
    machine.has(cpuinfo)
    layout = {"channels_last": True, "trim_kernels": True}
    assert trainer_identity(f"trainer={name}") == layout
    assert trainer_identity(f"trainer={name}", model="vgg16") == {"trim_kernels": True}


def test_a_network_without_gain_trains_in_float32_with_avx512_bf16(machine: Machine) -> None:
    float32 = {"channels_last": True, "trim_kernels": True}
    machine.has("flags : avx512f avx512_bf16\n")
    assert trainer_identity("trainer=fast", model="shufflenet_v2") == float32
    machine.has(AMX)
    assert trainer_identity("trainer=fast", model="shufflenet_v2") == BF16


def test_another_processor_is_another_run_and_the_same_one_the_same(machine: Machine) -> None:
    machine.has(AMX)
    with_units = composed("trainer=fast")
    machine.has(AVX2)
    without = composed("trainer=fast")
    assert with_units.run_folder() != without.run_folder()
    assert without.hash() == composed("trainer=fast").hash()
    typed = composed("trainer.channels_last=true", "trainer.trim_kernels=true")
    assert without.hash() == typed.hash()
    saved = Config.model_validate(yaml.safe_load(yaml.safe_dump(with_units.model_dump())))
    assert saved.hash() == with_units.hash()  # config.yaml has what was used, on any processor


def test_hydra_composes_the_same(machine: Machine) -> None:
    machine.has(AMX)
    hydra = compose_config("data=cifar10", "model=resnet20", "trainer=fast", "trainer.compile=true")
    assert hydra.hash() == composed("trainer=fast", "trainer.compile=true").hash()


def test_a_setting_of_the_user_is_kept(machine: Machine) -> None:
    machine.has(AMX)
    assert trainer_identity("trainer=fast", "trainer.precision=32") == {
        "channels_last": True,
        "trim_kernels": True,
    }
    kept = trainer_identity("trainer=fast", "trainer.precision=32", model="vgg16")
    assert kept == {"trim_kernels": True}
    kept = trainer_identity("trainer=fast", "trainer.channels_last=false")
    assert kept == {"precision": "bf16-mixed", "trim_kernels": True}


def test_single_settings_can_be_auto(machine: Machine) -> None:
    machine.has(AVX2)
    assert trainer_identity("trainer.channels_last=auto") == {"channels_last": True}
    assert trainer_identity("trainer.precision=auto", "trainer.deterministic=auto") == {}


def test_a_gpu_from_ampere_on_has_the_settings_of_gpu_fast(machine: Machine) -> None:
    machine.has(AMX, gpus=1, capability=9)
    assert composed("trainer=fast").hash() == composed("trainer=gpu_fast").hash()
    assert trainer_identity("trainer=cpu_fast") == BF16  # as in earlier versions
    on_cpu = trainer_identity("trainer=fast", "trainer.accelerator=cpu")
    assert on_cpu == {**BF16, "accelerator": "cpu"}
    machine.has(AMX, gpus=2, capability=7)
    assert trainer_identity("trainer=fast") == {}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("trainer.precision=autos", "trainer.precision='autos': expected 32-true"),
        ("trainer.channels_last=aut", "trainer.channels_last='aut': expected true or false"),
        ("trainer.compile=auto", "trainer.compile='auto': expected true or false"),
    ],
)
def test_other_values_are_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        composed(override)
    assert str(caught.value).startswith(message)


def test_bf16_without_units_is_warned_of_with_the_measured_factor(machine: Machine) -> None:
    machine.has(AVX2)
    for precision in ("bf16-mixed", "bf16-true", "16-mixed"):
        sentence = slow_precision("auto", precision, "resnet20") or ""
        assert f"trainer.precision={precision}: " in sentence
        assert "resnet20 at 0.12 of the speed of float32" in sentence
    assert "networks at 0.12 to 0.20" in (slow_precision("cpu", "bf16-mixed", "vgg16") or "")
    assert slow_precision("auto", "32-true", "resnet20") is None
    machine.has(AMX)
    assert slow_precision("auto", "bf16-mixed", "resnet20") is None
    machine.has("")
    assert slow_precision("auto", "bf16-mixed", "resnet20") is None
    machine.has(AVX2, gpus=1, capability=8)
    assert slow_precision("auto", "bf16-mixed", "resnet20") is None
    assert slow_precision("cpu", "bf16-mixed", "resnet20")


def test_tuning_does_not_try_bf16_without_units(machine: Machine) -> None:
    machine.has(AVX2)
    tried = [candidate.settings for candidate in candidates(composed())]
    assert not [settings for settings in tried if "precision" in settings]
    assert {"channels_last": True, "trim_kernels": True} in tried
    machine.has(AMX)
    assert {"precision": "bf16-mixed"} in [each.settings for each in candidates(composed())]
