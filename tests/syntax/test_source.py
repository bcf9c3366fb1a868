"""Files as they come: encodings, newlines, sizes, and what is no text at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from rnnc.diagnostics import DiagnosticError
from rnnc.syntax.source import MAX_BYTES, read_source, source_from_bytes


def test_newlines_and_byte_order_mark() -> None:
    assert source_from_bytes("t", b"\xef\xbb\xbfa\r\nb\rc\nd").text == "a\nb\nc\nd"


def test_unicode_is_kept() -> None:
    assert source_from_bytes("t", "# Koutník".encode()).text == "# Koutník"


@pytest.mark.parametrize(
    ("data", "code", "told"),
    [
        (b"a" * (MAX_BYTES + 1), "E101", "1 MB"),
        (b"cell\0", "E102", "binary"),
        (b"a\nb\xff", "E102", "byte 0xff in line 2"),
        ("a".encode("utf-16"), "E102", ""),
    ],
)
def test_what_is_no_source(data: bytes, code: str, told: str) -> None:
    with pytest.raises(DiagnosticError) as caught:
        source_from_bytes("t.rnn", data)
    (diagnostic,) = caught.value.diagnostics
    assert (diagnostic.code, told in diagnostic.message) == (code, True)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "a.rnn").write_bytes(b"cell A {}\r\n")
    assert read_source(tmp_path / "a.rnn").text == "cell A {}\n"
    for path in (tmp_path / "b.rnn", tmp_path, "a\0b"):
        with pytest.raises(DiagnosticError, match="E100"):
            read_source(path)
