"""Argument parser of the subcommands; imports no torch."""

import argparse
from typing import NoReturn

from cnncompare.errors import ConfigError


class CommandParser(argparse.ArgumentParser):
    """Parser of ``python -m cnncompare COMMAND``; invalid arguments raise ConfigError."""

    def __init__(self, command: str, description: str, *, allow_abbrev: bool = True) -> None:
        super().__init__(
            prog=f"python -m cnncompare {command}",
            description=description,
            allow_abbrev=allow_abbrev,
        )
        self._command = command

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{self._command}: {message}; {self.prog} --help lists the options")
