"""Speed settings that are chosen for the processor or GPU and the network: the value ``auto``.

``auto`` is replaced before a configuration is validated, so that the identity of a run, its record
and its config.yaml contain the settings that were used. The same command on a processor for which
other settings are chosen is another run.
"""

import platform
import sys
from collections.abc import Mapping
from typing import Any

from cnncompare.system.gpus import count_cuda_gpus, lowest_compute_capability
from cnncompare.system.processor import bf16_unit, cpu_flags

AUTO = "auto"
FLOAT32 = "32-true"
AMPERE = 8  # compute capability of the first GPUs with bf16 and TF32
# speed of trainer=cpu_fast, compiled but for ResNet-18, in comparison with trainer=default, on a
# processor without bf16 units (two cores of an AMD EPYC, docs/performance.md)
BF16_WITHOUT_UNITS = {"lenet5": 0.20, "resnet20": 0.12, "resnet18": 0.18}
# networks, by the beginning of their names, that are faster with channels_last in float32, with
# AVX512 and with AVX2 alone; others, such as vgg11, are not, or have not been measured
CHANNELS_LAST = (
    *("lenet5", "quicknet", "mobilenet_v2", "squeezenet", "shufflenet_v2", "wrn_"),
    *("resnet18", "resnet20", "resnet32", "resnet34", "resnet44", "resnet56", "resnet110"),
)
NO_GAIN_OF_AVX512_BF16 = ("shufflenet_v2",)  # as fast as float32, and slower with channels_last
DEFAULTS = {
    "precision": FLOAT32,
    "channels_last": False,
    "trim_kernels": False,
    "matmul_precision": "highest",
    "deterministic": True,
}
_ON_GPU = {
    "precision": "bf16-mixed",
    "channels_last": True,
    "matmul_precision": "high",
    "deterministic": False,
}


def replace_auto(values: Any) -> Any:
    """Return the values of a configuration in which no setting of `trainer` is ``auto``."""
    trainer = values.get("trainer") if isinstance(values, Mapping) else None
    if not isinstance(trainer, Mapping):
        return values
    names = [name for name in DEFAULTS if trainer.get(name) == AUTO]
    if not names:
        return values
    chosen = _fastest(trainer, _name(values.get("model")))
    return {**values, "trainer": {**trainer, **{name: chosen[name] for name in names}}}


def slow_precision(accelerator: str, precision: str, network: str) -> str | None:
    """Return the sentence for a precision that this processor cannot do well, None if it can."""
    if precision == FLOAT32 or not lacks_bf16_units(accelerator):
        return None
    measured = BF16_WITHOUT_UNITS.get(network)
    low, high = min(BF16_WITHOUT_UNITS.values()), max(BF16_WITHOUT_UNITS.values())
    factor = f"{low:.2f} to {high:.2f}" if measured is None else f"{measured:.2f}"
    return (
        f"trainer.precision={precision}: this processor has no bf16 units (AMX or AVX512_BF16); "
        f"on another without them, bf16 trained {network if measured else 'networks'} at {factor} "
        "of the speed of float32; trainer=fast chooses what is fast here"
    )


def lacks_bf16_units(accelerator: str) -> bool:
    """Return whether training is on a CPU that is known to have no units for bf16."""
    if device_kind(accelerator) != "cpu":
        return False
    flags = cpu_flags()
    return flags is not None and bf16_unit(flags) is None


def device_kind(accelerator: str) -> str:
    """Return cpu, gpu or mps, on which `trainer.accelerator` trains on this machine."""
    if accelerator in ("cpu", "mps"):
        return accelerator
    if count_cuda_gpus() > 0:
        return "gpu"
    return "mps" if (sys.platform, platform.machine()) == ("darwin", "arm64") else "cpu"


def _fastest(trainer: Mapping[str, Any], network: str) -> dict[str, Any]:
    kind = device_kind(trainer.get("accelerator", AUTO))
    if kind == "gpu":
        return DEFAULTS | (_ON_GPU if lowest_compute_capability() >= AMPERE else {})
    if kind == "mps":
        return DEFAULTS
    asked = trainer.get("precision", FLOAT32)
    precision = _cpu_precision(network) if asked == AUTO else asked
    layout = precision not in (FLOAT32, "32", 32) or network.startswith(CHANNELS_LAST)
    return DEFAULTS | {"precision": precision, "channels_last": layout, "trim_kernels": True}


def _cpu_precision(network: str) -> str:
    unit = bf16_unit(cpu_flags())
    gains = unit == "AVX512_BF16" and not network.startswith(NO_GAIN_OF_AVX512_BF16)
    # bf16 of ARM processors has not been measured
    return "bf16-mixed" if gains or unit == "AMX" else FLOAT32


def _name(section: Any) -> str:
    """Return the name of the network, which may still be missing or wrong here."""
    name = section.get("name") if isinstance(section, Mapping) else getattr(section, "name", "")
    return str(name)
