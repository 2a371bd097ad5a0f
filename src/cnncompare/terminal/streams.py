"""Standard streams that a closed pipe or a full disk cannot end a run with; imports no torch."""

import errno
import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class LastingOutput(io.FileIO):
    """A file descriptor that discards its output after the first failure, kept in `error`."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.error: OSError | None = None

    def write(self, content: "ReadableBuffer", /) -> int:
        try:
            return super().write(content)
        except OSError as error:
            self.error = error
            _redirect_to_null(self.fileno())
            return memoryview(content).nbytes


def keep_writing() -> None:
    """Let the standard streams discard what they cannot write; later calls do nothing.

    A descriptor that is closed at the start is opened on the null device. Otherwise the next file
    that is opened would get its number, and the output of a library.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            _redirect_to_null(descriptor)
    sys.stdout = _lasting(sys.stdout, 1)
    sys.stderr = _lasting(sys.stderr, 2)


def output_error() -> OSError | None:
    """Return the reason why output was discarded; None without one or with a closed pipe."""
    error = _raw_error(sys.stdout)
    return None if error is None or error.errno == errno.EPIPE else error


def is_output_lost() -> bool:
    """Return whether any output was discarded."""
    return _raw_error(sys.stdout) is not None


def _raw_error(stream: TextIO) -> OSError | None:
    stream.flush()
    buffer = getattr(stream, "buffer", None)
    raw = getattr(buffer, "raw", buffer)
    return raw.error if isinstance(raw, LastingOutput) else None


def _lasting(stream: TextIO | None, descriptor: int) -> TextIO:
    """Return a stream like this one; one that does not write to the descriptor is returned as is.

    A notebook, for example, has other streams.
    """
    if stream is None:
        return open(descriptor, "w", encoding="utf-8", errors="replace", closefd=False)
    if not isinstance(stream, io.TextIOWrapper) or not _writes_to(stream, descriptor):
        return stream
    raw = LastingOutput(descriptor)
    try:
        stream.flush()
    except OSError as error:
        raw.error = error
        _redirect_to_null(descriptor)
    return io.TextIOWrapper(
        raw if stream.write_through else io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering,
        write_through=stream.write_through,
    )


def _writes_to(stream: io.TextIOWrapper, descriptor: int) -> bool:
    raw = getattr(stream.buffer, "raw", stream.buffer)
    return type(raw) is io.FileIO and raw.fileno() == descriptor


def _redirect_to_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null != descriptor:
        os.dup2(null, descriptor)
        os.close(null)
