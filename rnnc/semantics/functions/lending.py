"""`weights = f`: the equation whose weights a call uses, and under which path these are."""

from __future__ import annotations

from collections.abc import Iterator

from rnnc.semantics.bodies.frames import Context, Indices, Owner
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.expressions.names import no_member
from rnnc.semantics.functions.making import Making, makings
from rnnc.semantics.near import did_you_mean
from rnnc.semantics.problems import Problem, Told
from rnnc.semantics.shapes.nodes import Node
from rnnc.syntax import ast
from rnnc.syntax.walk import names_in, statements_in


def dotted(path: str) -> str:
    return path if not path or path.endswith(".") else path + "."


def other_owner(a: Arguments, call: str | None = None) -> str | None:
    """`weights = f`: the path of the equation whose weights are used instead. `call`: what the call is named there, if
    it has a name of its own among those of its equation."""
    if not a.has("weights"):
        return None
    frame, owner = a.context.frame, a.context.owner
    assert owner is not None
    e: ast.Expr | None = a.options["weights"].value
    if isinstance(e, ast.Conditional):
        e = e.value if a.evaluate.truth(e.test, a.context) else e.orelse
        if e is None:
            return None
    name = e.base if isinstance(e, ast.Subscript) else e
    _check_equation(a, name)
    if not isinstance(name, ast.Name):
        raise Problem("E229", "`weights` names the equation whose weights are used", e.span, fix=_meant(a, e))
    members = _members(a, name.id)
    if isinstance(e, ast.Subscript):
        places = a.evaluate.indices(tuple(i for i in e.items if not isinstance(i, ast.Slice)), a.context)
        path = _path(a, name.id, places, members.get(places), call, ())
    elif not any(members):
        path = _path(a, name.id, (), members.get(()), call, ())
    else:
        path = _same_member(a, name, members, call)
    path = dotted(path)
    frame.body.registry.borrowed[dotted(owner.full(frame, a.shared))] = path
    return path


def _members(a: Arguments, name: str) -> dict[Indices, Node]:
    """The equations of a name: of a state, those of what it is after the step."""
    members = a.context.frame.members
    found = members.get((name, False), {})
    equations = {k: node for k, node in found.items() if "statement" in node.attrs}
    return equations or members.get((name, True), found)


def _same_member(a: Arguments, name: ast.Name, members: dict[Indices, Node], call: str | None) -> str:
    """`weights = q` in a family: the member with the same indices, or what all of them share."""
    frame, owner = a.context.frame, a.context.owner
    assert owner is not None
    own = tuple(owner.indices.values())
    shared = Owner(name.id, owner.target, owner.indices).full(frame, a.shared)
    if own in members:
        path = _path(a, name.id, own, members[own], call, a.shared)
        if a.shared and path != shared:
            among = " and ".join(f"`{n}`" for n in a.shared)
            message = f"the weights of `{name.id}` are not shared over {among}"
            fix = f"leave `shared over` out here, or say it where `{name.id}` is defined, too"
            raise Problem("E229", message, a.options["weights"].value.span, fix=fix)
        return path
    a.evaluate.work.spend(len(members), a.span)
    paths = {_path(a, name.id, k, node, call, a.shared) for k, node in members.items()}
    if shared in paths or len(paths) == 1:
        return shared if shared in paths else paths.pop()
    span = a.options["weights"].value.span
    raise Problem("E203", f"`{name.id}` is a family: which member?", span, fix=f"write `weights = {name.id}[k]`")


def _path(
    a: Arguments, name: str, indices: Indices, node: Node | None, call: str | None, shared: tuple[str, ...]
) -> str:
    """Where the weights of a member are: without the indices that its own call shares them over."""
    frame = a.context.frame
    statement = node.attrs.get("statement") if node is not None else None
    if not isinstance(statement, ast.Equation):
        raise _no_equation(a, name, indices, node)
    made = makings(statement.value, a.context) or _elsewhere(a, name, statement)
    _check_own(a, statement, indices, made)
    if not made:
        if not _replaced(statement, a.context):
            raise _no_weights(a, name, statement)
        owner = a.context.owner
        target = owner.target if owner is not None and shared else statement.target
        return Owner(name, target, dict(enumerate(indices))).full(frame, shared)
    over = next((m.shared for m in made if m.name == call), made[0].shared)
    return Owner(name, statement.target, dict(enumerate(indices))).full(frame, over)


def _check_equation(a: Arguments, e: ast.Expr) -> None:
    """A name after `weights =` must be one of this body."""
    names = {name for name, _ in a.context.frame.members}
    if isinstance(e, ast.Name) and e.id not in names:
        if a.context.frame.may_have_had(e.id):
            raise Told(e.span)
        raise Problem(
            "E201", f"there is no equation `{e.id}` here", e.span, fix=did_you_mean(e.id, names), missing=e.id
        )


def _meant(a: Arguments, e: ast.Expr) -> str:
    """The equation that the text names, with the name of the call in it that it tells of; or those that there are."""
    for name, written in _named(e):
        calls = [m.name for m in _made(a, name)]
        if not calls:
            continue
        fix = f"write `weights = {written}`"
        wanted = None if None in calls else calls[0]
        if isinstance(e, ast.Attribute) and e.name in calls:
            wanted = e.name
        return fix if wanted in (None, a.name) else f"{fix}, and `as {wanted}` behind this call"
    owner = a.context.owner
    there = list(dict.fromkeys(n for n, _ in a.context.frame.members if _made(a, n) and not any(_members(a, n))))
    others = [f"`weights = {n}`" for n in there if owner is None or n != owner.name]
    return f"write {' or '.join(others[:4])}" if others else "no other equation here has weights"


def _named(e: ast.Expr) -> Iterator[tuple[str, str]]:
    """The names within an expression, each with its text: of a member of a family, with its indices."""
    match e:
        case ast.Name():
            yield e.id, e.id
        case ast.Subscript(base=ast.Name(id=name)):
            yield name, e.span.text
        case ast.Attribute():
            yield from _named(e.base)
        case ast.Unary():
            yield from _named(e.operand)
        case ast.Binary():
            yield from _named(e.left)
            yield from _named(e.right)
        case ast.Call():
            for argument in e.arguments:
                if isinstance(argument, ast.Argument):
                    yield from _named(argument.value)
        case _:
            yield from ((name, name) for name in names_in(e))


def _made(a: Arguments, name: str) -> list[Making]:
    """The calls that make weights of the equations of a name."""
    written = [node.attrs.get("statement") for node in _members(a, name).values()]
    return [m for s in written if isinstance(s, ast.Equation) for m in makings(s.value, a.context) if m.own]


def _check_own(a: Arguments, statement: ast.Equation, indices: Indices, made: list[Making]) -> None:
    """An equation has weights of its own only if one of its calls makes them."""
    owner = a.context.owner
    assert owner is not None
    if statement.target is owner.target and indices == tuple(owner.indices.values()) and not any(m.own for m in made):
        message = "an equation cannot take its own weights"
        fix = "name another equation, whose call makes them, or leave `weights` out"
        raise Problem("E229", message, a.options["weights"].value.span, fix=fix)


def _elsewhere(a: Arguments, name: str, statement: ast.Equation) -> list[Making]:
    """The calls of other equations of this name, which an `if` leaves out."""
    others = [s for s in statements_in(a.context.frame.written) if isinstance(s, ast.Equation) and s is not statement]
    return [m for s in others if s.target.name == name for m in makings(s.value, a.context)]


def _replaced(statement: ast.Equation, c: Context) -> bool:
    """Does an equation stand in the text of a variant, which replaced another one?"""
    cell = c.frame.cell
    if cell is None or not cell.derived:
        return False
    span, whole = statement.span, cell.definition.span
    return span.source != whole.source or not whole.start <= span.start < whole.end


def _no_equation(a: Arguments, name: str, indices: Indices, node: Node | None) -> Problem:
    """E229, of inputs, parameters and members that are not there."""
    span = a.options["weights"].value.span
    if a.context.frame.has_state(name):
        return Told(span)  # the state that lacks its equation is told
    if node is None:
        return no_member(name, False, indices, a.context, span)
    return Problem("E229", f"`{name}` is no equation, so it has no weights", span)


def _no_weights(a: Arguments, name: str, statement: ast.Equation) -> Problem:
    """E229: with the equation that is read in this one and has weights, if there is one."""
    members = a.context.frame.members
    fix = "name the equation whose `linear`, or other call with weights, is meant"
    for read in names_in(statement.value):
        node = members.get((read, False), {}).get(())
        below = node.attrs.get("statement") if node is not None else None
        if isinstance(below, ast.Equation) and any(m.own for m in makings(below.value, a.context)):
            fix = f"those of `{read}` may be meant: `weights = {read}`"
    return Problem("E229", f"`{name}` makes no weights", a.options["weights"].value.span, fix=fix)
