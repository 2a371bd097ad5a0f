"""Registries of factories by name, one per kind of component; imports no torch."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import FrameType
from typing import Any, TypeVar

from cnncompare.errors import ConfigError, UserError, closest

Factory = Callable[..., Any]
F = TypeVar("F", bound=Factory)


@dataclass(frozen=True)
class Registration:
    """A factory with the module, the file and the line that registered it."""

    factory: Factory
    module: str
    file: str
    line: int


class Registry:
    """The factories of one kind, by name.

    `builtin` maps the names of the project's own components to the modules that define them.
    The first `positional` arguments of a factory and those in `supplied`, if it declares them,
    come from the program; all others are options of the configuration. A name that is registered
    twice raises `error`.
    """

    def __init__(
        self,
        kind: str,
        builtin: Mapping[str, str],
        supplied: Iterable[str] = (),
        positional: int = 0,
        error: type[UserError] = ConfigError,
    ) -> None:
        self.kind = kind
        self.builtin = builtin
        self.supplied = frozenset(supplied)
        self.positional = positional
        self.error = error
        self._registered: dict[str, Registration] = {}

    def register(self, name: str) -> Callable[[F], F]:
        """Return a decorator that registers a factory as `name`."""

        def decorate(factory: F) -> F:
            self.add(name, factory, sys._getframe(1))
            return factory

        return decorate

    def add(self, name: str, factory: Factory, caller: FrameType) -> None:
        """Register the factory; raises an error that names both files if `name` is taken.

        `caller` is the frame of the code that registers it.
        """
        module = str(caller.f_globals.get("__name__"))
        new = Registration(factory, module, caller.f_code.co_filename, caller.f_lineno)
        earlier = self._registered.get(name)
        if earlier is not None:
            raise self._twice(name, f"{earlier.file} line {earlier.line}", new)
        if self.builtin.get(name, module) != module:
            spec = find_spec(self.builtin[name])
            raise self._twice(name, str(spec and spec.origin), new)
        self._registered[name] = new

    def _twice(self, name: str, earlier: str, new: Registration) -> UserError:
        return self.error(
            f"{self.kind} {name!r} is registered twice, in {earlier} and in {new.file} line "
            f"{new.line}; choose another name"
        )

    def get(self, name: str) -> Factory | None:
        """Return the factory registered as `name`, None if there is none."""
        found = self._registered.get(name)
        return None if found is None else found.factory

    def names(self) -> list[str]:
        """Return the names of all built-in and registered components, sorted."""
        return sorted({*self.builtin, *self._registered})

    def forget(self, file: str) -> None:
        """Remove what a file registered before its import failed."""
        kept = {name: entry for name, entry in self._registered.items() if entry.file != file}
        self._registered = kept

    def unknown(self, name: object, looked_in: str) -> str:
        """Return the message for a name that is not registered."""
        names = self.names()
        return (
            f"unknown {self.kind} {name!r}{closest(str(name), names)} "
            f"(known: {', '.join(names) or 'none'}; looked for it in {looked_in})"
        )
