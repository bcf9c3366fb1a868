"""Every way in which a command can end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from rnnc.cli import crash
from rnnc.cli.app import COMMANDS, LazyCommands, run
from rnnc.version import __version__
from tests.cli.support import LSTM, RunRnnc

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and devices of POSIX")


def test_version(rnnc: RunRnnc) -> None:
    assert rnnc("--version").out == f"rnnc {__version__}\n"


def test_help_lists_every_command(rnnc: RunRnnc) -> None:
    text = rnnc("--help").out
    assert all(command in text for command in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(rnnc: RunRnnc, name: str) -> None:
    found = rnnc(name, "-h")
    assert found.status == 0
    assert found.out.startswith(f"Usage: rnnc {name} ")


def test_a_wrong_command_is_a_usage_error_that_suggests(rnnc: RunRnnc) -> None:
    found = rnnc("compil")
    assert found.status == 2
    assert "did you mean `compile`?" in found.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compile"], "Missing argument"),
        (["compile", "x.rnn", "--nonsense"], "No such option"),
        (["compile", "x.rnn", "-D", "units"], "'units' should read NAME=VALUE"),
        (["compile", "x.rnn", "-D", "=3"], "'=3' should read NAME=VALUE"),
        (["compile", "x.rnn", "-D", "reset=after,units=3"], "write -D reset=after -D units=3"),
        (
            ["compile", "x.rnn", "-D", "a=[1, 2]; b = GRU(3, bias = none) c=4"],
            "-D 'a=[1, 2]' -D 'b = GRU(3, bias = none)' -D c=4",
        ),
        (["compile", "x.rnn", "-D", "sizes=3,4"], "several values are a list, -D 'sizes=[3,4]'"),
        (["compile", "x.rnn", "-D", "units=3", "-D", "units=4"], "units is given twice: 3 and 4"),
        (["compile", "x.rnn", "--target", "fortran"], "'fortran' is not"),
        (["compile", LSTM, "--no-pass", "fuze"], "did you mean 'fuse'?"),
        (["compile", LSTM, "--no-pass", "memroy"], "did you mean 'memory'? the passes are fold, cse"),
        (["compile", LSTM, "--dump-after", "fuze"], "did you mean 'fuse'?"),
        (["compile", LSTM, "--dump-after", "memory"], "there is no pass 'memory'; the passes are fold, cse"),
        (["compile", LSTM, "--save", "nothing"], "not 'nothing'"),
        (["compile", LSTM, "--save", "every=0"], "not 'every=0'"),
        (["check"], "Missing argument"),
        (["fmt"], "Missing argument"),
    ],
)
def test_usage_errors_are_2(rnnc: RunRnnc, arguments: list[str], message: str) -> None:
    found = rnnc(*arguments)
    assert found.status == 2
    assert message in found.err
    assert found.out == ""


def test_a_missing_file_is_1_and_says_so(rnnc: RunRnnc, tmp_path: Path) -> None:
    for command in ("compile", "check", "fmt", "explain", "verify"):
        found = rnnc(command, tmp_path / "no.rnn")
        assert found.status == 1
        assert "no.rnn: No such file or directory" in found.err
        assert "Traceback" not in found.err


def test_a_bug_is_70_with_a_report_to_send(
    rnnc: RunRnnc, lstm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("of ours")

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("rnnc.cli.commands.check.check", fail)
    found = rnnc("check", lstm)
    assert found.status == 70
    assert "internal error: ZeroDivisionError: of ours" in found.err
    assert "Traceback" not in found.err
    (report,) = tmp_path.glob("rnnc-crash-*.txt")
    assert str(report) in found.err
    text = report.read_text()
    assert f"rnnc: {__version__}" in text
    assert f"command line: rnnc check {lstm}" in text
    assert "numpy: " in text
    assert 'raise ZeroDivisionError("of ours")' in text


def test_without_a_place_for_the_report_it_is_printed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(crash.tempfile, "mkstemp", full)
    crash.report(ValueError("x"), ["fmt", "a b.rnn"])
    assert "command line: rnnc fmt 'a b.rnn'" in capsys.readouterr().err


def test_ctrl_c_is_130_without_a_traceback(rnnc: RunRnnc, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: LazyCommands, *_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LazyCommands, "get_command", interrupt)
    found = rnnc("doctor")
    assert found.status == 130
    assert "Traceback" not in found.err


@posix
def test_a_signal_while_it_waits_for_input_is_130() -> None:
    # Tests that run in the background are started with the signal ignored, and so would be what they start.
    heeding = "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    process = subprocess.Popen(
        [sys.executable, "-c", f"{heeding}runpy.run_module('rnnc', run_name='__main__', alter_sys=True)", "fmt", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in complaint


@posix
def test_a_reader_that_goes_away_hears_nothing(lstm: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "rnnc", "compile", str(lstm), "--emit", "ast"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_full_disk_behind_the_standard_output_is_1(lstm: Path) -> None:
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "rnnc", "compile", str(lstm), "--emit", "ast"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"cannot write the standard output" in done.stderr


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["compile", "--help"]])
def test_nor_is_it_a_bug_of_what_ends_early(arguments: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "rnnc", *arguments], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"rnnc: cannot write: No space left on device\n")


def test_a_machine_that_is_too_small_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: Any, lstm: Path) -> None:
    def none(*_: Any, **__: Any) -> None:
        raise MemoryError("Unable to allocate 75 GiB")

    monkeypatch.setattr("rnnc.verify.proving.proofs.Draw", none)
    assert run(["verify", str(lstm)]) == 1
    assert "memory is not enough: Unable to allocate 75 GiB; choose smaller sizes" in capsys.readouterr().err


def test_sizes_that_nobody_can_prove(rnnc: RunRnnc, lstm: Path) -> None:
    result = rnnc("verify", lstm, "-D", "units=1000000")
    assert result.status == 1
    assert "E805" in result.err
    assert "1,000,000,000,000 of them in `i.h`" in result.err


def test_a_layout_is_of_a_reference(rnnc: RunRnnc, lstm: Path) -> None:
    result = rnnc("verify", lstm, "--layout", "tf")
    assert result.status == 2
    assert "--against names it" in result.err


def test_of_unknown_passes_always_the_same_is_told(rnnc: RunRnnc, lstm: Path) -> None:
    result = rnnc("compile", lstm, "--no-pass", "zzz", "--no-pass", "aaa", "--no-pass", "mmm")
    assert "there is no pass 'aaa'" in result.err


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from rnnc.cli.messages import uses_colour

    class Terminal:
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert uses_colour(Terminal())  # type: ignore[arg-type]
    assert not uses_colour(None)
    monkeypatch.setenv("NO_COLOR", "")
    assert uses_colour(Terminal())  # type: ignore[arg-type]
    monkeypatch.setenv("NO_COLOR", "1")
    assert not uses_colour(Terminal())  # type: ignore[arg-type]
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not uses_colour(Terminal())  # type: ignore[arg-type]


@posix
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
@pytest.mark.parametrize("command", ["doctor", "explain {rnn}", "check --json {wrong}"])
def test_a_full_disk_is_no_bug_of_any_command(command: str, lstm: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.rnn"
    wrong.write_text("cell {")
    arguments = command.format(rnn=lstm.with_name("rnn.rnn"), wrong=wrong).split()
    with open("/dev/full", "wb") as full:
        command_line = [sys.executable, "-m", "rnnc", *arguments]
        done = subprocess.run(command_line, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"cannot write the standard output" in done.stderr
