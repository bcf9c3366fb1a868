"""Every example of docs/module.md runs as it is printed."""

from __future__ import annotations

import doctest
import sys
from pathlib import Path

import pytest

from rnnc.cli.app import run
from tests.docs.pages import commands, fences, page, session, write_files

PAGE = page("module.md")


def test_the_examples_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "gru", None)  # so that it is gone afterwards
    monkeypatch.delitem(sys.modules, "gru")
    write_files(PAGE, tmp_path)
    for fence in fences(PAGE):
        for command in commands(fence) if fence.language == "console" else ():
            assert run(command.arguments[1:]) == command.status, command
    examples = session(PAGE, "module.md")
    report: list[str] = []
    results = doctest.DocTestRunner(verbose=False).run(examples, out=report.append)
    assert results.attempted > 80
    assert results.failed == 0, "".join(report)
