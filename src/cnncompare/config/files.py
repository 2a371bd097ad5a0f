"""Configuration files: the shipped conf/, the user's own, and messages for errors in them."""

import re
import sys
from pathlib import Path
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.core.plugins import Plugins
from hydra.errors import ConfigCompositionException, MissingConfigException
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode

from cnncompare.config.catalog_options import SCHEME, CatalogOptions, catalog_options
from cnncompare.config.quoting import SINGLE_CHOICE_GROUPS
from cnncompare.config.validation import unknown_key_message
from cnncompare.errors import ConfigError, closest


def conf_folder() -> Path:
    """Return the shipped conf/, in the installed package or at the top of the repository."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "conf"
    return installed if installed.is_dir() else package.parents[1] / "conf"


def add_user_conf(arguments: list[str]) -> None:
    """Check the user's conf folders, ./conf and --config-dir, and make adjacent modules importable.

    Raises ConfigError if a file has the same name as a shipped one, because Hydra would choose
    one of the two without a message.
    """
    for folder in _user_folders(arguments):
        _refuse_shipped_names(folder)
        if str(folder.parent) not in sys.path:
            sys.path.insert(0, str(folder.parent))


def _user_folders(arguments: list[str]) -> list[Path]:
    folders = [Path("conf").resolve(), _config_dir_option(arguments)]
    found = [folder for folder in folders if folder is not None and folder.is_dir()]
    return [folder for folder in found if not folder.samefile(conf_folder())]


def _refuse_shipped_names(folder: Path) -> None:
    for path in sorted(folder.rglob("*.yaml")):
        shipped = conf_folder() / path.relative_to(folder)
        if shipped.exists() and shipped.read_bytes() != path.read_bytes():
            raise ConfigError(
                f"{path} has the name of a shipped file, which would hide it; rename it, for "
                f"example my_{path.name}, or start cnncompare in another folder"
            )


def _config_dir_option(arguments: list[str]) -> Path | None:
    for index, argument in enumerate(arguments):
        if argument in ("--config-dir", "-cd") and index + 1 < len(arguments):
            return Path(arguments[index + 1]).resolve()
        if argument.startswith("--config-dir="):
            return Path(argument.partition("=")[2]).resolve()
    return None


def register_search_path() -> None:
    """Make Hydra find the catalog's networks and the user's conf folder."""
    Plugins.instance().register(CatalogOptions)
    Plugins.instance().register(UserConf)


def list_options_without_copies() -> None:
    """Make Hydra ask its sources for the options of a group without a copy of them for each group.

    --help asks a hundred times, which took half of its time.
    """
    ConfigLoaderImpl.get_group_options = _group_options  # type: ignore[method-assign, assignment]


def _group_options(
    loader: ConfigLoaderImpl,
    group_name: str,
    results_filter: ObjectType | None = ObjectType.CONFIG,
    config_name: str | None = None,
    overrides: list[str] | None = None,
) -> list[str]:
    return loader.repository.get_group_options(group_name, results_filter)


class UserConf(SearchPathPlugin):
    """Adds the catalog and ./conf to Hydra's search path, after the shipped folder.

    Hydra itself adds --config-dir.
    """

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        """Append the networks of the catalog, and ./conf if it is not the shipped folder."""
        search_path.append("catalog", f"{SCHEME}://{conf_folder()}")
        folder = Path("conf").resolve()
        if folder.is_dir() and not folder.samefile(conf_folder()):
            search_path.append("user", f"file://{folder}")


def refuse_merged_options(hydra: Any, loader: ConfigLoader) -> None:
    """Raise ConfigError if a defaults list names several options of a group that has one.

    Hydra merges them without a message. The composed section `hydra` lacks the choice of such a
    group.
    """
    if all(group in hydra.runtime.choices for group in SINGLE_CHOICE_GROUPS):
        return
    overrides = [*hydra.overrides.hydra, *hydra.overrides.task]
    listed = loader.compute_defaults_list(hydra.job.config_name, overrides, RunMode.RUN).defaults
    for group in SINGLE_CHOICE_GROUPS:
        paths = [str(entry.config_path) for entry in listed]
        names = [path.partition("/")[2] for path in paths if path.startswith(f"{group}/")]
        if len(names) > 1:
            raise ConfigError(
                f"the defaults list has several options of {group}: {', '.join(names)}; a run "
                f"takes one, and -m {group}={','.join(names)} runs each"
            )


def hydra_error_message(error: Exception) -> str:
    """Return a one-line message for an error of Hydra or OmegaConf."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _unknown_option(str(error.missing_cfg_file), list(error.options or []))
    if isinstance(error, ConfigCompositionException):
        key = re.search(r"Could not override '([^']+)'", str(error))
        if key:
            return _invalid_override(key.group(1), error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith(("not found.", "composing config:")):
        return " ".join(lines[:2])
    return lines[0] if lines else type(error).__name__


def _unknown_option(file: str, options: list[str]) -> str:
    group, _, name = file.rpartition("/")
    known = f"known: {', '.join(options)}"
    if group == "model":
        options = [*options, *catalog_options(conf_folder())]
        known = "python -m cnncompare models lists all"
    looked_in = "".join(f" and {folder / group}" for folder in _user_folders(sys.argv[1:]))
    return (
        f"unknown {group or 'configuration'} {name!r}{closest(name, options)} ({known}; looked for "
        f"it in cnncompare{looked_in})"
    )


def _invalid_override(key: str, error: ConfigCompositionException) -> str:
    path = key.split("@")[0].split(".")
    if path[:2] == ["model", "options"]:
        return f"{key} is an argument of the network's builder; add it with a plus: +{key}=VALUE"
    cause = str(error.__cause__ or "").splitlines()
    if cause and "struct" not in cause[0]:
        return f"{key}: {cause[0]}"
    return unknown_key_message(path)
