"""A user's modules: their files, hashes and import; imports no torch by itself."""

import hashlib
import os
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from cnncompare.errors import ConfigError, UserError
from cnncompare.extensions.kinds import REGISTRIES

_INSTALLED = ("site-packages", "dist-packages", "lib-dynload")  # folders of installed packages


def find_module(module: str) -> Path | None:
    """Return the file of a user's module, None if there is none.

    Installed packages, Python's own modules and this project's are not searched, so that a
    configuration file cannot name their code.
    """
    parts = module.split(".")
    if not all(part.isidentifier() for part in parts) or parts[0] == "cnncompare":
        return None
    for folder in _folders():
        base = folder.joinpath(*parts)
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                return file.resolve()
    return None


def module_sha256(module: str) -> str | None:
    """Return the SHA-256 of the module's file, None if there is none."""
    file = find_module(module)
    return None if file is None else hashlib.sha256(file.read_bytes()).hexdigest()


def import_own_module(module: str, key: str) -> Path:
    """Import a user's module and return its file.

    `key` is the key of the configuration that names it. Raises ConfigError if it does not exist or
    cannot be imported.
    """
    file = find_module(module)
    if file is None:
        raise ConfigError(
            f"{key}={module}: there is no {module.replace('.', '/')}.py in {os.getcwd()}; "
            "put it next to your conf folder"
        )
    try:
        imported = import_module(module)
    except UserError:  # of a registration
        _forget(file)
        raise
    except (Exception, SystemExit) as error:
        _forget(file)
        raise ConfigError(
            f"{key}={module}: {_location(error, file)} cannot be imported: {_last_line(error)}"
        ) from error
    found = getattr(imported, "__file__", None)
    if found is None or not Path(found).samefile(file):
        raise ConfigError(
            f"{key}={module}: {file} is hidden by {found or 'a module of Python'} of the same "
            "name; rename it"
        )
    return file


def _folders() -> Iterator[Path]:
    installed = {os.path.realpath(path) for path in sysconfig.get_paths().values()}
    for entry in sys.path:
        folder = Path(entry or ".")
        if os.path.realpath(folder) in installed or set(folder.parts) & set(_INSTALLED):
            continue
        yield folder


def _forget(file: Path) -> None:
    for registry in REGISTRIES:
        registry.forget(str(file))


def _location(error: BaseException, file: Path) -> str:
    """Return the file and the line in which the import failed."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename} line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).resolve() == file]
    return f"{file} line {own[-1].lineno}" if own else str(file)


def _last_line(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()
