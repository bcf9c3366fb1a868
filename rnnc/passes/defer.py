"""Deferred weight gradients: what a backward loop only adds up is added up after the loop, in one product.

    loop dy_t in dy, x_t in x, carry dW {        loop dy_t in dy, x_t in x {
      dz   = …                                     dz = …
      dW'  = dW + contract(x_t, dz; reduce b)  =>  dzs <- dz
    }                                            }
                                                 dW = contract(x, dzs; reduce tb)

A state without a batch axis that is a sum, of itself and of terms that sum over the batch (products, `reduce_to`),
leaves the loop: the operands of its terms become sequences (many are already), and the sum over rows and steps is one
operation. The operands are zero past a row's length, or meet zeros there. In a loop over stretches the inner loops
are treated: the sum remains a state of the outer one.

A sum stays where its operands, as far as they are not sequences already, would take several times more memory per row
and step than the sum has numbers, or where that cannot be told and they are patches of a convolution. A number (the
gradient of a scalar) leaves where they take no more than what the loop collects anyway. It is the sum of a product
mostly: of two factors, which serve other sums as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from string import ascii_letters

from rnnc.ir.operations import Builder
from rnnc.ir.program import Carry, DType, Loop, Node, Op, Program, Spans, Value, reads
from rnnc.ir.rewrite import loop_results
from rnnc.ir.size import Size
from rnnc.ir.trim import trim
from rnnc.passes.analysis.collect import Collector
from rnnc.passes.analysis.extent import at_most, features, outgrows, row_cost
from rnnc.passes.hoist import with_xs
from rnnc.passes.manager import PassContext, compiler_pass
from rnnc.passes.rewrites.rewriting import StepRewriter

GROWTH = 4  # how many times more a row may store per step than the sum has numbers


@compiler_pass
def defer(program: Program, context: PassContext) -> Program:
    """Weight gradients that a loop adds up are computed after it, in one product."""
    return _Defer(context).rewrite(program)


@dataclass(frozen=True)
class _Sum:
    """A state that is the sum of terms of every step, each of which sums over the batch (or has none)."""

    carry: Carry
    terms: tuple[Op, ...]
    spans: Spans

    @property
    def operands(self) -> tuple[Value, ...]:
        return tuple(arg for term in self.terms for arg in term.args)


class _Defer(StepRewriter):
    def steps(self, loop: Loop) -> None:
        collector = Collector(loop)
        patches = {node.out for node in loop.body if isinstance(node, Op) and node.name == "patches"}
        anyway = row_cost(value for value, _ in loop.ys)
        chosen: list[_Sum] = []
        for found in _find_sums(loop, collector):
            new = self._collect(found, collector, patches, anyway)
            if new is None:
                continue
            chosen.append(found)
            anyway = anyway + new if found.carry.param.type.rank else anyway - new
        if not chosen:
            self.emit(loop)
            return
        gone = {found.carry for found in chosen}
        after = replace(loop, carries=tuple(carry for carry in loop.carries if carry not in gone))
        after = collector.apply(after)
        body = trim(after.body, loop_results(after))
        needed = {*loop_results(after), *(value for node in body for value in reads(node))}
        after = with_xs(replace(after, body=body), [(seq, param) for seq, param in after.xs if param in needed])
        if after.carries or after.ys:
            self.emit(after)
        for found in chosen:
            self._emit_total(found, collector)

    def _collect(self, found: _Sum, collector: Collector, patches: Set[Value], anyway: Size) -> Size | None:
        """Ask for the sequences of a sum's operands, and say what a row stores for them; None where that is too much.

        `anyway`: what the loop collects in any case, as far as no sum of a number has doubled it.
        """
        missing = collector.missing(found.operands)
        size, new = features(found.carry.param.type), row_cost(missing)
        name = found.carry.param.name or "a gradient"
        large = outgrows(new, size * GROWTH) or (not patches.isdisjoint(missing) and not at_most(new, size * GROWTH))
        if large and (found.carry.param.type.rank or not at_most(new, anyway)):
            message = (
                f"{name} is added up step by step: doing it at once would store {new} numbers "
                f"per row and step, for a sum of {size}"
            )
            self._context.remark("not-deferred", message, found.spans, kind="missed")
            return None
        collector.add(missing)
        how = (
            "one product for all steps" if any(t.name == "contract" for t in found.terms) else "one sum over all steps"
        )
        self._context.remark("deferred", f"{name} leaves the backward loop: {how}", found.spans)
        return new

    def _emit_total(self, found: _Sum, collector: Collector) -> None:
        build = Builder()
        init = self.definitions.get(found.carry.init)
        is_zero = isinstance(init, Op) and init.name in ("full", "const") and init.attr("value") == 0
        parts = [] if is_zero else [found.carry.init]
        for term in found.terms:
            with build.at(term.spans):
                attrs = dict(term.attrs)
                if term.name == "contract":
                    attrs["reduce"] = "t" + str(attrs["reduce"])
                args = [collector.sequence(arg) for arg in term.args]
                parts.append(build.op(term.name, *args, hint=found.carry.final.name, **attrs))
        with build.at(found.spans):
            total = build.sum(parts)
        for node in build.nodes:
            self.emit(node)
        self.replace(found.carry.final, total)


def _find_sums(loop: Loop, collector: Collector) -> list[_Sum]:
    """The states that only add up; those with products first: what they collect serves the sums of biases too."""
    producers = {out: node for node in loop.body for out in node.outs}
    uses = Counter(value for node in loop.body for value in reads(node))
    uses.update(loop_results(loop))
    sums: list[_Sum] = []
    for carry in loop.carries:
        if carry.param.type.batch or carry.before is not None or uses[carry.param] != 1:
            continue
        adds: list[Op] = []
        terms = _terms(carry.next, carry.param, producers, uses, adds)
        if terms is not None and all(_can_wait(term, carry, collector) for term in terms):
            sums.append(_Sum(carry, tuple(terms), frozenset(s for op in (*adds, *terms) for s in op.spans)))
    sums.sort(key=lambda found: not any(term.name == "contract" for term in found.terms))
    return [replace(found, terms=tuple(_as_product(term, producers) for term in found.terms)) for found in sums]


def _as_product(term: Op, producers: Mapping[Value, Node]) -> Op:
    """The sum of all that a product has, as a product that sums; anything else as it is."""
    factors = producers.get(term.args[0]) if term.name == "reduce_to" and term.out.type.rank == 0 else None
    if not isinstance(factors, Op) or factors.name != "mul":
        return term
    if any(arg.type != factors.out.type or arg.type.dtype is not DType.FLOAT for arg in factors.args):
        return term
    letters = ascii_letters[: factors.out.type.rank]
    with (build := Builder()).at(term.spans | factors.spans):
        build.op("contract", *factors.args, hint=term.out.name, a=letters, b=letters, out="", reduce="b")
    (product,) = build.nodes
    assert isinstance(product, Op)
    return product


def _terms(
    total: Value, param: Value, producers: Mapping[Value, Node], uses: Mapping[Value, int], adds: list[Op]
) -> list[Op] | None:
    """What is added to `param` to make `total`, as operations; None where it is no such sum."""
    terms: list[Op] = []
    pending = [total]
    while pending:
        value = pending.pop(0)
        node = producers.get(value)
        if value is param:
            continue
        if not isinstance(node, Op):
            return None
        if node.name == "add" and uses[value] == 1:
            adds.append(node)
            pending = [*node.args, *pending]
        else:
            terms.append(node)
    return terms


def _can_wait(term: Op, carry: Carry, collector: Collector) -> bool:
    """Whether an operation can sum over all steps as it sums over the batch."""
    if term.name == "contract":
        fits = all(collector.is_inside(arg) for arg in term.args)
    else:
        fits = term.name == "reduce_to" and collector.is_inside(term.args[0])
    return fits and term.out.type == carry.param.type
