"""All rules of folding, by the operation that they start from, in the order in which they are tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rnnc.ir.operations.attrs import Attrs
from rnnc.ir.program import Op, Value
from rnnc.passes.folding import constants, views
from rnnc.passes.folding.algebra import ALGEBRA
from rnnc.passes.folding.site import Rule, Site


def _unbounded(site: Site, op: Op) -> Value | None:
    """A clip that clips nothing."""
    del site
    attrs = Attrs(op)
    return op.args[0] if attrs.number("lo") == -float("inf") and attrs.number("hi") == float("inf") else None


def _same_again(site: Site, op: Op) -> Value | None:
    """Clipping within the same bounds, or masking with the same mask, a second time."""
    inner = site.definition(op.args[0], op.name)
    same = inner is not None and inner.attrs == op.attrs and inner.args[1:] == op.args[1:]
    return op.args[0] if same else None


def _keeps_all(site: Site, op: Op) -> Value | None:
    """Dropout or zoneout that keeps everything."""
    del site
    return op.args[0] if Attrs(op).number("keep") == 1.0 else None


OTHERS: tuple[tuple[str, Rule], ...] = (
    *((name, constants.compute) for name in sorted(constants.FUNCTIONS)),
    *((name, constants.rearrange) for name in sorted(constants.ARRANGEMENTS | constants.EXTREMES)),
    *((name, constants.keep_zero) for name in sorted(constants.KEEP_ZERO)),
    *((name, constants.as_constant) for name in ("add", "sub", "mul", "div")),
    ("extent", constants.extent),
    ("full", constants.full),
    ("zeros_like", constants.zeros_like),
    ("reduce_sum", constants.reduce_sum),
    ("clip", constants.clip),
    ("clip", _unbounded),
    ("clip", _same_again),
    ("masked", _same_again),
    ("dropout", _keeps_all),
    ("zoneout", _keeps_all),
    ("cast", views.same_type),
    ("reshape", views.same_type),
    ("reshape", views.last_one_counts),
    ("where", views.where_decided),
    ("broadcast", views.same_type),
    ("broadcast", views.last_one_counts),
    ("reduce_to", views.same_type),
    ("reduce_to", views.last_one_counts),
    ("transpose", views.transpose),
    ("contract", views.contract),
    ("flip", views.flip),
    ("slice", views.slice_all),
    ("slice", views.slice_of_slice),
    ("slice", views.slice_of_concat),
    ("slice", views.slice_of_pad),
    ("split", views.split_one),
    ("split", views.split_of_concat),
    ("concat", views.concat_one),
    ("concat", views.concat_of_split),
    ("concat", views.concat_flat),
    ("concat", views.concat_of_slices),
    ("pad", views.pad_none),
    ("pad", views.pad_of_pad),
    ("add", views.sum_of_pads),
)


def _by_operation(rules: Iterable[tuple[str, Rule]]) -> Iterator[tuple[str, tuple[Rule, ...]]]:
    grouped: dict[str, list[Rule]] = {}
    for name, rule in rules:
        grouped.setdefault(name, []).append(rule)
    for name, found in grouped.items():
        yield name, tuple(found)


RULES: Mapping[str, tuple[Rule, ...]] = dict(_by_operation((*OTHERS, *((rule.operation, rule) for rule in ALGEBRA))))
