"""The preloaded library of shim.c: it is compiled, loaded, and armed in a forked process."""

import ctypes
import os
import subprocess
import sys
import tempfile
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
_LIBRARY = "CNNCOMPARE_CRASH_SHIM"  # environment variable with the path of the compiled file

COUNT, KILL = 0, 1  # actions of the shim; an errno fails once, a negative one lastingly


def restart_preloaded() -> None:
    """Start this program again with the library preloaded, unless it is."""
    if _LIBRARY in os.environ:
        return
    library = Path(tempfile.mkdtemp(prefix="cnncompare-shim-")) / "shim.so"
    compiler = os.environ.get("CC", "cc")
    flags = ("-shared", "-fPIC", "-O2", "-o", str(library))
    subprocess.run([compiler, *flags, str(SOURCE), "-ldl"], check=True)
    environment = {**os.environ, _LIBRARY: str(library), "LD_PRELOAD": str(library)}
    module = sys.argv[0] if __name__ == "__main__" else "tests.crash"
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], environment)


def arm(folder: Path, number: int, action: int, report: Path) -> None:
    """Count the changes below the folder in this process, and break that with the number."""
    if _LIBRARY not in os.environ:  # strace breaks the calls
        return
    library = ctypes.CDLL(os.environ[_LIBRARY])
    library.crash_arm.argtypes = (ctypes.c_char_p, ctypes.c_long, ctypes.c_int, ctypes.c_char_p)
    library.crash_arm(os.fsencode(folder), number, action, os.fsencode(report))
