"""Registries of factories by name, one per kind of component; imports no torch."""

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, TypeVar

from cnncompare.errors import ConfigError, UserError, closest

Factory = Callable[..., Any]
F = TypeVar("F", bound=Factory)


@dataclass(frozen=True)
class Registration:
    """A factory with the file and the line that define it; the line of a class is unknown."""

    factory: Factory
    file: str
    line: int | None

    @property
    def origin(self) -> str:
        """The file and, if known, the line, for messages."""
        return self.file if self.line is None else f"{self.file} line {self.line}"


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
            self.add(name, factory)
            return factory

        return decorate

    def add(self, name: str, factory: Factory) -> None:
        """Register the factory; raises an error that names both files if `name` is taken."""
        new = _registration(factory)
        earlier = self._registered.get(name)
        if earlier is None and self.builtin.get(name, factory.__module__) != factory.__module__:
            spec = find_spec(self.builtin[name])
            earlier = Registration(factory, str(spec and spec.origin), None)
        if earlier is not None:
            raise self.error(
                f"{self.kind} {name!r} is registered twice, in {earlier.origin} and in "
                f"{new.origin}; choose another name"
            )
        self._registered[name] = new

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


def _registration(factory: Factory) -> Registration:
    code = getattr(factory, "__code__", None)
    if code is not None:
        return Registration(factory, code.co_filename, code.co_firstlineno)
    module = sys.modules.get(factory.__module__)
    return Registration(factory, str(getattr(module, "__file__", factory.__module__)), None)
