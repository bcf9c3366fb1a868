"""Calls of functions of libraries that are not read as they stand: lists are written out, and what is wrong is told."""

from __future__ import annotations

import ast
from collections.abc import Mapping

from rnnc.importing.formulas.formulas import is_known
from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import Finals, Given, Names, Reference, Value, describe, is_tensor, problem
from rnnc.importing.texts.axes import SPECIAL
from rnnc.importing.texts.finals import several
from rnnc.importing.texts.reads import Reads

JOINS = ("concat", "concatenate", "cat")
TOGETHER = (*JOINS, "stack")
LIBRARIES = ("torch", "nn", "F", "functional", "tf", "tensorflow", "keras", "K", "ops")


def written_out(ev: Evaluates, held: Value, node: ast.Call, names: Names) -> tuple[ast.Call, Names]:
    """`torch.cat(parts, 1)` with the members of the list, each under a name."""
    is_list = isinstance(held, list) and held and all(is_tensor(item.value) for item in held)
    if not isinstance(held, list) or not is_list or ev.if_known(node.func, names).value is None:
        return node, names
    if ast.unparse(node.func).rpartition(".")[2] not in JOINS:
        return node, names
    own = {f"‹part {k}›": item for k, item in enumerate(held)}
    parts: list[ast.expr] = [ast.copy_location(ast.Name(id=name, ctx=ast.Load()), node.args[0]) for name in own]
    first = ast.copy_location(ast.List(elts=parts, ctx=ast.Load()), node.args[0])
    whole = ast.Call(func=node.func, args=[first, *node.args[1:]], keywords=node.keywords)
    return ast.copy_location(whole, node), {**names, **own}


def check_known(ev: Reads, function: Reference, node: ast.Call, names: Names) -> None:
    """E606: a function is known, and what it is given is not read. E602: the text has the function, and is not read."""
    entry, front = names.get(function.path), function.path.partition(".")[0]
    if isinstance(entry, Given) and isinstance(entry.value, Reference) and entry.span.text.startswith(("def ", "@")):
        what = f"what `{function.path}` does is not read where it is called inside of something else"
        raise problem("E602", what, ev.span(node), fix=f"give its result a name: `made = {ast.unparse(node)}`")
    if front not in LIBRARIES or front == function.path:
        return
    of_library = ev.functions_of(function.path)
    if function.last not in (*SPECIAL, "stack", *of_library) and not is_known(function.last):
        return
    given = [ev.given(each, names) for each in (*node.args, *(keyword.value for keyword in node.keywords))]
    items = [item for each in given for item in (each.value if isinstance(each.value, list) else [each])]
    for item in items:
        if isinstance(item.value, Finals):
            raise several(item.span)
    shown = next((each for each in items if not isinstance(each.value, bool | int | float | str | None)), None)
    what = f"`{function.path}` is not read of {describe(shown.value) if shown is not None else 'these arguments'}"
    fix = "read are functions of what layers give, and of what comes in"
    raise problem("E606", what, shown.span if shown is not None else ev.span(node), fix=fix)


def functions_in(ev: Reads, node: ast.expr, names: Names) -> Mapping[str, str]:
    """The functions of one tensor of the library whose functions an expression calls, as the language has them."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            function = ev.if_known(each.func, names).value
            if isinstance(function, Reference):
                return ev.functions_of(function.path)
    return ev.functions_of("")
