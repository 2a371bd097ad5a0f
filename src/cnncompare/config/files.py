"""Where configuration files lie, the user's own beside the shipped, and what was wrong with one."""

import re
import sys
from pathlib import Path

from hydra.core.config_search_path import ConfigSearchPath
from hydra.errors import ConfigCompositionException, MissingConfigException
from hydra.plugins.search_path_plugin import SearchPathPlugin

from cnncompare.config.validation import unknown_key
from cnncompare.errors import ConfigError, closest


def conf_folder() -> Path:
    """Return the shipped conf/: inside the installed package, or at the top of the checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "conf"
    return inside if inside.is_dir() else package.parents[1] / "conf"


def add_user_conf(words: list[str]) -> None:
    """Check the user's own conf folders, ./conf and --config-dir, and admit the modules beside.

    Raises ConfigError when one of their files has the name of a shipped one: Hydra would take one
    of the two in silence.
    """
    for folder in (Path("conf").resolve(), _config_dir_option(words)):
        if folder is None or not folder.is_dir() or folder.samefile(conf_folder()):
            continue
        _refuse_shipped_names(folder)
        if str(folder.parent) not in sys.path:
            sys.path.insert(0, str(folder.parent))


def _refuse_shipped_names(folder: Path) -> None:
    for path in sorted(folder.rglob("*.yaml")):
        shipped = conf_folder() / path.relative_to(folder)
        if shipped.exists() and shipped.read_bytes() != path.read_bytes():
            raise ConfigError(
                f"{path} has the name of a shipped file, which would hide it; rename it, for "
                f"example my_{path.name}, or start cnncompare elsewhere"
            )


def _config_dir_option(words: list[str]) -> Path | None:
    for position, word in enumerate(words):
        if word in ("--config-dir", "-cd") and position + 1 < len(words):
            return Path(words[position + 1]).resolve()
        if word.startswith("--config-dir="):
            return Path(word.partition("=")[2]).resolve()
    return None


class UserConf(SearchPathPlugin):
    """Adds ./conf after the shipped folder; Hydra itself adds --config-dir."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        folder = Path("conf").resolve()
        if folder.is_dir() and not folder.samefile(conf_folder()):
            search_path.append("user", f"file://{folder}")


def describe_problem(error: Exception) -> str:
    """Return one line for what Hydra or OmegaConf found wrong with the words or the files."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file:
        return _unknown_choice(str(error.missing_cfg_file), list(error.options or []))
    if isinstance(error, ConfigCompositionException):
        key = re.search(r"Could not override '([^']+)'", str(error))
        if key:
            return _bad_override(key.group(1), error)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if len(lines) > 1 and lines[0].endswith("not found."):
        return " ".join(lines[:2])
    return lines[0] if lines else type(error).__name__


def _unknown_choice(missing: str, options: list[str]) -> str:
    group, _, word = missing.rpartition("/")
    known = ", ".join(options)
    return f"unknown {group or 'configuration'} {word!r}{closest(word, options)} (known: {known})"


def _bad_override(key: str, error: ConfigCompositionException) -> str:
    path = key.split("@")[0].split(".")
    if path[:2] == ["model", "options"]:
        return f"{key} is an option of the network's builder; add it with a plus: +{key}=VALUE"
    cause = str(error.__cause__ or "").splitlines()
    if cause and "struct" not in cause[0]:
        return f"{key}: {cause[0]}"
    return unknown_key(path)
