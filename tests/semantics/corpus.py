"""The invalid sources of `tests/invalid`: what each says that the compiler must find, and what the compiler does find.

Comments at the head of a source say how it is compiled and what is expected:

    # expect E301 4:12-4:17             an error, and exactly the characters under its carets (line:column)
    # expect E233 parts/a.rnn 1:8-1:31  … in another source
    # expect E242                       … that has no place
    # name LSTM                         compile this definition; without such a line the file is checked
    # define units=128                  … with `-D units=128`
    # expose i,f                        … with `--expose i,f`
    # text                              … as text that is no file
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from rnnc.compiler import check, model_of
from rnnc.diagnostics import Diagnostic, DiagnosticError, Source
from rnnc.render import render

INVALID = Path(__file__).parents[1] / "invalid"
FILES = sorted(INVALID.glob("*.rnn"))

_COMMENT = re.compile(r"# (expect|name|define|expose|text)\b ?(.*)")
_EXPECT = re.compile(r"(E\d{3})(?: ([^:\n]*?))? ?(?:(\d+:\d+)-(\d+:\d+))?")


@dataclass(frozen=True)
class Finding:
    """A code and its place as `file first-last`, "" where it has none."""

    code: str
    place: str

    def __str__(self) -> str:
        return f"{self.code} {self.place}".rstrip()


@dataclass
class Case:
    """One invalid source."""

    path: Path
    expected: list[Finding] = field(default_factory=list[Finding])
    name: str | None = None
    options: dict[str, object] = field(default_factory=dict[str, object])
    expose: tuple[str, ...] = ()
    is_text: bool = False

    @property
    def checked(self) -> bool:
        """The file is checked as a whole, rather than one definition compiled."""
        return self.name is None and not self.options and not self.expose

    def diagnostics(self) -> list[Diagnostic]:
        """What the compiler says (with `tests/invalid` as the working directory)."""
        source = Source("<text>" if self.is_text else self.path.name, self.path.read_text(encoding="utf-8"))
        if self.checked:
            return check(source)
        try:
            model_of(source, self.name, self.options, expose=self.expose)
        except DiagnosticError as error:
            return list(error.diagnostics)
        return []

    def findings(self) -> list[Finding]:
        return [Finding(d.code, self._place(d)) for d in self.diagnostics()]

    def _place(self, diagnostic: Diagnostic) -> str:
        span = diagnostic.span
        if span is None:
            return ""
        own = span.source.name == ("<text>" if self.is_text else self.path.name)
        first, last = span.source.position(span.start), span.source.position(span.end)
        return ("" if own else f"{span.source.name} ") + f"{first[0]}:{first[1]}-{last[0]}:{last[1]}"

    def rendering(self) -> str:
        """What people see."""
        return "\n\n".join(render(d) for d in self.diagnostics()) + "\n"


def read_case(path: Path) -> Case:
    """The case in a file."""
    case = Case(path)
    for line in path.read_text(encoding="utf-8").splitlines():
        comment = _COMMENT.fullmatch(line)
        if comment is None:
            continue
        match comment[1], comment[2]:
            case "expect", text:
                found = _EXPECT.fullmatch(text)
                assert found is not None, f"{path.name}: {line}"
                place = f"{found[3]}-{found[4]}" if found[3] else ""
                case.expected.append(Finding(found[1], f"{found[2]} {place}" if found[2] else place))
            case "name", text:
                case.name = text
            case "define", text:
                key, _, value = text.partition("=")
                case.options[key] = value
            case "expose", text:
                case.expose = tuple(text.split(","))
            case _:
                case.is_text = True
    return case
