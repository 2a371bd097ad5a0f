"""Recorded states of own data files, compared with those on disk to find changed data.

Imports no torch.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from cnncompare.config.data import IMAGE_SUFFIXES, DataConfig
from cnncompare.data.sources.class_folders import split_of
from cnncompare.data.walk import is_hidden
from cnncompare.system import strict_json

_NOT_OWN = ("torchvision", "digits", "synthetic", "imagenet")  # downloaded, included or standard
_SPLITS = {"train": "training images", "val": "validation images", "test": "test images"}


class FileState(NamedTuple):
    """Size in bytes, modification time and content of a file."""

    size: int
    mtime_ns: int
    sha256: str


def record_states(config: DataConfig, known: Mapping[str, str]) -> dict[str, FileState] | None:
    """Return the state of each file of own data by its name below `data.root`; else None.

    `known` maps absolute paths to SHA-256 hashes that need not be computed again.
    """
    if not _is_own(config):
        return None
    states = {}
    for name, (path, size, mtime_ns) in _listing(config).items():
        sha256 = known.get(path) or _hash(path, size, mtime_ns)
        states[name] = FileState(size, mtime_ns, sha256)
    return states


def to_json(states: Mapping[str, FileState]) -> bytes:
    """Return the content of the file of states."""
    return json.dumps(states, indent=0).encode()


def from_json(content: bytes) -> dict[str, FileState] | None:
    """Return the states that `to_json` wrote, or None for other content."""
    try:
        return {name: FileState(*state) for name, state in strict_json.loads(content).items()}
    except (ValueError, TypeError, AttributeError):
        return None


def is_gone(config: DataConfig) -> bool:
    """Return whether own data are no longer on disk, as on a drive that is not mounted."""
    return _is_own(config) and not any(_files(config))


def describe_changes(config: DataConfig, earlier: Mapping[str, FileState]) -> str:
    """Return the difference between the states and the files on disk, "" without any.

    A file of the same size and modification time counts as unchanged. Otherwise its content is
    compared, so that a copy of the data is no change.
    """
    now = _listing(config)
    changed = [
        name
        for name, (path, size, mtime_ns) in now.items()
        if name in earlier and _differs(earlier[name], path, size, mtime_ns)
    ]
    counts = [*_describe_counts(Counter(map(_kind, earlier)), Counter(map(_kind, now)))]
    if not counts:
        counts = _describe_names("new or renamed", sorted(now.keys() - earlier.keys()))
    return ", ".join([*counts, *_describe_names("with other content", sorted(changed))])


def _is_own(config: DataConfig) -> bool:
    return config.source not in _NOT_OWN and bool(config.root)


def _differs(earlier: FileState, path: str, size: int, mtime_ns: int) -> bool:
    if size != earlier.size:
        return True
    return mtime_ns != earlier.mtime_ns and _hash(path, size, mtime_ns) != earlier.sha256


def _describe_counts(earlier: Counter[str], now: Counter[str]) -> Iterator[str]:
    for kind in sorted(earlier.keys() | now.keys()):
        if earlier[kind] != now[kind]:
            yield f"{earlier[kind]:,} {kind} then, {now[kind]:,} now"


def _describe_names(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    first = os.fsencode(names[0]).decode(errors="backslashreplace")
    return [f"{len(names):,} {'file' if len(names) == 1 else 'files'} {what}: {first}"] + (
        ["..."] if len(names) > 1 else []
    )


def _kind(name: str) -> str:
    folder, slash, _ = name.partition("/")
    if not slash:
        return "files"
    split = split_of(folder)
    return _SPLITS[split] if split else f"images in {folder}/"


def _root(config: DataConfig) -> str:
    return os.path.abspath(os.path.expanduser(config.root or ""))


def _files(config: DataConfig) -> Iterator[str]:
    """Yield the absolute path of each file of the data."""
    root = _root(config)
    suffixes = IMAGE_SUFFIXES if config.source == "folder" else ("",)
    return iter([root]) if os.path.isfile(root) else _walk(root, suffixes)


def _listing(config: DataConfig) -> dict[str, tuple[str, int, int]]:
    """Return absolute path, size and modification time of each file of the data, by name."""
    root, found = _root(config), {}
    for path in _files(config):
        try:
            state = os.stat(path)
        except OSError:
            continue  # a link without a target
        name = path[len(root) :].lstrip(os.sep) or os.path.basename(path)
        found[name.replace(os.sep, "/")] = (path, state.st_size, state.st_mtime_ns)
    return found


def _walk(root: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Yield the files below `root`, each real folder once, without hidden files and folders."""
    visited: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        real = os.path.realpath(folder)
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        for name in files:
            if name.lower().endswith(suffixes) and not is_hidden(name):
                yield os.path.join(folder, name)


@cache  # the finished runs of a sweep share their data
def _hash(path: str, size: int, mtime_ns: int) -> str:
    """Return the SHA-256 of a file; size and time distinguish its versions."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
