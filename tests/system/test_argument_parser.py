import pytest

from cnncompare.errors import ConfigError
from cnncompare.system.argument_parser import CommandParser


def test_invalid_arguments_raise_an_error_that_names_the_command() -> None:
    parser = CommandParser("report", "Compare runs.")
    with pytest.raises(ConfigError) as error:
        parser.parse_args(["--no-such-option"])
    assert str(error.value) == (
        "report: unrecognized arguments: --no-such-option; "
        "python -m cnncompare report --help lists the options"
    )


def test_abbreviations_can_be_refused() -> None:
    for allowed in (True, False):
        parser = CommandParser("bench", "Measure speed.", allow_abbrev=allowed)
        parser.add_argument("--suite", action="store_true")
        if allowed:
            assert parser.parse_args(["--su"]).suite
        else:
            with pytest.raises(ConfigError, match="unrecognized arguments: --su"):
                parser.parse_args(["--su"])
