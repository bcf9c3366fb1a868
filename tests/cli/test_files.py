"""FILE:NAME, and writing all or nothing."""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from rnnc.cli.files import read, write_atomically
from rnnc.cli.messages import Failure
from rnnc.syntax.source import FileName, split_name
from tests.cli.support import RunRnnc


@pytest.mark.parametrize(
    ("argument", "path", "name"),
    [
        ("lstm.rnn", "lstm.rnn", None),
        ("lstm.rnn:LSTM", "lstm.rnn", "LSTM"),
        ("-", "-", None),
        ("-:LSTM", "-", "LSTM"),
        ("C:\\cells\\lstm.rnn", "C:\\cells\\lstm.rnn", None),
        ("C:\\cells\\lstm.rnn:LSTM", "C:\\cells\\lstm.rnn", "LSTM"),
        ("C:/cells/lstm.rnn:LSTM", "C:/cells/lstm.rnn", "LSTM"),
        ("C:lstm", "C:lstm", None),
        ("dir:x/lstm.rnn", "dir:x/lstm.rnn", None),
        ("lstm.rnn:", "lstm.rnn:", None),
        (":LSTM", ":LSTM", None),
    ],
)
def test_file_and_name(argument: str, path: str, name: str | None) -> None:
    assert split_name(argument) == FileName(path, name)


@pytest.mark.skipif(sys.platform == "win32", reason="a file's name holds no colon on Windows")
def test_a_file_that_exists_keeps_its_colon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a:b").touch()
    Path("a").touch()
    assert split_name("a:b") == FileName("a:b", None)
    assert split_name("a:c") == FileName("a", "c")


def test_writing_replaces_the_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "new" / "out.py"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert os.listdir(path.parent) == ["out.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="permissions of POSIX")
def test_permissions_stay_and_new_files_follow_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "out.py"
    before = os.umask(0o027)
    try:
        write_atomically(path, b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o755)
    write_atomically(path, b"two")
    assert stat.S_IMODE(path.stat().st_mode) == 0o755


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes(b"old")
    (tmp_path / "link.py").symlink_to("real.py")
    write_atomically(tmp_path / "link.py", b"new")
    assert (tmp_path / "link.py").is_symlink()
    assert (tmp_path / "real.py").read_bytes() == b"new"


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "out.py"
    path.write_bytes(b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(Failure, match=r"cannot write .*out\.py: No space left on device"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.py"]


def test_a_directory_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="cannot write"):
        write_atomically(tmp_path, b"x")


def test_a_module_never_replaces_its_description(rnnc: RunRnnc, lstm: Path, tmp_path: Path) -> None:
    copy, link = tmp_path / "lstm.rnn", tmp_path / "link.py"
    shutil.copy(lstm, copy)
    link.symlink_to(copy)
    before = copy.read_bytes()
    for output in (copy, link):
        result = rnnc("compile", copy, "-o", output)
        assert result.status == 2
        assert "is the description itself" in result.err
    assert copy.read_bytes() == before


@pytest.mark.parametrize("command", ["compile", "draw", "doc"])
def test_nor_a_file_that_it_imports(rnnc: RunRnnc, tmp_path: Path, command: str) -> None:
    """Also by way of others; what cannot be read stands in nobody's way."""
    (tmp_path / "in").mkdir()
    (tmp_path / "a.rnn").write_text('import "in/b.rnn"\ncell A {\n  input x[n]\n  use b = B\n  output b(x)\n}\n')
    (tmp_path / "in" / "b.rnn").write_text('import C as B from "c.rnn"\n')
    (tmp_path / "in" / "c.rnn").write_text("cell C {\n  input x[n]\n  output 2 * x\n}\n")
    for name in ("b.rnn", "c.rnn"):
        before = (tmp_path / "in" / name).read_bytes()
        result = rnnc(command, f"{tmp_path / 'a.rnn'}:A", "-o", tmp_path / "in" / name)
        assert result.status == 2
        assert "a.rnn imports, which would be lost" in result.err
        assert (tmp_path / "in" / name).read_bytes() == before
    (tmp_path / "other.txt").write_text("old")
    assert rnnc(command, f"{tmp_path / 'a.rnn'}:A", "-o", tmp_path / "other.txt").status == 0
    (tmp_path / "a.rnn").write_text('import "away.rnn"\ncell {')
    assert rnnc(command, tmp_path / "a.rnn", "-o", tmp_path / "other.txt").status == 1


def test_an_import_never_replaces_the_text_that_it_reads(rnnc: RunRnnc, tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("LSTMCell(3)\n")
    result = rnnc("import", tmp_path / "net.py", "-o", tmp_path / "net.py")
    assert result.status == 2
    assert "is the text that is read, which would be lost" in result.err
    assert (tmp_path / "net.py").read_text() == "LSTMCell(3)\n"


def test_a_closed_standard_input_is_no_empty_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(Failure, match="standard input: it is closed"):
        read("-")


@pytest.mark.skipif(sys.platform == "win32", reason="a folder in use is not deleted there")
def test_a_current_folder_that_is_gone(
    rnnc: RunRnnc, lstm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is beside it is read as ever; nothing can be written there."""
    shutil.copy(lstm, tmp_path / "lstm.rnn")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert rnnc("check", "../lstm.rnn").status == 0
    assert "the path of the file is empty" in rnnc("compile", "").err
    assert rnnc("compile", "../lstm.rnn").status == 0
    result = rnnc("compile", "../lstm.rnn", "-o", "lstm.py")
    assert (result.status, "cannot write lstm.py" in result.err) == (1, True)
