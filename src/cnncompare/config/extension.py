"""Sections of components that a user's module registers; their options are not in the schema."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import ConfigDict, model_validator

from cnncompare.config.section import DESCRIBED, Section
from cnncompare.errors import ConfigError
from cnncompare.extensions.registry import Factory, Registry
from cnncompare.extensions.resolve import call, resolve


@dataclass(frozen=True)
class Own:
    """A component of the user's: its registry and name, its module, and its options."""

    registry: Registry
    name: str
    module: str
    key: str  # of the module in the configuration, for messages
    options: Mapping[str, Any]

    def factory(self) -> Factory:
        """Import the module and return the factory; raises ConfigError."""
        return resolve(self.registry, self.name, self.module, self.key)

    def build(self, *positional: Any, **supplied: Any) -> Any:
        """Return the component; `supplied` are the arguments that are no options."""
        return call(self.factory(), *positional, options=self.options, supplied=supplied)


class OwnSection(Section):
    """A component of a user's module; all other keys are options of its factory."""

    model_config = ConfigDict(
        extra="allow", frozen=True, strict=True, protected_namespaces=(), allow_inf_nan=False
    )

    module: Annotated[str, DESCRIBED]  # next to ./conf

    @property
    def options(self) -> dict[str, Any]:
        """The options of the factory."""
        return dict(self.model_extra or {})

    def own(self, registry: Registry) -> Own:
        """Return the component of a section that has one, with a name."""
        name: str = getattr(self, "name")  # noqa: B009 (of the subclasses)
        return Own(registry, name, self.module, f"{registry.kind}.module", self.options)


class OwnSections(Section):
    """A section with one key per component: those of the schema and those of users' modules."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True, protected_namespaces=())
    __pydantic_extra__: dict[str, OwnSection]

    registry: ClassVar[Registry]

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, value: Any) -> Any:
        for name, options in value.items() if isinstance(value, Mapping) else ():
            if name not in cls.model_fields and isinstance(options, Mapping):
                check_own(cls.registry, name, options)
        return value

    def own(self, section: str) -> list[Own]:
        """Return the components of users' modules; `section` is the key of this section."""
        return [
            Own(self.registry, name, own.module, f"{section}.{name}.module", own.options)
            for name, own in (self.__pydantic_extra__ or {}).items()
        ]


def check_own(registry: Registry, name: object, options: object) -> None:
    """Raise ConfigError unless the options name a module and the name is not a built-in one."""
    module = options.get("module") if isinstance(options, Mapping) else None
    if module is None:
        raise ConfigError(
            registry.unknown(name, "cnncompare") + "; the YAML file of your own names its module "
            "beside ./conf, such as module: mine"
        )
    if name in registry.builtin:
        raise ConfigError(
            f"{registry.kind} {name!r} of module {module} has the name of a built-in one; "
            "choose another name"
        )


def tag_of(registry: Registry, default: str | None = None) -> Callable[[Any], str | None]:
    """Return the discriminator of a union: the name of a built-in component, or ``own``."""

    def tag(value: Any) -> str | None:
        if isinstance(value, OwnSection):
            return "own"
        if not isinstance(value, Mapping):
            return getattr(value, "name", None)
        name = value.get("name", default)
        if name is None:
            raise ConfigError(f"{registry.kind}.name is missing")
        if not isinstance(name, str):
            raise ConfigError(f"{registry.kind}.name={name!r}: expected text")
        if name not in registry.builtin or value.get("module") is not None:
            check_own(registry, name, value)
            return "own"
        return str(name)

    return tag
