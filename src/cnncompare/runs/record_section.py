"""Base class of the sections of run.json; imports no torch."""

from typing import Any, ClassVar

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)


class RecordSection(BaseModel):
    """A section of run.json: unknown keys are refused; a value that was not measured is null.

    Sections are frozen: `Run.change` alone replaces them, and writes the file.
    """

    # keys and values before version 0.2.0, and their replacements
    EARLIER_KEYS: ClassVar[dict[str, str]] = {}
    EARLIER_VALUES: ClassVar[dict[str, dict[str, str]]] = {}
    # keys that are absent while they have their defaults, so that older records stay as they are
    OMITTED_BY_DEFAULT: ClassVar[tuple[str, ...]] = ()

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _read_earlier_versions(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not (cls.EARLIER_KEYS or cls.EARLIER_VALUES):
            return content
        renamed = {cls.EARLIER_KEYS.get(key, key): value for key, value in content.items()}
        for key, values in cls.EARLIER_VALUES.items():
            value = renamed.get(key)
            if isinstance(value, str):
                renamed[key] = values.get(value, value)
        return renamed

    @model_serializer(mode="wrap")
    def _omit_defaults(self, to_dict: SerializerFunctionWrapHandler) -> Any:
        content = to_dict(self)
        for name in self.OMITTED_BY_DEFAULT:
            if getattr(self, name) == type(self).model_fields[name].get_default():
                content.pop(name, None)
        return content
