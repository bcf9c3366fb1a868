"""Pages of docs/ as data: their fenced blocks, and what holds of the commands and examples that they show."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Fence:
    """One fenced block: its language, its further attributes (`file=gru.rnn`), its text."""

    language: str
    attributes: dict[str, str]
    text: str


@dataclass(frozen=True)
class Command:
    """A line `$ rnnc …`, the status that it should end with (`# exits with N`), and what it should print.

    In `shown` an ellipsis stands for any text, and on a line of its own for any lines. Empty: nothing is promised.
    """

    arguments: tuple[str, ...]
    status: int
    shown: str

    def prints(self, output: str) -> bool:
        """Whether an output is as the page shows it."""
        lines = ("(?:.*\n)*?" if line == "…" else _pattern(line) for line in self.shown.splitlines())
        return not self.shown or re.fullmatch("".join(lines), output) is not None


def _pattern(line: str) -> str:
    return re.escape(line.rstrip()).replace("…", ".*") + "[ ]*\n"


def page(name: str) -> str:
    """The text of a page."""
    return (ROOT / "docs" / name).read_text(encoding="utf-8")


def fences(text: str) -> Iterator[Fence]:
    """The fenced blocks of a page, in order."""
    for info, body in re.findall(r"^```(.*)\n((?s:.*?))^```$", text, re.MULTILINE):
        language, *words = shlex.split(info) or [""]
        yield Fence(language, dict(word.partition("=")[::2] for word in words), body)


def commands(fence: Fence) -> Iterator[Command]:
    """The commands of a block, in order."""
    for part in re.split(r"^(?=\$ )", fence.text, flags=re.MULTILINE):
        line, _, shown = part.partition("\n")
        match = re.fullmatch(r"\$ (.*?)(?: +# exits with (\d+))?", line)
        if match is not None:
            yield Command(tuple(shlex.split(match[1])), int(match[2] or 0), shown)


def write_files(text: str, folder: Path) -> None:
    """Write the blocks that are files (`file=NAME`) into a folder."""
    for fence in fences(text):
        if "file" in fence.attributes:
            (folder / fence.attributes["file"]).write_text(fence.text, encoding="utf-8")


def session(text: str, name: str) -> doctest.DocTest:
    """The Python examples of a page (`>>>`), as one session."""
    lines = [fence.text for fence in fences(text) if fence.language == "python" and fence.text.startswith(">>>")]
    return doctest.DocTestParser().get_doctest("\n".join(lines), {}, name, None, 0)
