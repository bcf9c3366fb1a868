"""The Python examples of docs/pictures.md do what the page shows."""

from __future__ import annotations

import doctest

from tests.docs.pages import page, session


def test_the_session_runs_as_shown() -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(session(page("pictures.md"), "pictures.md"))
    assert runner.summarize(verbose=False).failed == 0
