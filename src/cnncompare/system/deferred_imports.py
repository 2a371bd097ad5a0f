"""Deferred import of scipy.signal, which torchmetrics imports for one check; imports no torch.

torchmetrics, which Lightning imports, asks whether scipy.signal has the function ``hamming``. That
loads hundreds of modules, in a sixth of the time in which torch, Lightning and torchvision are
imported. A placeholder answers instead. It exists while torchmetrics is imported; whoever uses it
gets scipy.signal itself.
"""

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

ASKING, DEFERRED = "torchmetrics", "scipy.signal"


def defer_scipy_signal() -> None:
    """Keep the coming import of torchmetrics from loading scipy.signal."""
    is_loaded = ASKING in sys.modules or DEFERRED in sys.modules
    if not is_loaded and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


class _Placeholder(ModuleType):
    """Stands for scipy.signal in sys.modules."""

    hamming = None  # what torchmetrics would set for a package of speech metrics

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name != "__path__":  # inspect asks all modules for __file__
            raise AttributeError(name)
        _remove(self)
        return getattr(import_module(DEFERRED), name)


def _remove(placeholder: ModuleType) -> None:
    if sys.modules.get(DEFERRED) is placeholder:
        del sys.modules[DEFERRED]
        scipy = sys.modules.get("scipy")
        if scipy is not None and vars(scipy).get("signal") is placeholder:
            del scipy.signal


class _Finder(MetaPathFinder):
    """Finds torchmetrics once, with a loader that keeps the placeholder while it executes it."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != ASKING:
            return None
        with suppress(ValueError):
            sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None and DEFERRED not in sys.modules:
            spec.loader = _DeferringLoader(spec.loader)
        return spec


class _DeferringLoader(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        module.__loader__ = self._loader
        placeholder = sys.modules[DEFERRED] = _Placeholder(DEFERRED)
        try:
            self._loader.exec_module(module)
        finally:
            _remove(placeholder)
