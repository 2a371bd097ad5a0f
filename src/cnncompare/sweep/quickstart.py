"""The command `cnncompare quickstart`: the shipped experiment of this name, and its report."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from cnncompare.config.files import conf_folder
from cnncompare.errors import ConfigError
from cnncompare.language.catalogue import marked
from cnncompare.system.cores import available_core_ids

USAGE = """\
usage: cnncompare quickstart [overrides]

Train the four networks of experiment=quickstart with three seeds each on 1,797 included images of
handwritten digits, then compare them in a report. Nothing is downloaded. An interrupted quickstart
continues with the same command. Overrides apply to all runs: cnncompare quickstart seeds=5"""
NEXT_STEPS = marked(
    """next:
  cnncompare tensorboard {study}                             # curves of all runs
  cnncompare -m name=mine data=folder data.root=PHOTOS model=lenet5,resnet20 seeds=3
  cnncompare models                                          # the networks to choose from"""
)


def sweeps(overrides: Sequence[str]) -> list[list[str]]:
    """Return the arguments of two sweeps: over the first two networks, then over all.

    The second sweep finds the first one's runs finished, so that a table can be read early.
    Raises ConfigError for an option that starts something else than a sweep.
    """
    options = [override for override in overrides if override.startswith("-")]
    if options:
        raise ConfigError(f"quickstart takes overrides (key=value), not the option {options[0]}")
    workers = min(2, len(available_core_ids()))  # small networks do not use two cores well
    every = ["-m", "experiment=quickstart", f"sweep.workers={workers}", *overrides]
    if any(override.startswith("model=") for override in overrides):
        return [every]
    first_two = ",".join(_models()[:2])
    return [[*every, f"model={first_two}"], every]


def study_language(overrides: Sequence[str]) -> str:
    """Return the language of the console, which is also that of the report."""
    values = dict(override.split("=", 1) for override in overrides if "=" in override)
    return values.get("language", "en")


def study_folder(overrides: Sequence[str]) -> Path:
    """Return the folder of the runs."""
    values = dict(override.split("=", 1) for override in overrides if "=" in override)
    return Path(values.get("output_root", "outputs")) / values.get("name", "quickstart")


def _models() -> list[str]:
    text = (conf_folder() / "experiment" / "quickstart.yaml").read_text("utf-8")
    models: str = yaml.safe_load(text)["hydra"]["sweeper"]["params"]["model"]
    return models.split(",")
