"""Text comes in here: from files (also FILE:NAME) and strings, as UTF-8 with universal newlines and within a size."""

from __future__ import annotations

import os
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from rnnc.diagnostics import Diagnostic, DiagnosticError, Source

MAX_BYTES = 1_000_000


class FileName(NamedTuple):
    """FILE[:NAME] taken apart."""

    path: str
    name: str | None


def split_name(argument: str) -> FileName:
    """Take FILE[:NAME] apart. The colons of a drive (`C:\\cells.rnn`, `C:cells`) and of an existing file are FILE's."""
    path, colon, name = argument.rpartition(":")
    is_drive = len(path) == 1 and path.isalpha() and not os.path.exists(path)
    if not colon or not path or not name.isidentifier() or is_drive or os.path.exists(argument):
        return FileName(argument, None)
    return FileName(path, name)


def read_source(path: str | PathLike[str]) -> Source:
    """The text of a file. Raises DiagnosticError where it cannot be read, is too large or is no text."""
    name = str(path)
    if not name:
        raise _error("E100", "the path of the file is empty")
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        whole = split_name(name)
        fix = f"whole files are read here: `{whole.path}`" if whole.name and os.path.exists(whole.path) else None
        raise _error("E100", f"cannot read {name}: {reason}", fix) from error
    return source_from_bytes(name, data)


def source_from_text(name: str, text: str) -> Source:
    """A source from a string, as `source_from_bytes` reads the same text in a file."""
    return source_from_bytes(name, text.encode("utf-8", "surrogatepass"))


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
