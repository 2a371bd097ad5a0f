"""The command `python -m cnncompare schema [GROUP]`; imports no torch."""

import json

from cnncompare.config.json_schema import GROUPS, json_schema
from cnncompare.errors import ConfigError, closest
from cnncompare.system.argument_parser import CommandParser


def main(argv: list[str]) -> int:
    """Print the JSON Schema and return the exit code; raises ConfigError for an unknown group."""
    parser = CommandParser(
        "schema",
        description="Print the JSON Schema of the configuration, with which editors complete and "
        "check keys: cnncompare schema > conf/schema.json",
    )
    parser.add_argument(
        "group",
        nargs="?",
        metavar="GROUP",
        help=f"only of the files in conf/GROUP: {', '.join(GROUPS)}",
    )
    group = parser.parse_args(argv).group
    if group is not None and group not in GROUPS:
        raise ConfigError(
            f"schema: there is no config group {group!r}{closest(group, GROUPS)} "
            f"(groups: {', '.join(GROUPS)}); a file in conf/experiment has the schema without GROUP"
        )
    print(json.dumps(json_schema(group), indent=1))
    return 0
