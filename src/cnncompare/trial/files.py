"""The files of the trials in conf/experiment/trial, read and validated before anything runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cnncompare.config.files import conf_folder
from cnncompare.config.trial import TrialConfig
from cnncompare.errors import ConfigError, closest
from cnncompare.system import strict_yaml

FOLDER = Path("experiment") / "trial"


@dataclass(frozen=True)
class Trial:
    """A trial by the name of its file; `study` is the folder's name of its runs."""

    name: str
    study: str
    config: TrialConfig

    @property
    def option(self) -> str:
        """The override that selects the experiment."""
        return f"experiment=trial/{self.name}"


def read_trials(names: Sequence[str]) -> list[Trial]:
    """Return the trials `names`, or all for none: by number, the controls last.

    Those of the folder ./conf come with the shipped ones. Raises ConfigError for an unknown name
    or an invalid file.
    """
    files = _files()
    for name in names:
        if name not in files:
            raise ConfigError(
                f"trial: there is no trial {name!r}{closest(name, files)} "
                f"(trials: {', '.join(sorted(files))})"
            )
    trials = [read_trial(files[name]) for name in dict.fromkeys(names or files)]
    return sorted(trials, key=lambda t: (t.config.is_control, t.config.number, t.name))


def read_trial(file: Path) -> Trial:
    """Return the trial of a file; raises ConfigError, in one line, if it is invalid."""
    try:
        content = strict_yaml.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{file} cannot be read: {' '.join(str(error).split())}") from None
    section = content.get("trial") if isinstance(content, dict) else None
    if not isinstance(section, dict):
        raise ConfigError(f"{file} has no section trial with claim, source and variants")
    study = content.get("name")
    if not isinstance(study, str):
        raise ConfigError(f"{file} has no name for its study, such as name: trial_{file.stem}")
    try:
        return Trial(file.stem, study, TrialConfig.model_validate(section))
    except ValidationError as error:
        raise ConfigError(f"{file}: {_first_problem(error, section)}") from None


def _files() -> dict[str, Path]:
    folders = [conf_folder() / FOLDER, Path("conf") / FOLDER]
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def _first_problem(error: ValidationError, section: Mapping[str, Any]) -> str:
    problem = error.errors()[0]
    key = ".".join(["trial", *(str(name) for name in problem["loc"] if name != "[key]")])
    match problem["type"]:
        case "missing":
            return f"{key} is missing"
        case "extra_forbidden":
            last = str(problem["loc"][-1])
            return f"unknown key {key}{closest(last, _known_keys(problem['loc']))}"
        case "value_error":
            return f"{key}: {problem['msg'].removeprefix('Value error, ')}"
        case _:
            wanted = problem["msg"].removeprefix("Input should be ")
            return f"{key}={problem['input']!r}: expected {wanted}"


def _known_keys(location: Sequence[int | str]) -> list[str]:
    from cnncompare.config.trial import TrialComparison

    section = TrialComparison if location[0] == "comparisons" else TrialConfig
    return list(section.model_fields)
