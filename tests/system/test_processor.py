import pytest

from cnncompare.system import processor

ZEN3 = "processor\t: 0\nmodel name\t: AMD EPYC\nflags\t\t: fpu avx avx2 fma\n\nprocessor\t: 1\n"
GRAVITON = (
    "processor\t: 0\nBogoMIPS\t: 2100.00\nFeatures\t: fp asimd bf16 i8mm\nCPU part\t: 0xd40\n"
)


@pytest.mark.parametrize(
    ("cpuinfo", "unit"),
    [
        ("flags : fpu avx512f avx512_bf16 amx_bf16 amx_tile\n", "AMX"),
        ("flags : fpu avx2 avx512f avx512_bf16\n", "AVX512_BF16"),
        (ZEN3, None),
        (GRAVITON, "ARM bf16"),
        ("flags : fpu avx512_bf16x\nbugs : avx512_bf16\n", None),
    ],
)
def test_the_bf16_unit_of_a_processor(cpuinfo: str, unit: str | None) -> None:
    assert processor.bf16_unit(processor.cpu_flags(lambda: cpuinfo)) == unit


def test_flags_are_those_of_the_first_processor() -> None:
    assert processor.cpu_flags(lambda: ZEN3) == {"fpu", "avx", "avx2", "fma"}


@pytest.mark.parametrize("cpuinfo", ["", "vendor_id : IBM/S390\nfeatures : esan3 zarch\n"])
def test_a_system_that_lists_no_flags(cpuinfo: str) -> None:
    assert processor.cpu_flags(lambda: cpuinfo) is None
    assert processor.bf16_unit(None) is None


def test_a_missing_file_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "CPUINFO", processor.CPUINFO / "missing")
    assert processor.cpu_flags() is None
