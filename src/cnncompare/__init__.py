"""Train convolutional networks under one recorded protocol and compare them with statistics."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnncompare.system.telemetry import disable_telemetry

if TYPE_CHECKING:
    from cnncompare.api.functions import compose, load, train
    from cnncompare.api.run import Run
    from cnncompare.api.study import Study

__all__ = ["Run", "Study", "__version__", "compose", "load", "train"]

__version__ = "0.2.0"

disable_telemetry()  # before any module of the package imports such a library

_MODULES = {
    "Run": "cnncompare.api.run",
    "Study": "cnncompare.api.study",
    "compose": "cnncompare.api.functions",
    "load": "cnncompare.api.functions",
    "train": "cnncompare.api.functions",
}


def __getattr__(name: str) -> Any:
    """Import a name of the public interface on its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
