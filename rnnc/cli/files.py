"""Files of the command line: the standard input, and writing all or nothing."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from rnnc.cli.messages import Failure
from rnnc.diagnostics import Source
from rnnc.syntax.source import read_source, source_from_bytes

STDIN = "-"


def read(path: str) -> Source:
    """The text of a file, or of the standard input for `-`. Raises DiagnosticError."""
    if path != STDIN:
        return read_source(path)
    if sys.stdin is None:
        raise Failure("cannot read the standard input: it is closed")
    return source_from_bytes("<stdin>", sys.stdin.buffer.read())


def read_for(path: str, output: str) -> Source:
    """The text of a description, for a product that goes to `output`: that must be none of the files it is made of.

    Raises DiagnosticError and click.UsageError.
    """
    refuse_to_lose(path, output, "the description itself")
    source = read(path)
    if output != STDIN and os.path.exists(output):
        from rnnc.semantics.files import imported_files

        for imported in imported_files(source):
            refuse_to_lose(str(imported), output, f"a file that {path} imports")
    return source


def refuse_to_lose(path: str, output: str, what: str) -> None:
    """Raise click.UsageError where the output is a file that was read."""
    if is_same_file(path, output):
        raise click.UsageError(f"--output {output} is {what}, which would be lost")


def is_same_file(one: str, other: str) -> bool:
    """Whether two paths lead to one file that exists."""
    with suppress(OSError):
        return os.path.samefile(one, other)
    return False


def write_product(text: str, path: str = STDIN) -> None:
    """Write what the user asked for: UTF-8 with plain newlines, to the standard output (`-`) or a file."""
    data = text.encode()
    if path != STDIN:
        write_atomically(Path(path), data)
        return
    with standard_output():
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


@contextmanager
def standard_output() -> Generator[None]:
    """Where the standard output is written: a full disk behind it, or none at all, is a Failure."""
    try:
        if sys.stdout is None:
            raise OSError("it is closed")
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Failure(f"cannot write the standard output: {error.strerror or error}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace the file in one move: a reader sees the old bytes or the new ones, a failure leaves the old ones.

    Permissions stay, a link's target is written, and a device or pipe is written in place. Raises Failure.
    """
    try:
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is not None and not stat.S_ISREG(mode):
            target.write_bytes(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, data, mode)
    except OSError as error:
        raise Failure(f"cannot write {path}: {error.strerror or error}") from error


def _mode(target: Path) -> int | None:
    """What stands at the target (None: nothing). Raises where it is not ours to write."""
    try:
        mode = target.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISREG(mode) and not os.access(target, os.W_OK):
        raise PermissionError(None, "the file is write-protected")
    return mode


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, stat.S_IMODE(mode) if mode is not None else 0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _umask() -> int:
    """The process's mask for new files; it can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
