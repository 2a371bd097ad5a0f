"""Options of training scripts, such as ``--epochs 10``, answered with the overrides to use."""

import shlex
from collections.abc import Iterator, Sequence

from cnncompare.config.suggestions import keys_for
from cnncompare.errors import ConfigError

_SHORT = {"-a": "arch", "-b": "batch_size", "-j": "workers"}
_WITHOUT_VALUE = {
    "pretrained": "model.weights=IMAGENET1K_V1",
    "cpu": "trainer.accelerator=cpu",
    "no_cuda": "trainer.accelerator=cpu",
    "nesterov": "optimizer.nesterov=true",
    "fp16": "trainer.precision=16-mixed",
    "amp": "trainer.precision=16-mixed",
    "evaluate": "trainer.max_epochs=0",
}
_SEVERAL = (["model"], ["seed"], ["trainer.devices"])  # another flag's second value is none of it
_LOWER_CASE = ("model", "data", "optimizer", "scheduler")


def refuse_script_flags(arguments: Sequence[str], known: Sequence[str]) -> None:
    """Raise ConfigError with the equivalent overrides if options of training scripts are given.

    `known` holds the options that the command line has.
    """
    overrides: list[str] = []
    flags: list[str] = []
    without: list[str] = []
    waiting = list(arguments)
    while waiting:
        argument = waiting.pop(0)
        if not _is_flag(argument, known):
            overrides.append(argument)
            continue
        flag, _, value = argument.partition("=")
        flags.append(flag)
        name = _SHORT.get(flag, flag.lstrip("-").replace("-", "_").lower())
        if not value and (keys_for(name) or name not in _WITHOUT_VALUE):
            value = ",".join(_take_values(name, waiting))
        override = _override(name, value)
        (overrides if override else without).append(override or flag)
    if flags:
        raise ConfigError(_message(flags, overrides, without))


def _take_values(name: str, waiting: list[str]) -> Iterator[str]:
    """Remove the value that follows a flag, or several as in ``--model vgg16 resnet18``."""
    most = len(waiting) if keys_for(name)[:1] in _SEVERAL else 1
    while most and waiting and not waiting[0].startswith("-") and "=" not in waiting[0]:
        yield waiting.pop(0)
        most -= 1


def _is_flag(argument: str, known: Sequence[str]) -> bool:
    if argument in _SHORT:
        return True
    name = argument.partition("=")[0]
    return name.startswith("--") and len(name) > 2 and name not in known


def _override(name: str, value: str) -> str | None:
    if not value:
        return _WITHOUT_VALUE.get(name)
    if name in ("gpu", "gpus", "devices"):
        return f"trainer.devices={_device_count(name, value)}"
    keys = keys_for(name)
    if not keys:
        return None
    return f"{keys[0]}={value.lower() if keys[0] in _LOWER_CASE else value}"


def _device_count(name: str, value: str) -> int:
    """Return the number of devices of a number, or of a list of indices such as 0,1."""
    indices = [index for index in value.strip("[]").split(",") if index.strip()]
    count = int(value) if value.isdecimal() and name != "gpu" else len(indices)
    return max(count, 1)


def _message(flags: list[str], overrides: list[str], without: list[str]) -> str:
    several = len(flags) > 1
    text = (
        f"{', '.join(flags)} {'are not options' if several else 'is not an option'} of cnncompare"
    )
    if overrides:
        sweep = ["-m"] if _has_several(overrides) else []
        text += f", which takes key=value: python -m cnncompare {shlex.join([*sweep, *overrides])}"
    hints = _hints(flags, overrides)
    if hints:
        text += f" ({'; '.join(hints)})"
    if without:
        text += f"; no equivalent for {', '.join(without)}"
    return text + "; --help lists the options"


def _has_several(overrides: Sequence[str]) -> bool:
    """Whether an override has several values, which takes -m, and none of them is given yet."""
    return not {"-m", "--multirun"} & set(overrides) and any(
        "," in override for override in overrides
    )


def _hints(flags: Sequence[str], overrides: Sequence[str]) -> list[str]:
    hints = []
    if "--gpus" in flags:
        hints.append("to train without a GPU: trainer.accelerator=cpu")
    if any(override.startswith("optimizer.lr=") for override in overrides):
        hints.append("without optimizer.lr, each network uses its own")
    return hints
