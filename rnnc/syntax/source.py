"""Text comes in here: from files and strings, as UTF-8 with universal newlines and within a size."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from rnnc.diagnostics import Diagnostic, DiagnosticError, Source

MAX_BYTES = 1_000_000


def read_source(path: str | PathLike[str]) -> Source:
    """The text of a file. Raises DiagnosticError where it cannot be read, is too large or is no text."""
    name = str(path)
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise _error("E100", f"cannot read {name}: {reason}") from error
    return source_from_bytes(name, data)


def source_from_bytes(name: str, data: bytes) -> Source:
    """A source from the bytes of a file. A byte order mark is skipped, CRLF and CR are newlines.

    Raises DiagnosticError where the bytes are too many or are no UTF-8 text.
    """
    if len(data) > MAX_BYTES:
        raise _error("E101", f"{name} is larger than {MAX_BYTES // 1_000_000} MB: too large for a description of cells")
    if b"\0" in data:
        raise _error("E102", f"{name} is a binary file, not text")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = f"{name} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}"
        raise _error("E102", message, "save the file as UTF-8") from error
    return Source(name, text.replace("\r\n", "\n").replace("\r", "\n"))


def _error(code: str, message: str, fix: str | None = None) -> DiagnosticError:
    return DiagnosticError([Diagnostic(code, message, fix=fix)])
