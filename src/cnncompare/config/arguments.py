"""Arguments of the command line for Hydra, checked and in the form that Hydra accepts."""

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from hydra._internal.utils import get_args_parser

from cnncompare.config.quoting import (
    Several,
    quote_overrides,
    refuse_options,
    refuse_two_lengths,
)
from cnncompare.config.script_flags import refuse_script_flags
from cnncompare.errors import ConfigError
from cnncompare.system.ranks import is_rank_zero

_SWITCHES = ("help", "hydra_help", "resolve", "run", "multirun", "shell_completion")
_OPTIONS = ("cfg", "package", "config_path", "config_name", "config_dir", "info")
_ACTIONS = ("run", "multirun", "cfg", "info", "shell_completion")
_SHELLS = ("bash", "fish", "zsh")
# Hydra's keys of folders; output_root and name determine them
_FOLDERS = ("hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.output_subdir")
_MULTIRUN_MODE = "hydra.mode=MULTIRUN"


@dataclass(frozen=True)
class Arguments:
    """Hydra's options, which can stand anywhere among the overrides, and the overrides."""

    options: argparse.Namespace
    overrides: tuple[str, ...]

    @property
    def is_sweep(self) -> bool:
        """Whether a comma separates the values of several jobs."""
        return bool(self.options.multirun) or _MULTIRUN_MODE in self.overrides

    @property
    def shows_config(self) -> bool:
        """Whether the configuration of a run is printed instead of executed."""
        return self.options.cfg in ("job", "all") and not self._prints_help

    @property
    def shows_jobs(self) -> bool:
        """Whether the configurations of a sweep are printed instead of executed."""
        return self.options.cfg == "job" and self.is_sweep and not self._prints_help

    @property
    def only_prints(self) -> bool:
        """Whether nothing is executed."""
        names = ("cfg", "info", "shell_completion")
        return self._prints_help or any(getattr(self.options, name) for name in names)

    @property
    def _prints_help(self) -> bool:
        return bool(self.options.help or self.options.hydra_help)

    def for_hydra(self) -> list[str]:
        """Return the arguments as Hydra's parser accepts them: options first."""
        switches = [f"--{_dashed(name)}" for name in _SWITCHES if getattr(self.options, name)]
        values = ((name, getattr(self.options, name)) for name in _OPTIONS)
        options = [f"--{_dashed(name)}={value}" for name, value in values if value is not None]
        return [*switches, *options, *self.overrides]

    def for_jobs(self) -> list[str]:
        """Return the arguments with which the launcher prints the jobs of the sweep."""
        resolve = ["hydra.launcher.resolve=true"] if self.options.resolve else []
        overrides = (
            *without_launcher(self.overrides),
            "hydra.launcher.show=true",
            *resolve,
        )
        return self._without_display(overrides, multirun=True).for_hydra()

    def for_validation(self) -> list[str]:
        """Return the arguments with which Hydra composes one run."""
        return self._without_display(
            (*self.overrides, "hydra.mode=RUN"), multirun=False
        ).for_hydra()

    def _without_display(self, overrides: tuple[str, ...], *, multirun: bool) -> "Arguments":
        options = vars(self.options) | {"cfg": None, "resolve": False, "package": None}
        return Arguments(argparse.Namespace(**options | {"multirun": multirun}), overrides)


def read_arguments(arguments: Sequence[str]) -> Arguments:
    """Return the arguments with quoted overrides.

    Raises ConfigError for unknown options, combinations that Hydra does not have, and overrides
    that cannot be read.
    """
    if any(argument.startswith("--experimental-rerun") for argument in arguments):
        raise ConfigError("--experimental-rerun loads a pickle, which can run code; not supported")
    parser = get_args_parser()
    refuse_script_flags(arguments, list(parser._option_string_actions))
    parser.error = _refuse  # type: ignore[method-assign]  # Hydra builds the parser
    options = parser.parse_intermixed_args(list(arguments))
    parsed = Arguments(options, tuple(options.overrides))
    _check_combination(parsed)
    if options.shell_completion:
        return parsed  # its arguments, such as install=bash, are no overrides
    _refuse_folders(parsed.overrides)
    refuse_two_lengths(parsed.overrides)
    if options.config_path is not None and os.path.isdir(options.config_path):
        refuse_options(parsed.overrides, Path(options.config_path))
    several: Several = "sweep" if parsed.is_sweep else "add -m"
    return Arguments(options, tuple(quote_overrides(parsed.overrides, several)))


def without_launcher(arguments: Sequence[str]) -> list[str]:
    """Return the arguments less the choice of a launcher and its settings."""
    return [a for a in arguments if not re.match(r"[+~]*hydra(/|\.)launcher[.=@]", a)]


def _refuse_folders(overrides: Sequence[str]) -> None:
    if not is_rank_zero():
        return  # Lightning starts the other ranks with hydra.run.dir
    for override in overrides:
        key = override.partition("=")[0].lstrip("+~")
        if key in _FOLDERS:
            raise ConfigError(
                f"{override}: a run's folder is named after its configuration, below "
                "output_root/name; use output_root=PATH and name=NAME"
            )


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"{message}; --help lists the options")


def _check_combination(arguments: Arguments) -> None:
    options = arguments.options
    if options.help or options.hydra_help:
        return
    given = [name for name in _ACTIONS if getattr(options, name)]
    if options.resolve and options.cfg is None:
        raise ConfigError("--resolve needs --cfg job or --help")
    if options.cfg and arguments.is_sweep and set(given) <= {"cfg", "multirun"}:
        if options.cfg != "job" or options.package:
            raise ConfigError("with -m, the jobs are printed by --cfg job without --package")
    elif len(given) > 1:
        names = " and ".join(f"--{_dashed(name)}" for name in given)
        raise ConfigError(f"{names} cannot be combined; use one of them")
    if options.shell_completion:
        _check_completion(arguments.overrides)


def _check_completion(overrides: Sequence[str]) -> None:
    command, _, shell = overrides[0].partition("=") if len(overrides) == 1 else ("", "", "")
    if command not in ("install", "uninstall", "query") or shell not in _SHELLS:
        raise ConfigError(
            "--shell-completion needs one of install=SHELL, uninstall=SHELL and query=SHELL, where "
            f"SHELL is one of {', '.join(_SHELLS)}"
        )
    if command == "query" and "COMP_LINE" not in os.environ:
        raise ConfigError("--shell-completion query=SHELL is for shells, which set COMP_LINE")


def _dashed(name: str) -> str:
    return name.replace("_", "-")
