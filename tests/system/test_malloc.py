"""Freed memory stays with the process: counted by the kernel's own page faults."""

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


def _run(word: str, **environment: str) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-c", STEPS, word],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "", **environment},
    )
    answer, faults = done.stdout.split()
    return answer, int(faults)


@glibc
def test_a_large_block_is_fetched_from_the_kernel_only_once() -> None:
    pages = (48 << 20) // 4096
    answer, faults = _run("leave", GLIBC_TUNABLES="glibc.malloc.hugetlb=0")
    assert (answer, faults >= pages // 512) == ("None", True)  # 512: with huge pages
    answer, faults = _run("keep")
    assert (answer, faults < 20) == ("True", True)


@glibc
def test_a_users_own_settings_are_left_alone() -> None:
    assert _run("keep", MALLOC_ARENA_MAX="2")[0] == "False"


def test_other_systems_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert keep_freed_memory() is False
