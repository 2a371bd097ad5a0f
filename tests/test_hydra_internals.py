"""Imports from Hydra's private modules: the ones that are known, with what is used of them."""

import inspect
import re
from pathlib import Path

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.utils import get_args_parser

SRC = Path(__file__).resolve().parents[1] / "src"
KNOWN = {
    "hydra._internal.config_loader_impl": {"ConfigLoaderImpl"},
    "hydra._internal.core_plugins.basic_sweeper": {"BasicSweeper"},
    "hydra._internal.utils": {"get_args_parser"},
}


def private_imports() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path in SRC.rglob("*.py"):
        text = path.read_text()
        for module, names in re.findall(r"from (hydra\._internal[\w.]*) import ([\w, ]+)", text):
            found.setdefault(module, set()).update(names.replace(" ", "").split(","))
        assert "import hydra._internal" not in text, path
        assert "optuna._" not in text, path
    return found


def test_no_other_private_module_is_imported() -> None:
    assert private_imports() == KNOWN


def test_the_values_of_a_composed_configuration_can_be_set() -> None:
    parameters = inspect.signature(ConfigLoaderImpl._apply_overrides_to_config).parameters
    assert list(parameters) == ["overrides", "cfg"]


def test_the_basic_sweeper_splits_arguments_and_reads_its_parameters() -> None:
    parameters = inspect.signature(BasicSweeper.split_arguments).parameters
    assert list(parameters) == ["overrides", "max_batch_size"]
    assert list(inspect.signature(BasicSweeper._parse_config).parameters) == ["self"]
    assert list(inspect.signature(BasicSweeper.setup).parameters) == [
        *("self", "hydra_context", "task_function", "config")
    ]


def test_the_parser_has_the_options_that_are_passed_on() -> None:
    options = vars(get_args_parser().parse_args([]))
    assert set(options) >= {
        *("overrides", "help", "hydra_help", "cfg", "resolve", "package", "run", "multirun"),
        *("shell_completion", "config_path", "config_name", "config_dir", "info"),
    }
