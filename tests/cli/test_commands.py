"""What each command makes of good and of bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnc.cli.machine import Finding, targets
from rnnc.compiler import PASSES
from tests.cli.support import RunRnnc

BAD = """\
cell A(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, hh))
  output h'
}
"""
UGLY = "cell A(units){\n  input   x[input]\n state h[units]\n  h'=tanh( linear(x,h) )\n  output h'\n}\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.rnn"
    path.write_text(BAD)
    return path


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "ugly.rnn"
    path.write_text(UGLY)
    return path


# --- compile -----------------------------------------------------------------------------------------------


def test_compile_writes_the_module_to_the_standard_output_or_a_file(rnnc: RunRnnc, lstm: Path, tmp_path: Path) -> None:
    printed = rnnc("compile", lstm, "--target", "numpy", "-D", "units=8")
    assert printed.status == 0
    assert printed.err == ""
    compile(printed.out, "lstm.py", "exec")
    written = rnnc("compile", lstm, "-D", "units=8", "-o", tmp_path / "lstm.py")
    assert written.out == ""
    assert (tmp_path / "lstm.py").read_text() == printed.out


def test_the_standard_input_imports_from_the_current_folder(
    rnnc: RunRnnc, lstm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(lstm.parent)
    text = b'import LSTM from "lstm.rnn"\nnetwork Two(units = 4) { input x[3]\n output LSTM(units)(x) }\n'
    assert rnnc("compile", "-", stdin=text).status == 0
    assert rnnc("check", "-", stdin=text).status == 0
    monkeypatch.chdir(lstm.parent.parent)
    found = rnnc("check", "-", stdin=text)
    assert found.status == 1
    assert "error[E235]: cannot read lstm.rnn" in found.err
    assert "paths begin at the current folder" in found.err


def test_compile_reads_the_standard_input(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("compile", "-:LSTM", stdin=lstm.read_bytes())
    assert found.status == 0
    assert "def forward(" in found.out


def test_compile_reports_errors_and_writes_nothing(rnnc: RunRnnc, bad: Path, tmp_path: Path) -> None:
    found = rnnc("compile", bad, "-o", tmp_path / "bad.py")
    assert found.status == 1
    assert found.out == ""
    assert "bad.rnn:4:23" in found.err
    assert not (tmp_path / "bad.py").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-D", "unit=8"], "units"),
        (["-D", "units=("], "units"),
        (["-D", "units=true"], "units"),
        (["--expose", "ii"], "ii"),
    ],
)
def test_wrong_values_are_explained(rnnc: RunRnnc, lstm: Path, options: list[str], message: str) -> None:
    found = rnnc("compile", lstm, *options)
    assert found.status == 1, found.err
    assert found.out == ""
    assert found.err.startswith("error[E")
    assert message in found.err


def test_an_unknown_definition_is_an_error_that_lists_them(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("compile", f"{lstm}:LTSM")
    assert found.status == 1
    assert "LSTM" in found.err


@pytest.mark.parametrize("stage", ["ast", "graph", "program"])
def test_compile_shows_its_stages(rnnc: RunRnnc, lstm: Path, stage: str) -> None:
    found = rnnc("compile", lstm, "--emit", stage)
    assert found.status == 0, found.err
    assert "forget_bias" in found.out or "sigmoid" in found.out


def test_a_pass_is_shown_on_the_side(rnnc: RunRnnc, lstm: Path) -> None:
    plain = rnnc("compile", lstm)
    found = rnnc("compile", lstm, "--dump-after", "fold")
    assert found.out == plain.out
    assert found.err.startswith("# after fold")


def test_an_output_that_cannot_be_written_is_1(rnnc: RunRnnc, lstm: Path, tmp_path: Path) -> None:
    found = rnnc("compile", lstm, "-o", tmp_path)
    assert found.status == 1
    assert f"cannot write {tmp_path}" in found.err


def test_compiling_imports_nothing_large(lstm: Path) -> None:
    """Loading packages is most of what it costs."""
    script = (
        "import sys\nfrom rnnc.cli.app import run\n"
        f"status = run(['compile', {str(lstm)!r}, '--target', 'numpy', '-o', {os.devnull!r}])\n"
        "print(status, *sorted({name.partition('.')[0] for name in sys.modules} - sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    status, *packages = done.stdout.split()
    assert (status, {name for name in packages if not name.startswith("_")}) == (
        "0",
        {"click", "jinja2", "markupsafe", "rnnc"},
    )


# --- check -------------------------------------------------------------------------------------------------


def test_check_is_content_with_a_good_file(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("check", lstm)
    assert (found.status, found.out) == (0, "")
    assert found.err == "rnnc: 1 file: no errors, no warnings\n"


def test_check_reports_all_files(rnnc: RunRnnc, bad: Path, lstm: Path, tmp_path: Path) -> None:
    found = rnnc("check", bad, lstm, tmp_path / "none.rnn")
    assert found.status == 1
    assert f" --> {bad}:4:23\n  |\n4 |   h' = tanh(linear(x, hh))\n  |                       ^^\n" in found.err
    assert "none.rnn: No such file or directory" in found.err
    assert found.err.endswith("rnnc: 3 files: 2 errors, no warnings\n")


def test_check_speaks_json_on_the_standard_output(rnnc: RunRnnc, bad: Path, tmp_path: Path) -> None:
    found = rnnc("check", "--json", bad, tmp_path / "none.rnn")
    assert found.status == 1
    assert found.err == ""
    first, second = map(json.loads, found.out.splitlines())
    assert (first["file"], first["line"], first["column"], first["end_column"]) == (str(bad), 4, 23, 25)
    assert (second["code"], second["file"]) == ("E100", None)


# --- fmt ---------------------------------------------------------------------------------------------------


def test_fmt_works_in_place_and_once_is_enough(rnnc: RunRnnc, ugly: Path) -> None:
    assert rnnc("fmt", ugly).status == 0
    once = ugly.read_text()
    assert "  h' = tanh(linear(x, h))\n" in once
    before = ugly.stat()
    assert rnnc("fmt", ugly).status == 0
    assert ugly.read_text() == once
    assert ugly.stat().st_mtime_ns == before.st_mtime_ns
    assert rnnc("fmt", "--check", ugly).status == 0


def test_fmt_check_and_diff_write_nothing(rnnc: RunRnnc, ugly: Path) -> None:
    found = rnnc("fmt", "--check", ugly)
    assert (found.status, found.out) == (1, "")
    assert f"{ugly} is not in the standard form" in found.err
    found = rnnc("fmt", "--diff", ugly)
    assert found.status == 0
    assert "-  h'=tanh( linear(x,h) )\n" in found.out
    assert "+  h' = tanh(linear(x, h))\n" in found.out
    assert ugly.read_text() == UGLY


def test_fmt_passes_the_standard_input_through(rnnc: RunRnnc) -> None:
    found = rnnc("fmt", "-", stdin=UGLY.encode())
    assert found.status == 0
    assert "  h' = tanh(linear(x, h))\n" in found.out


def test_fmt_keeps_the_line_ends_of_windows(rnnc: RunRnnc, ugly: Path) -> None:
    ugly.write_bytes(UGLY.replace("\n", "\r\n").encode())
    assert rnnc("fmt", ugly).status == 0
    data = ugly.read_bytes()
    assert b"  h' = tanh(linear(x, h))\r\n" in data
    assert data.count(b"\r\n") == data.count(b"\n")


def test_fmt_leaves_a_broken_file_and_goes_on(rnnc: RunRnnc, ugly: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.rnn"
    broken.write_text("cell A( {\n")
    found = rnnc("fmt", broken, ugly)
    assert found.status == 1
    assert "broken.rnn:1:" in found.err
    assert broken.read_text() == "cell A( {\n"
    assert ugly.read_text() != UGLY


# --- explain -----------------------------------------------------------------------------------------------


def test_explain_puts_remarks_under_their_lines(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("explain", lstm, "-D", "units=8")
    assert found.status == 0
    lines = [line for line in found.out.splitlines() if " | " in line]
    texts = [line.split(" | ", 1)[1] for line in lines if line.split(" |")[0].strip()]
    assert [text.strip() for text in lstm.read_text().splitlines() if text.strip()] == [text.strip() for text in texts]
    gate = next(number for number, line in enumerate(lines) if "gate i = " in line)
    assert lines[gate + 1].split(" | ", 1)[1].lstrip().startswith("+ ")


SEVERAL = """\
\"""Several cells.\"""
import "base.rnn"

# It stands
# alone.
\"""Plain.\"""
cell Plain(units) {
  input x[input]
  state h[units]
  h' = tanh(linear(x, h))
  output h'
}
fn unused(v) { return v }

cell Derived = Base with { gate f = 0.5 }

network Deep {
  input x[4]
  y = Plain(3)(x)
  z = Derived(3)(y)
  output z
}
"""
BASE = """\
fn twice(v) {
  return v + v
}

cell Other { input x[3]
  output x }

cell Base(units) {
  input x[input]
  state h[units]
  gate f = sigmoid(linear(x, h))
  h' = f * h + (1 - f) * twice(tanh(linear(x, h)))
  output h'
}
"""


@pytest.fixture
def several(tmp_path: Path) -> Path:
    """A file of several definitions, which imports some."""
    (tmp_path / "base.rnn").write_text(BASE)
    path = tmp_path / "several.rnn"
    path.write_text(SEVERAL)
    return path


def shown(text: str) -> list[str]:
    """The lines of the description that are shown, and the gaps."""
    rows = [row.split(" |", 1) for row in text.splitlines() if " |" in row or row == "..."]
    return [row[-1].removeprefix(" ") for row in rows if row[0].strip()]


def test_explain_shows_the_definition_that_is_asked_for(rnnc: RunRnnc, several: Path) -> None:
    found = rnnc("explain", f"{several}:Plain")
    assert found.status == 0, found.err
    assert shown(found.out) == ["...", *SEVERAL.splitlines()[3:12], "..."]
    assert "|   + hoist: " in found.out


def test_explain_shows_all_definitions_that_have_remarks(rnnc: RunRnnc, several: Path) -> None:
    found = rnnc("explain", f"{several}:Deep")
    assert found.status == 0, found.err
    own, imported = found.out.split(f"\n{several.parent / 'base.rnn'}\n")
    lines = SEVERAL.splitlines()
    assert shown(own) == ["...", *lines[3:12], "...", *lines[16:]]  # the variant has no remarks, its base has
    lines = BASE.splitlines()
    assert shown(imported) == [*lines[:3], "...", *lines[7:]]


def test_explain_tells_how_long_passes_took(rnnc: RunRnnc, lstm: Path) -> None:
    plain = rnnc("explain", lstm, "-D", "units=8").out
    found = rnnc("explain", lstm, "-D", "units=8", "--timings")
    assert found.status == 0
    assert found.out.startswith(plain)
    head, *rows, total = (line.split() for line in found.out.removeprefix(plain).strip().splitlines())
    assert head == ["pass", "runs", "ms"]
    assert {name for name, _, _ in rows} == {*PASSES, "(gradients)", "(module)"}
    assert {name: runs for name, runs, _ in rows}["fold"] == "6"  # forward before and after, the step, train, backward
    assert total[0] == "all"
    assert float(total[1]) == pytest.approx(sum(float(ms) for *_, ms in rows), abs=0.06 * len(rows))


# --- verify ------------------------------------------------------------------------------------------------


def test_verify_prints_errors_and_tolerances(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("verify", lstm, "-D", "units=3")
    assert found.status == 0, found.out + found.err
    assert "tolerance" in found.out
    assert "backward" in found.out
    assert "FAILED" not in found.out


def test_a_library_that_nothing_is_compared_with(rnnc: RunRnnc, lstm: Path) -> None:
    found = rnnc("verify", lstm, "--against", "jax")
    assert found.status == 2
    assert "--against takes a recording (.npz) or tf, keras, torch, onnx; there is no file jax" in found.err


def test_verify_cannot_use_a_file_that_is_no_recording(rnnc: RunRnnc, lstm: Path, tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(b"no archive")
    found = rnnc("verify", lstm, "--against", tmp_path / "x.npz")
    assert found.status == 1
    assert found.err.startswith("error[E8")


# --- doctor ------------------------------------------------------------------------------------------------


def test_doctor_finds_what_runs_this_test(rnnc: RunRnnc) -> None:
    import numpy

    found = rnnc("doctor")
    assert found.status == 0
    assert sys.executable in found.out
    assert numpy.__version__ in found.out
    assert "works" in found.out


def test_a_target_names_what_it_lacks_and_the_remedy() -> None:
    found = [
        Finding(name, False, "not installed")
        for name in ("Python", "NumPy", "BLAS", "TensorFlow", "CuPy", "NVRTC", "CUDA device", "g++")
    ]
    first = targets(found)[0]
    assert (first.name, first.works, first.lacks) == ("numpy", False, "no NumPy")
    assert "pip install numpy" in first.remedy
