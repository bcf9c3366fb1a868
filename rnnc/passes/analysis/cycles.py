"""Says why states need a loop: which of them depend on one another, and through what."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rnnc.ir.operations import TABLE
from rnnc.ir.program import Carry, Loop, Node, Op, Value
from rnnc.ir.rewrite import dependents
from rnnc.passes.analysis.linearity import Coefficients, NoForm, affine, between, max_plus
from rnnc.passes.manager import PassContext


def explain_cycles(loop: Loop, left: Sequence[Carry], told: Collection[Carry], context: PassContext) -> None:
    """One remark for every set of states that keep a recurrence sequential. `left` are all that stay in the loop;
    of those in `told` a remark has been made."""
    for component in _components(loop, [carry for carry in left if carry not in told]):
        nodes = between(loop.body, [carry.param for carry in component], [carry.next for carry in component])
        names = ", ".join(carry.param.name or "(unnamed)" for carry in component)
        subject = f"the state {names} depends" if len(component) == 1 else f"the states {names} depend on one another"
        message = f"{subject}{' on itself' if len(component) == 1 else ''} through {_culprit(loop, component, nodes)}"
        spans = frozenset(span for node in nodes for span in node.spans)
        context.remark(
            "sequential",
            _follows(loop, component, left) or f"{message}: this recurrence runs step by step",
            spans,
            kind="missed",
        )


def _follows(loop: Loop, component: Sequence[Carry], left: Sequence[Carry]) -> str | None:
    """What to say of a state that would be a scan, were it not made of others that run step by step: in their loop it
    is a few operations more of the same step."""
    if len(component) != 1:
        return None
    (carry,) = component
    form = _form(loop, carry)
    if form is None:  # of most, and what they are made of takes a walk for each other state
        return None
    others = [c.param.name or "(unnamed)" for c in left if c is not carry and _reads(loop, carry, c)]
    if not others:
        return None
    names = f"the state {others[0]}, which runs" if len(others) == 1 else f"the states {', '.join(others)}, which run"
    own = carry.param.name or "(unnamed)"
    return f"the state {own} is of the form {form}, but made of {names} step by step: it stays in that loop"


def _reads(loop: Loop, carry: Carry, other: Carry) -> bool:
    return carry.next in dependents(loop.body, [other.param])


def _form(loop: Loop, carry: Carry) -> str | None:
    """The scan that a state is by its own equation, in words."""
    for read, words in ((affine, "a * s + b"), (max_plus, "max(s + a, b)")):
        try:
            read(loop.body, carry.param, carry.next, Coefficients(carry.param.type.dtype))
        except NoForm:
            continue
        return words
    return None


def _components(loop: Loop, carries: Sequence[Carry]) -> list[list[Carry]]:
    """The carries in sets that depend on one another, in order of their first members."""
    reaches: dict[Carry, set[Carry]] = {}
    for carry in carries:
        found = dependents(loop.body, [carry.param])
        reaches[carry] = {other for other in carries if other.next in found}
    for _ in carries:  # as many rounds as the longest way
        for carry in carries:
            reaches[carry] = reaches[carry].union(*(reaches[other] for other in reaches[carry]))
    components: list[list[Carry]] = []
    for carry in carries:
        home = next((c for c in components if c[0] in reaches[carry] and carry in reaches[c[0]]), None)
        if home is not None:
            home.append(carry)
        elif carry in reaches[carry]:
            components.append([carry])
    return components


def _culprit(loop: Loop, component: Sequence[Carry], nodes: Sequence[Node]) -> str:
    """What lies on the way and is no part of a scan, in words."""
    products = [node for node in nodes if isinstance(node, Op) and node.name == "contract"]
    if products:
        return f"the product with {_factor(products[0], nodes)}"
    blocking = next((node for carry in component if (node := _blocking(loop, carry)) is not None), None)
    return _named(blocking) if blocking is not None else "operations that are elementwise, but not of one state alone"


def _blocking(loop: Loop, carry: Carry) -> Node | None:
    """The first operation that keeps a state from being a linear recurrence of itself."""
    try:
        affine(loop.body, carry.param, carry.next, Coefficients(carry.param.type.dtype))
    except NoForm as form:
        return form.node
    return None


def _factor(product: Op, nodes: Sequence[Node]) -> str:
    inside: set[Value] = {out for node in nodes for out in node.outs}
    names = [arg.name for arg in product.args if arg not in inside and arg.name and not arg.type.batch]
    return names[0] if names else "another value"


def _named(node: Node) -> str:
    if not isinstance(node, Op):
        return "an inner loop"
    kind = TABLE[node.name].kind
    return f"a {kind} ({node.name})" if kind in ("reduction", "view") else node.name
