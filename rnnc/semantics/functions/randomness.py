"""Dropout and zoneout: where masks are drawn, and what they are called."""

from __future__ import annotations

from rnnc.diagnostics import Note
from rnnc.semantics.expressions.arguments import Arguments
from rnnc.semantics.functions.builtins import added, builtin
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import Tensor, Value
from rnnc.semantics.shapes.lower import Site


def _site(a: Arguments, rate: Value) -> Site | None:
    """The random site of this call; None where nothing is random (keep = 1)."""
    frame, owner = a.context.frame, a.context.owner
    keep = a.number("keep")
    if rate is not None:
        if keep is not None:
            raise Problem("E222", "both a rate and `keep` are given", a.span)
        spot = a.options["rate"].value.span if a.has("rate") else a.operands[-1].span
        known = a.known_number(rate, "the rate", spot)
        if not 0 <= known < 1:
            raise Problem("E228", f"a rate is at least 0 and below 1, not {known}", spot)
        keep = 1 - known
    if keep is None:
        fix = "`dropout(v, 0.1)` drops a tenth" if a.name == "dropout" else "`zoneout(new, old, 0.1)` keeps a tenth"
        raise Problem("E225", f"`{a.name}` wants a rate or `keep = …`", a.span, fix=fix)
    if not 0 < keep <= 1:
        spot = a.options["keep"].value.span
        raise Problem("E228", f"the probability to keep is above 0 and at most 1, not {keep}", spot)
    per = a.word("mask", ("step", "sequence"), "step")
    if keep == 1:
        return None
    if owner is None:
        raise Problem(
            "E403", f"`{a.name}` needs an equation that names its mask", a.span, fix="give it an equation of its own"
        )
    name = owner.full(frame) if owner.name else frame.prefix.rstrip(".")
    name = (
        frame.state_prefix + name[len(frame.prefix) :]
        if name.startswith(frame.prefix)
        else frame.state_prefix.rstrip(".")
    )
    name = f"{name}.{a.context.name}" if a.context.name else name
    if name in frame.body.sites:
        other = frame.body.sites[name]
        raise Problem(
            "E402",
            f"two masks would be called `{name}`",
            a.span,
            fix=f"name one of the calls: `{a.name}(…) as d`",
            notes=[Note("the other one", other.span)],
        )
    site = Site(name, frame.held(keep), per, a.span)
    frame.body.sites[name] = site
    return site


@builtin("dropout", masks=True)
def _dropout(a: Arguments) -> Value:
    """dropout(x, rate, mask = step | sequence) or dropout(x, keep = …)."""
    a.count(1, 2)
    a.allow("keep", "mask", "rate")
    node = a.node(0)
    site = _site(a, a.value(1) if len(a.operands) == 2 else a.option("rate"))
    return Tensor(node) if site is None else added(a, "random", node, ir="dropout", site=site)


@builtin("zoneout", masks=True)
def _zoneout(a: Arguments) -> Value:
    """zoneout(new, old, rate): a random part keeps its old value; when not training, the expected mixture."""
    a.count(2, 3)
    a.allow("keep", "mask", "rate")
    new, old = a.node(0), a.node(1)
    site = _site(a, a.value(2) if len(a.operands) == 3 else a.option("rate"))
    return Tensor(new) if site is None else added(a, "random", new, old, ir="zoneout", site=site)
