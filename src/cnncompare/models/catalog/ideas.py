"""The idea of each network in three sentences; imports no torch."""

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).with_name("ideas.yaml")


@cache
def read_ideas() -> list[tuple[list[str], list[str]]]:
    """Return (patterns of names, sentences) of each entry of the file."""
    entries = yaml.safe_load(FILE.read_text("utf-8"))
    return [(entry["networks"], entry["idea"]) for entry in entries]


def idea_of(name: str) -> list[str]:
    """Return the three sentences on the network `name`, none for a network outside the table."""
    for patterns, sentences in read_ideas():
        if any(fnmatchcase(name, pattern) for pattern in patterns):
            return sentences
    return []
