"""Kinds of files that are no weights, recognized by their first bytes; imports no torch."""

import re
from pathlib import Path

from cnncompare.errors import ModelError

# the first bytes of files that people take for weights
KINDS = (
    (b"version https://git-lfs", "a git-lfs pointer, run: git lfs pull"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89HDF", "an HDF5 file, as Keras writes it"),
    (b"\x1f\x8b", "a gzip archive, unpack it first"),
    (b"%PDF", "a PDF document"),
    (b"Rar!", "a RAR archive, unpack it first"),
    (b"7z\xbc\xaf", "a 7z archive, unpack it first"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"{", "a JSON text"),
)


def check_weights_file(path: Path) -> None:
    """Raise ModelError if the file is missing, cannot be read, is empty or of another kind."""
    if path.is_dir():
        raise ModelError(f"model.weights={path} is a folder, not a file of weights")
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError:
        raise ModelError(f"model.weights={path}: there is no such file") from None
    except OSError as error:
        raise ModelError(f"model.weights={path} cannot be read: {error.strerror}") from None
    if not head:
        raise ModelError(f"model.weights={path} is empty, not a file of weights")
    kind = next((kind for start, kind in KINDS if head.startswith(start)), None)
    if kind is None and re.match(rb"\s*<(!doctype|html|\?xml|head|body)", head, re.IGNORECASE):
        kind = "a web page, download the file itself"
    if kind is not None:
        raise ModelError(f"model.weights={path} is not a file of weights, it is {kind}")
