"""How diagnostics look, to people and to editors."""

from __future__ import annotations

import json

import pytest

from rnnc.diagnostics import Diagnostic, Note, Source, Span
from rnnc.render import annotate, columns, render, screen, to_json

TEXT = """\
cell A(units) {
\tinput 漢字[unit]
  state h[units]
  h' = tanh(
    x +

    h)
}
"""


def span(text: str, first: str, last: str | None = None) -> Span:
    """From the first place of `first` to the end of `last` behind it."""
    source = Source("a.rnn", text)
    start = text.index(first)
    end = start + len(first) if last is None else text.index(last, start) + len(last)
    return Span(source, start, end)


def show(diagnostic: Diagnostic) -> str:
    return "\n" + render(diagnostic) + "\n"


@pytest.mark.parametrize("first", [0, 5, 400, 990])
def test_of_a_long_line_the_part_around_the_span_is_shown(first: int) -> None:
    line = "".join(f"{k:03} " for k in range(250))
    source = Source("a.rnn", line + "\n")
    rows = render(Diagnostic("E203", "no", Span(source, first, first + 7))).split("\n")
    shown, carets = rows[3], rows[4]
    assert len(shown) <= 170
    assert shown[carets.index("^") : carets.rindex("^") + 1] == line[first : first + 7].rstrip()
    assert (shown.startswith("1 | …"), shown.endswith("…")) == (first > 100, first < 900)
    whole = render(Diagnostic("E203", "no", Span(source, first // 2, 1000))).split("\n")
    assert max(map(len, whole)) <= 170
    assert whole[4].count("^") >= 100


def test_carets_stand_under_the_span_behind_tabs_and_wide_letters() -> None:
    note = Note("declared here", span(TEXT, "units"))
    found = Diagnostic("E203", "no size is called `unit`", span(TEXT, "unit]"), (note,), "write `units`")
    assert (
        show(found)
        == """
error[E203]: no size is called `unit`
 --> a.rnn:2:11
  |
2 |     input 漢字[unit]
  |                ^^^^^
note: declared here
 --> a.rnn:1:8
  |
1 | cell A(units) {
  |        ^^^^^
help: write `units`
"""
    )


def test_a_span_of_several_lines_is_underlined_on_each_from_the_first_letter_to_the_last() -> None:
    assert (
        show(Diagnostic("W901", "too long", span(TEXT, "tanh(", "h)"), severity="warning"))
        == """
warning[W901]: too long
 --> a.rnn:4:8
  |
4 |   h' = tanh(
  |        ^^^^^
5 |     x +
  |     ^^^
6 |
7 |     h)
  |     ^^
"""
    )


def test_the_middle_of_a_long_span_is_left_out_and_numbers_share_a_column() -> None:
    text = "".join(f"line {number}\n" for number in range(1, 13))
    assert (
        show(Diagnostic("E1", "all of it", span(text, "line 2", "line 12")))
        == """
error[E1]: all of it
  --> a.rnn:2:1
   |
 2 | line 2
   | ^^^^^^
 3 | line 3
   | ^^^^^^
 4 | line 4
   | ^^^^^^
...
10 | line 10
   | ^^^^^^^
11 | line 11
   | ^^^^^^^
12 | line 12
   | ^^^^^^^
"""
    )


@pytest.mark.parametrize(
    ("text", "start", "end", "line", "carets"),
    [
        ("ab", 2, 2, "1 | ab", "  |   ^"),  # the end of the file
        ("ab\n", 3, 3, "2 |", "  | ^"),  # behind its last newline
        ("ab\ncd\n", 2, 3, "1 | ab", "  |   ^"),  # the newline itself
        ("a   \nb", 0, 5, "1 | a", "  | ^"),  # blanks at the end are no part of it
        ("", 0, 0, "1 |", "  | ^"),
        ("e\u0301x", 2, 3, "1 | e\u0301x", "  |  ^"),  # a combining accent takes no column
    ],
)
def test_every_place_has_a_caret(text: str, start: int, end: int, line: str, carets: str) -> None:
    shown = render(Diagnostic("E1", "here", Span(Source("a.rnn", text), start, end))).split("\n")
    assert shown[3:] == [line, carets]


def test_nothing_from_a_file_steers_the_terminal() -> None:
    text = "x = \x1b[31m + \u202e y \x07"
    found = Diagnostic("E103", "no \x1b[2J here", span(text, "\u202e"), fix="drop \x1b")
    assert (
        show(found)
        == """
error[E103]: no <U+001B>[2J here
 --> a.rnn:1:13
  |
1 | x = <U+001B>[31m + <U+202E> y <U+0007>
  |                    ^^^^^^^^
help: drop <U+001B>
"""
    )


def test_a_diagnostic_without_a_place_is_one_line() -> None:
    assert render(Diagnostic("E100", "cannot read a.rnn")) == "error[E100]: cannot read a.rnn"


def test_paint_gets_every_part_and_no_caret_moves() -> None:
    found = Diagnostic("E1", "m", span(TEXT, "units"), (Note("n"),), "f")
    painted = render(found, lambda text, style: f"<{style}>{text}</>")
    assert painted.startswith("<error>error[E1]</><message>: m</>")
    assert "<error>^^^^^</>" in painted
    assert "<note>note</>: n" in painted
    assert painted.endswith("<help>help</>: f")


def test_json_has_the_keys_that_editors_read() -> None:
    note = Note("declared here", span(TEXT, "units"))
    found = Diagnostic("E203", "é", span(TEXT, "tanh(", "h)"), (note, Note("bare")), "write `units`")
    text = to_json(found)
    assert "\n" not in text
    assert text.isascii()
    assert json.loads(text) == {
        "code": "E203",
        "severity": "error",
        "message": "é",
        "file": "a.rnn",
        "line": 4,
        "column": 8,
        "end_line": 7,
        "end_column": 7,
        "notes": [
            {"message": "declared here", "file": "a.rnn", "line": 1, "column": 8, "end_line": 1, "end_column": 13},
            {"message": "bare", "file": None, "line": None, "column": None, "end_line": None, "end_column": None},
        ],
        "fix": "write `units`",
    }


def test_remarks_stand_under_their_lines() -> None:
    source = Source("a.rnn", "cell A {\n  x = 1\n}\n")
    assert list(annotate(source, [(2, "+ fused", "help"), (2, "- kept", "warning")])) == [
        "1 | cell A {",
        "2 |   x = 1",
        "  |   + fused",
        "  |   - kept",
        "3 | }",
    ]


def test_lines_that_are_not_wanted_leave_dots_unless_they_are_blank() -> None:
    source = Source("a.rnn", "\na\n\nb\nc\nd\n\n")
    assert list(annotate(source, [(2, "+ fused", "help")], shown={2, 4, 6})) == [
        "1 |",
        "2 | a",
        "  | + fused",
        "3 |",
        "4 | b",
        "...",
        "6 | d",
        "7 |",
    ]
    assert list(annotate(source, [], shown={5})) == ["...", "5 | c", "..."]


def test_columns_counts_what_a_terminal_shows() -> None:
    assert [columns(screen(text)) for text in ("ab", "\tb", "漢", "e\u0301", "\x1b")] == [2, 5, 2, 1, 8]
