"""Arrays that no layer gives: what a text makes by itself (zeros, random numbers), sizes, and types of numbers."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from rnnc.diagnostics import Span
from rnnc.importing.python.values import Made, Names, Reference, Tensor, Value, problem
from rnnc.importing.texts.reads import Reads

OPAQUE = "‹data›"  # sizes of arrays, and arrays that are no results of layers
ZEROS = f"{OPAQUE}.zeros"  # one of these, of which it is known that it holds nothing else
TYPE = f"{OPAQUE}.type"  # the type or the device of an array
UNREAD = "‹state›"  # final states of layers that have others than these here know
WAYS = f"{UNREAD}.ways"  # the outputs of one of both directions that a layer gives apart
SIZES = frozenset(["size", "dim", "shape", "get_shape", "ndimension", "numel", "device", "dtype"])
_MAKERS = "zeros new_zeros ones new_ones randn rand randint normal uniform full new_full arange eye"
MAKERS = frozenset(_MAKERS.split())
_ARRAYS = "zeros_like tensor as_tensor from_numpy placeholder Variable device"
ARRAYS = MAKERS.union(_ARRAYS.split())
OF_ZEROS = ("zeros", "new_zeros", "zeros_like")
FILLED = ("new_zeros", "zero_")  # methods that give zeros of any array
# Methods that give zeros of zeros.
_LIKE = (
    "to float double cuda cpu type clone detach contiguous expand repeat view reshape squeeze unsqueeze transpose"
    " permute requires_grad_ type_as"
)
LIKE = frozenset(_LIKE.split())
FLOATS = frozenset(("float", "float32", "float64", "double", "FloatTensor", "DoubleTensor", "floatx"))
SHORT = frozenset(("half", "float16", "bfloat16", "HalfTensor", "BFloat16Tensor"))
DEVICES = ("cpu", "cuda", "mps", "xpu", "gpu")


def made(name: str) -> Reference:
    """An array that a function of a library makes."""
    return Reference(ZEROS if name in OF_ZEROS else f"{OPAQUE}.{name}")


def is_opaque(value: Value) -> bool:
    return isinstance(value, Reference) and value.path.startswith(OPAQUE)


def is_nothing(value: Value) -> bool:
    """What states begin with anyway: no array, or zeros."""
    if isinstance(value, list):
        return all(is_nothing(item.value) for item in value)
    return value is None or (isinstance(value, Reference) and value.path == ZEROS)


def is_asked_for(value: Value) -> bool:
    """Whether a value is what somebody gives who calls the text: a name that nothing there makes."""
    if isinstance(value, list):
        return all(is_asked_for(item.value) or is_nothing(item.value) for item in value)
    return isinstance(value, Reference) and not value.path.startswith((OPAQUE, UNREAD))


def casts(ev: Reads, name: str, tensor: Tensor, given: Sequence[ast.expr], names: Names, span: Span) -> Value:
    """`y.to(device)`, `y.float()`, `tf.cast(y, tf.float32)`: the same numbers in another place, or in another type of
    floats. E606: in a type that has not these numbers."""
    if name in ("type", "cast", "astype") and not given:
        raise problem("E606", f"`{name}` of no type is not read", span)
    for node in given:
        value = ev.if_known(node, names).value
        if isinstance(value, bool):  # `non_blocking`
            continue
        word = value if isinstance(value, str) else value.last if isinstance(value, Reference) else ""
        is_place = (
            word.partition(":")[0] in DEVICES
            or word == "device"
            or (isinstance(value, Reference) and value.path.startswith(f"{OPAQUE}.device"))
        )
        word = word.removeprefix("torch.")
        if word in SHORT:
            ev.remarks.add(f"`{span.text}` rounds numbers, which is left out: give the types to the module")
        elif not (is_place or word in FLOATS or isinstance(value, Tensor | Made) or _is_type(node, value)):
            what = f"`{ast.unparse(node)}` is no type of floats, nor a device"
            fix = "read are conversions to floats: leave it out, or write what it computes by hand"
            raise problem("E606", what, span, fix=fix)
    return tensor


def _is_type(node: ast.expr, value: Value) -> bool:
    """The type or place of another array, or a name that nothing gives a value: `device`."""
    if isinstance(node, ast.Attribute) and node.attr == "device":
        return True
    return isinstance(value, Reference) and (value.path.startswith(TYPE) or "dev" in value.last.lower())
