"""The compiler's own text files: the grammar and the templates of the backends.

In a checkout they stand at the top level (`grammar/`, `templates/`), in an installed wheel inside the package
(`rnnc/_data/`); everybody asks here and need not know which.
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_ROOTS = (_PACKAGE / "_data", _PACKAGE.parent)


def resource_path(name: str) -> Path:
    """The file of a resource such as "grammar/rnn.lark". Raises FileNotFoundError where the installation lacks it."""
    for root in _ROOTS:
        path = root / name
        if path.is_file():
            return path
    raise FileNotFoundError(f"rnnc is installed without its file {name}")


def resource_text(name: str) -> str:
    """The text of a resource such as "grammar/rnn.lark". Raises FileNotFoundError where the installation lacks it."""
    return resource_path(name).read_text(encoding="utf-8")
