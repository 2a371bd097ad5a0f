"""The console of runs and sweeps in Korean."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.cells import cell_len

from cnncompare.config.schema_options import protocol_settings
from cnncompare.errors import ConfigError
from cnncompare.language.catalogue import in_language
from cnncompare.sweep.job_state import Job
from cnncompare.sweep.live_view import progress
from cnncompare.sweep.quickstart import study_language
from cnncompare.terminal.epoch_line import epoch_line
from cnncompare.terminal.result import print_run_result
from cnncompare.terminal.sweep_table import print_sweep_table
from tests.composing import compose_config
from tests.terminal.conftest import Printed, make_run, printed
from tests.terminal.test_epoch_line import LARGE, ROW

__all__ = ["printed"]
NAMES = {"top-1", "top-5", "GMACs", "MB", "MiB", "M", "TensorBoard"}


def english(text: str) -> set[str]:
    """Return the Latin words that are neither names nor terms nor paths and commands."""
    words = re.findall(r"(?<![\w/.-])[A-Za-z][A-Za-z0-9-]+(?![\w/.=])", text)
    return {word for word in words if word not in NAMES}


def in_korean(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with in_language("ko"):
            work()

    return run


def test_an_epochs_line_is_as_promised() -> None:
    with in_language("ko"):
        assert epoch_line(ROW, 25, 80) == (
            "에포크  3/25  학습 손실 0.412,  85.1 %  검증 손실 0.500,  83.9 %   12.9초"
        )


@pytest.mark.parametrize("width", [30, 50, 80, 120])
def test_an_epochs_line_fits_the_terminal_where_hangul_takes_two_columns(width: int) -> None:
    with in_language("ko"):
        for row, epochs in ((ROW, 25), (LARGE, 200)):
            line = epoch_line(row, epochs, width)
            assert cell_len(line) <= width
            assert "." in line
            assert english(line) == set()


def test_the_progress_of_parallel_jobs() -> None:
    with in_language("ko"):
        assert progress([ROW], 3)[0] == "에포크 1/3  검증 정확도 83.9 %  26초 남음"
        assert progress([], 0) == ["테스트"]


def test_the_title_of_a_job() -> None:
    config = compose_config("model=resnet20", "data=digits", "seed=1")
    job = Job(4, config, None, (), "seed=1 optimizer.lr=0.1")  # type: ignore[arg-type]
    with in_language("ko"):
        assert job.title(9) == "작업 4/9  resnet20  시드 1  optimizer.lr=0.1"
    assert job.title(9) == "job 4 of 9  resnet20  seed 1  optimizer.lr=0.1"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_of_a_sweep_fits(tmp_path: Path, printed: Printed, width: int) -> None:
    runs = [make_run(tmp_path, "lenet5", 0.91), make_run(tmp_path, "resnet20", 0.97, seed=1)]
    text = printed(width, in_korean(lambda: print_sweep_table(runs)))
    table = text.splitlines()[1:5]
    assert all(cell_len(line) <= width for line in table)
    assert "테스트 top-1" in table[0]
    assert "97.0 %" in text
    assert english("\n".join(table)) == {"lenet5", "resnet20"}


def test_the_result_of_a_run(tmp_path: Path, printed: Printed) -> None:
    run = make_run(tmp_path, "resnet18", 0.97222)
    text = printed(80, in_korean(lambda: print_run_result(run)))
    results = text.partition("예측 ")[0]
    assert "학습 시간" in results
    assert "3분 28초" in results
    assert "97.2 % (이미지 360장)" in results
    assert english(results) == {"resnet18"}
    assert f"report {tmp_path} --language ko" in text


def test_the_language_is_no_part_of_a_run(tmp_path: Path) -> None:
    english, korean = (compose_config("data=digits", f"language={name}") for name in ("en", "ko"))
    assert english.language == compose_config("data=digits").language == "en"
    assert korean.hash() == english.hash()
    assert korean.run_folder() == english.run_folder()
    assert all(setting.key != "language" for setting in protocol_settings(trains=True))


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"language='de': expected en or ko"):
        compose_config("language=de")


def test_quickstart_writes_its_report_in_the_language_of_its_runs() -> None:
    assert study_language(["seeds=2"]) == "en"
    assert study_language(["language=ko", "seeds=2"]) == "ko"
