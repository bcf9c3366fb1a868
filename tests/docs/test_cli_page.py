"""docs/cli.md names every command and every option, and its examples end and print as they are shown."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from rnnc.cli.app import COMMANDS, rnnc, run
from tests.docs.pages import Command, commands, fences, page, write_files

PAGE = page("cli.md")
EXAMPLES = [command for fence in fences(PAGE) if fence.language == "console" for command in commands(fence)]


def _section(name: str) -> str:
    """What the page says of a command, with what is common to all."""
    common, *sections = re.split(r"^## `rnnc (?=\w)", PAGE, flags=re.MULTILINE)
    return common + next(section for section in sections if section.startswith(f"{name}`"))


def _parameters(name: str) -> list[click.Parameter]:
    """What a command, or the commands in it, can be given."""
    command = rnnc.get_command(click.Context(rnnc), name)
    assert command is not None
    inner = command.commands.values() if isinstance(command, click.Group) else ()
    return [*command.params, *(parameter for one in inner for parameter in one.params)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_is_explained(name: str) -> None:
    section = _section(name)
    options = [text for option in _parameters(name) if isinstance(option, click.Option) for text in option.opts]
    assert [text for text in options if f"`{text}" not in section] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_no_option_is_explained_that_a_command_does_not_have(name: str) -> None:
    own = _section(name).partition(f"{name}`\n")[2]
    known = {text for option in _parameters(name) for text in option.opts}
    assert set(re.findall(r"`(--?[a-z][a-z-]*)", own)) <= known


def test_every_command_has_an_example() -> None:
    assert {command.arguments[1] for command in EXAMPLES} == set(COMMANDS)


def test_the_examples_end_and_print_as_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In their order: later ones find the files of earlier ones."""
    monkeypatch.chdir(tmp_path)
    write_files(PAGE, tmp_path)
    for command in EXAMPLES:
        assert command.arguments[0] == "rnnc"
        status = run(command.arguments[1:])
        output = capfd.readouterr()
        shown = output.err + output.out
        assert (status, command.prints(shown)) == (command.status, True), f"{command}\nprinted\n{shown}"


@pytest.mark.parametrize(
    ("shown", "output", "expected"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a\nb\n", False),
        ("a … c\n…\n", "a b c\n\nx\n", True),
        ("…\nb\n", "b\n", True),
        ("…\nb\n", "a\n", False),
        ("", "anything\n", True),
    ],
)
def test_what_is_shown_is_compared(shown: str, output: str, expected: bool) -> None:
    assert Command((), 0, shown).prints(output) is expected
