"""Write the schemas in conf/ and the lines that name them: ``python -m tests.config_schemas``.

Editors find the schema of a YAML file by its path in a comment. It is relative, so that it is right
in a clone and in an installed package.
"""

import json
from functools import cache
from pathlib import Path

from cnncompare.config.files import conf_folder
from cnncompare.config.json_schema import GROUPS, json_schema

MODELINE = "# yaml-language-server: $schema="
SCHEMA = "schema.json"


@cache
def schema_files() -> dict[Path, str]:
    """Return the content of each schema file by its path."""
    groups = [group for group in GROUPS if (conf_folder() / group).is_dir()]
    found = {conf_folder() / group / SCHEMA: as_text(group) for group in groups}
    return {conf_folder() / SCHEMA: as_text(None), **found}


def as_text(group: str | None) -> str:
    return json.dumps(json_schema(group), indent=1) + "\n"


@cache
def yaml_files() -> dict[Path, str]:
    """Return each configuration file of this project with the path of its schema."""
    whole = dict.fromkeys(conf_folder().glob("experiment/*.yaml"), f"../{SCHEMA}")
    whole |= dict.fromkeys(conf_folder().glob("experiment/*/*.yaml"), f"../../{SCHEMA}")
    groups = [path.parent for path in schema_files()]
    return {path: SCHEMA for group in groups for path in group.glob("*.yaml")} | whole


def with_modeline(text: str, schema: str) -> str:
    """Return the text with the line; Hydra's header, such as ``# @package``, stays first."""
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith(MODELINE)]
    n_header = next(n for n, line in enumerate(lines) if not line.startswith("# @"))
    return "".join([*lines[:n_header], f"{MODELINE}{schema}\n", *lines[n_header:]])


def main() -> None:
    """Write the schemas, and the lines that name them."""
    for path, text in schema_files().items():
        path.write_text(text)
    for path, schema in yaml_files().items():
        path.write_text(with_modeline(path.read_text(), schema))


if __name__ == "__main__":
    main()
