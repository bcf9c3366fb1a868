"""What calls of layers and models are given beside what they are called on."""

from __future__ import annotations

import ast

from rnnc.importing.python.values import Names, Reference, problem
from rnnc.importing.texts.reads import Reads


def check_left(ev: Reads, callee: str, what: str, node: ast.expr, names: Names) -> None:
    """E606: a call of a layer or model is given more than what it is called on and begins with, and no default."""
    value = ev.if_known(node, names).value
    if value is None and isinstance(node, ast.Constant | ast.Name):
        return
    if what == "`training`" and (value is False or isinstance(value, Reference)):
        return  # dropout acts when modules are trained
    fix = "leave it out, and write what it does by hand"
    if what == "`training`":
        ev.remarks.add(f"`training` of a call of {callee} is left out: a module is told when it is trained")
        return
    if what == "`mask`":
        fix = "leave it out, and give a module the lengths of the rows"
    raise problem("E606", f"{what} of a call of {callee} is not read", ev.span(node), fix=fix)
