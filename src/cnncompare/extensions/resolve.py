"""Factories by name, with their options checked against the signatures; imports no torch."""

import inspect
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from cnncompare.errors import ConfigError, closest
from cnncompare.extensions.modules import import_own_module
from cnncompare.extensions.registry import Factory, Registry


def resolve(registry: Registry, name: str, module: str | None = None, key: str = "") -> Factory:
    """Return the factory `name`: built in, or registered by a user's `module`.

    `key` is the key of the configuration that names the module. Raises ConfigError for an unknown
    name and for a module that cannot be imported.
    """
    looked_in = "cnncompare"
    if module is not None:
        looked_in += f" and in {import_own_module(module, key)}"
    elif name in registry.builtin:
        import_module(registry.builtin[name])
    factory = registry.get(name)
    if factory is None:
        raise ConfigError(registry.unknown(name, looked_in))
    return factory


def check_options(
    registry: Registry, name: str, factory: Factory, options: Mapping[str, Any]
) -> None:
    """Raise ConfigError for options that the factory does not declare, or that it misses."""
    parameters = _options_of(factory, registry)
    if parameters is not None:
        _check_known(registry, name, options, list(parameters))
    for option, parameter in (parameters or {}).items():
        if parameter.default is inspect.Parameter.empty and option not in options:
            raise ConfigError(
                f"{registry.kind} {name} needs the option {option}; set it in the component's YAML "
                "file or on the command line"
            )


def call(
    factory: Factory, *positional: Any, options: Mapping[str, Any], supplied: Mapping[str, Any]
) -> Any:
    """Return the component, built from the options and the supplied arguments it declares."""
    declared = inspect.signature(factory).parameters
    passed = {name: value for name, value in supplied.items() if name in declared}
    return factory(*positional, **passed, **options)


def _options_of(factory: Factory, registry: Registry) -> dict[str, inspect.Parameter] | None:
    """Return the parameters that are options; None if the factory accepts any."""
    parameters = inspect.signature(factory).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    own = list(parameters.items())[registry.positional :]
    return {name: p for name, p in own if name not in registry.supplied}


def _check_known(
    registry: Registry, name: str, options: Mapping[str, Any], known: list[str]
) -> None:
    for option in options:
        if option not in known:
            raise ConfigError(
                f"{registry.kind} {name} has no option {option!r}{closest(option, known)} "
                f"(known: {', '.join(known) or 'none'})"
            )
