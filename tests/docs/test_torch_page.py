"""The examples of docs/torch.md run as they are printed."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from tests.docs.pages import page, session, write_files


def test_the_examples_run_as_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch").manual_seed(0)
    monkeypatch.chdir(tmp_path)
    write_files(page("torch.md"), tmp_path)
    examples = session(page("torch.md"), "torch.md")
    assert len(examples.examples) > 10
    assert doctest.DocTestRunner().run(examples).failed == 0
