"""Names that parameters of a network do not have here: words of the language, its functions, and what inputs, their
axes and cells are called in the library."""

from __future__ import annotations

from functools import cache

from rnnc.diagnostics import Source
from rnnc.resources import resource_text
from rnnc.semantics.definitions.elaborator import BUILTINS  # all of them
from rnnc.semantics.problems import PRELUDE
from rnnc.syntax import ast
from rnnc.syntax.parse import parse
from rnnc.syntax.tables import tables

IN_LIBRARY = ("x", "time", "input", "row", "col", "channel", "f")


@cache
def own_words() -> frozenset[str]:
    prelude = parse(Source(PRELUDE, resource_text(f"grammar/{PRELUDE}")))
    functions = [each.name for each in prelude.definitions if isinstance(each, ast.Fn)]
    return frozenset((*tables().reserved, *BUILTINS, *functions, *IN_LIBRARY, "bidirectional", "backward"))
