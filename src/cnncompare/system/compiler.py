"""The C++ compiler that torch.compile needs on a CPU; imports no torch."""

import shutil


def has_cpp_compiler() -> bool:
    """Return whether a C++ compiler is installed."""
    return any(shutil.which(name) for name in ("c++", "g++"))
