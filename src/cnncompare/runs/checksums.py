"""Checksums of a run's record and files, which show damage and edits; imports no torch."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cnncompare.errors import DataError
from cnncompare.system import strict_json

KEY = "checksum"  # the last key of run.json, over all others


def with_checksum(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record with its SHA-256 under the key `KEY`."""
    return {**content, KEY: _of_record(content)}


def take_checksum(path: Path, text: bytes, content: dict[str, Any]) -> None:
    """Remove the checksum from the record `content` that `path` contained as `text`.

    Raises DataError for a finished run if it is that of another content; other runs have no results
    yet. A record that a program has changed and written in another layout is meant to be different;
    its files are not checked either. Records of earlier versions have no checksum.
    """
    checksum = content.pop(KEY, None)
    if checksum is None or content.get("status") != "finished" or checksum == _of_record(content):
        return
    if text.startswith(b'{\n  "') and text.endswith(b"}\n"):
        raise DataError(
            f"{path}: does not match its checksum, so it was damaged or edited after it was "
            f"written; to use an edited record, remove the key {KEY!r}"
        )
    content.pop("files", None)


def checksums_of(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256, in hexadecimal, of each of the files that exist in the folder."""
    return {name: _of_file(folder / name) for name in names if (folder / name).is_file()}


def check_content(path: Path, content: bytes, expected: str | None) -> None:
    """Raise DataError unless `content`, that of the file, has the SHA-256 `expected`, if known."""
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise _mismatch(path)


def check_file(path: Path, expected: str | None) -> None:
    """Raise DataError if the file cannot be read or has another SHA-256 than `expected`."""
    try:
        found = None if expected is None else _of_file(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from None
    if found != expected:
        raise _mismatch(path)


def _mismatch(path: Path) -> DataError:
    return DataError(
        f"{path}: does not match its checksum in run.json, so it was damaged or edited after the "
        f"run; restore it, or repeat the run with force=true"
    )


def _of_record(content: Mapping[str, Any]) -> str:
    try:
        text = strict_json.dumps(content)
    except (ValueError, RecursionError):
        return ""  # no record that was written has such content
    return hashlib.sha256(text.encode()).hexdigest()


def _of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
