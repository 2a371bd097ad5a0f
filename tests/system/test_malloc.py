"""Freed memory stays with the process, as the page faults counted by the kernel show."""

import platform
import subprocess
import sys

import pytest

from cnncompare.system.malloc import keep_freed_memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

STEPS = """
import ctypes, resource, sys
from cnncompare.system.malloc import keep_freed_memory
print(keep_freed_memory() if sys.argv[1] == "keep" else None)
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
def step():
    block = libc.malloc(48 << 20)
    ctypes.memset(ctypes.c_void_p(block), 1, 48 << 20)
    libc.free(ctypes.c_void_p(block))
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def _run(mode: str, **environment: str) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", STEPS, mode],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", **environment},
    )
    kept, faults = done.stdout.split()
    return kept, int(faults)


@glibc
def test_a_large_block_is_mapped_only_once() -> None:
    pages = (48 << 20) // 4096
    kept, faults = _run("leave", GLIBC_TUNABLES="glibc.malloc.hugetlb=0")
    assert (kept, faults >= pages // 512) == ("None", True)  # 512: with huge pages
    kept, faults = _run("keep")
    assert (kept, faults < 20) == ("True", True)


@glibc
def test_settings_of_the_user_take_precedence() -> None:
    assert _run("keep", MALLOC_ARENA_MAX="2")[0] == "False"


def test_other_systems_are_not_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False
