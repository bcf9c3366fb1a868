"""Pages, facts and notebooks: what a description shows of itself."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

import rnnc
from rnnc.notebook import load_ipython_extension, run_cell
from rnnc.pictures.facts import kept_text, products_text, size_text
from rnnc.pictures.page import fact_rows
from rnnc.pictures.sources import shown_source
from tests.pictures.drawn import described, example

TEXT = """cell Mine(units) {
  input x[input]
  state h[units]
  gate z = sigmoid(linear(x, h))
  h' = z * h + (1 - z) * tanh(z)
  output h'
}
"""


class Shell:
    """What `%%rnnc` needs of IPython."""

    def __init__(self) -> None:
        self.user_ns: dict[str, Any] = {}
        self.magics: dict[str, Any] = {}

    def register_magic_function(self, func: Any, magic_kind: str, magic_name: str) -> None:
        assert magic_kind == "cell"
        self.magics[magic_name] = func


def test_facts_of_a_plain_lstm() -> None:
    facts = example("basic_lstm:BasicLSTM").facts
    assert size_text(facts.trained) == "4·units² + 4·input·units + 4·units"
    assert products_text(facts) == ("8 written, of which the compiler makes 1 at each step and 1 for all steps at once")
    assert [kept_text(k) for k in facts.kept] == ["28·units", "8·units", "(8·units)/8"]
    assert (facts.loops, facts.scans) == (1, 0)


def test_facts_with_given_sizes_are_numbers() -> None:
    facts = described(TEXT, units=64, input=1000).facts
    assert size_text(facts.trained) == "68\u202f160"
    assert int(size_text(facts.trained).replace("\u202f", "")) == 64 * 64 + 64 * 1000 + 64


def test_a_recurrence_that_is_a_scan_is_told() -> None:
    assert ("recurrences", "1 as scans") in fact_rows(example("min_gru:MinGRU"))


def test_a_network_that_cannot_stream_says_why() -> None:
    rows = dict(fact_rows(example("bidirectional:Bidirectional")))
    assert rows["one step at a time"].startswith("not possible: ")


def test_the_source_is_what_the_cell_needs_without_layouts() -> None:
    text, without = shown_source(example("layer_norm_lstm:LayerNormLSTM").source, "LayerNormLSTM")
    assert without
    assert "layout" not in text
    assert text.index("fn ln(") < text.index("cell LayerNormLSTM")
    assert text.rstrip().endswith("output h'\n}")


def test_a_page_stands_alone() -> None:
    """No script, no address, nothing to load."""
    for name in ("lstm:LSTM", "multi:Multi", "attention:Attention"):
        html = example(name).html()
        assert not re.search(r"<script|src=|href=|url\(|@import", html)
        assert set(re.findall(r'https?://[^"\s<]+', html)) <= {
            "http://www.w3.org/2000/svg",
            "http://www.w3.org/1998/Math/MathML",
        }


def test_cells_of_a_network_are_shown_once() -> None:
    """Both layers are the same LSTM."""
    assert [
        s.title for s in described("network N {\n input x[4]\n y = stack(LSTM(8), 2)(x)\n output y\n}").sections
    ] == [
        "",
        "y[0], y[1]: LSTM",
    ]


def test_describe_from_python() -> None:
    description = rnnc.describe(TEXT, units=8)
    assert isinstance(description, rnnc.Description)
    assert repr(description) == "<rnnc cell Mine(units = 8)>"
    assert description._repr_latex_().startswith("$$\n\\begin{aligned}")
    assert "<svg" in description._repr_html_()
    with pytest.raises(rnnc.DiagnosticError):
        rnnc.describe("cell C {")


def test_an_error_in_python_tells_place_and_remedy() -> None:
    with pytest.raises(rnnc.DiagnosticError) as found:
        rnnc.compile("cell C(n) {\n input x[n]\n output a: tnh(x), b: sigmoit(x)\n}")
    lines = ["there is no function or cell `tnh` (<text>:3:12; did you mean", "`sigmoit` (<text>:3:23; did you mean"]
    assert [line in said for line, said in zip(lines, str(found.value).split("\n"), strict=True)] == [True, True]
    with pytest.raises(rnnc.DiagnosticError, match="this file defines no cell"):
        rnnc.compile("")
    with pytest.raises(TypeError, match="units: given as a keyword argument and in options"):
        rnnc.describe(TEXT, units=8, options={"units": 3})


def test_a_notebook_cell_is_compiled_and_shown() -> None:
    shell = Shell()
    load_ipython_extension(shell)
    shown = shell.magics["rnnc"]("Mine -D units=8 --target numpy as mine", TEXT)
    assert shown.name == "Mine"
    assert shell.user_ns["mine"].SPEC["name"] == "Mine"


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        ("as mine", TEXT.replace("sigmoid", "sigmoit"), "^^^^^^^"),
        ("as", TEXT, "behind `as`"),
        ("as class", TEXT, "behind `as`"),
        ("--target none", TEXT, "is not one of"),
        ("--save some as mine", TEXT, "--save takes"),
        ("A B", TEXT, "at most one definition"),
        ("-D units", TEXT, "NAME=VALUE"),
        ("'", TEXT, "%%rnnc: "),
        ("--save some", TEXT, "--save takes all, states or every=K"),
        ("--target cuda -D strategy=fast", TEXT, "there is no strategy 'fast'"),
        ("--what", TEXT, "No such option"),
    ],
)
def test_a_notebook_says_what_is_wrong(line: str, text: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """As on the command line: no traceback, nothing bound."""
    shell = Shell()
    assert run_cell(shell, line, text) is None
    assert said in capsys.readouterr().err
    assert shell.user_ns == {}


def test_a_notebook_cell_names_a_strategy() -> None:
    """A word for CUDA, and none of the description."""
    shown = run_cell(Shell(), "--target cuda -D strategy=block", TEXT)
    assert shown is not None
    assert shown.svg().startswith("<svg")


def test_a_notebook_says_which_library_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert run_cell(Shell(), "--target cuda as mine", TEXT) is None
    assert "%%rnnc: this module needs CuPy: pip install" in capsys.readouterr().err


def test_ipython_knows_the_magic() -> None:
    """With the real one, where it is installed."""
    interactive = pytest.importorskip("IPython.core.interactiveshell")
    config = pytest.importorskip("traitlets.config").Config({"HistoryManager": {"enabled": False}})
    shell = interactive.InteractiveShell(config=config)
    shell.run_line_magic("load_ext", "rnnc")
    shown = shell.run_cell_magic("rnnc", "as mine", TEXT)
    assert shell.user_ns["mine"].SPEC["name"] == "Mine"
    formats, _ = shell.display_formatter.format(shown)
    assert {"text/html", "text/latex"} <= set(formats)
