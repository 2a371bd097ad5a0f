"""Settings of a configuration with their meaning, derived from the metadata of its fields."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from cnncompare.config.extension import OwnSection
from cnncompare.config.section import Option, Section


@dataclass(frozen=True)
class Setting:
    """A key of the configuration with its meaning.

    `value` is that of a configuration, or the schema's default; None if it has none.
    """

    path: str  # dotted
    option: Option
    value: Any
    is_number: bool  # the key accepts numbers only
    in_every_run: bool = True  # false for the options of one optimizer or scheduler
    is_default: bool = False  # the value is the schema's default

    @property
    def key(self) -> str:
        """The key in the section `training` or `evaluation` of run.json; "" if it has none."""
        is_recorded = self.option.role != "neither"
        name = self.path.rpartition(".")[2] if self.option.key is None else self.option.key
        return name if is_recorded else ""

    @property
    def table_key(self) -> str:
        """The key in the protocol of a table."""
        return self.option.table_key or self.key

    def applies(self, *, trains: bool) -> bool:
        """Return whether it affects trainings or, without `trains`, tests of pretrained weights."""
        return self.option.scope in ("run", "training" if trains else "test")


def option_of(field: FieldInfo) -> Option:
    """Return the metadata of a field."""
    return next((item for item in field.metadata if isinstance(item, Option)), Option())


def settings_of(config: Section, parent: Setting | None = None) -> Iterator[Setting]:
    """Yield the settings of a configuration; a section with a role of its own is one setting."""
    for name, field in type(config).model_fields.items():
        value = getattr(config, name)
        default = field.get_default(call_default_factory=True)
        setting = replace(_setting(name, field, value, parent), is_default=value == default)
        if isinstance(value, Section) and _is_divided(setting):
            yield from settings_of(value, setting)
        else:
            yield replace(
                setting, value=value.model_dump() if isinstance(value, Section) else value
            )
    if isinstance(config, OwnSection) and parent is not None:
        yield _own_options(config, parent)


def _own_options(config: OwnSection, parent: Setting) -> Setting:
    """Return the options of a component of the user's, which the schema does not know."""
    option = Option(scope=parent.option.scope, key=f"{parent.path}_options")
    return Setting(f"{parent.path}.options", option, config.options, is_number=False)


def schema_settings(section: type[Section], parent: Setting | None = None) -> Iterator[Setting]:
    """Yield the settings of the schema with their defaults, those of every optimizer included."""
    for name, field in section.model_fields.items():
        default = field.get_default(call_default_factory=True)
        value = None if default is PydanticUndefined else default
        setting = _setting(name, field, value, parent)
        members = sections_in(field.annotation)
        if members and _is_divided(setting):
            for member in members:
                is_certain = setting.in_every_run and (len(members) == 1 or type(value) is member)
                yield from schema_settings(member, replace(setting, in_every_run=is_certain))
        else:
            yield replace(
                setting, value=value.model_dump() if isinstance(value, Section) else value
            )


def sections_in(annotation: Any) -> list[type[Section]]:
    """Return the sections that a type consists of."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [section for member in get_args(annotation) for section in sections_in(member)]


def _setting(name: str, field: FieldInfo, value: Any, parent: Setting | None) -> Setting:
    option = option_of(field)
    if parent is not None and option.scope == "run":
        option = replace(option, scope=parent.option.scope)
    return Setting(
        path=f"{parent.path}.{name}" if parent else name,
        option=option,
        value=value,
        is_number=field.annotation in (int, float),
        in_every_run=parent is None or parent.in_every_run,
    )


def _is_divided(setting: Setting) -> bool:
    return setting.option.role == "identity" and setting.option.key is None


def not_in_identity(config: Section, *, trains: bool) -> dict[str, Any]:
    """Return the fields that are not part of the identity, as pydantic's argument `exclude`.

    Without training, the sections of the training are among them. Single fields of it are not, so
    that earlier runs keep their folders.
    """
    excluded: dict[str, Any] = {}
    for name, field in type(config).model_fields.items():
        option, value = option_of(field), getattr(config, name)
        is_section = isinstance(value, Section)
        if option.role == "neither" or (is_section and option.scope == "training" and not trains):
            excluded[name] = True
        elif is_section and (nested := not_in_identity(value, trains=True)):
            excluded[name] = nested
    return excluded


def recorded_settings(config: Section, *, trains: bool, also: set[str]) -> dict[str, Any]:
    """Return the settings for the section `training` or `evaluation` of run.json.

    Those in `also` are included even if they affect only the other kind of run.
    """
    return {
        setting.key: setting.value
        for setting in settings_of(config)
        if setting.key
        and (setting.applies(trains=trains) or setting.key in also)
        and not (setting.option.omitted and setting.is_default)
    }
