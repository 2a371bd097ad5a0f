"""The structure's figures stay within the limits that the project sets itself."""

from statistics import median, quantiles

from tests.architecture_figures import function_lengths, long_files, shared_public_names


def test_few_public_names_stand_in_two_modules() -> None:
    shared = shared_public_names()
    assert len(shared) < 6, shared


def test_no_file_is_too_long() -> None:
    assert long_files() == []


def test_functions_are_short() -> None:
    lengths = function_lengths()
    assert median(lengths) <= 7
    assert quantiles(lengths, n=10)[-1] <= 18
