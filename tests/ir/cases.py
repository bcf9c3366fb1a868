"""Examples of every operation, with symbolic sizes: `p` = 2 and `q` = 3, on 4 steps and 3 rows."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from rnnc.ir.operations import Builder, Env
from rnnc.ir.operations.elementwise import BINARY, UNARY
from rnnc.ir.program import Axis, DType, Port, Program, Type, Value
from rnnc.ir.size import Size

SIZES = {"p": 2, "q": 3}
ENV = Env(SIZES, "float64", time=4, batch=3)
LENGTHS = (2, 0, 4)


@dataclass(frozen=True)
class Arg:
    """An argument: its type, and the range that its numbers are drawn from, or the numbers."""

    type: Type
    low: float = -2.0
    high: float = 2.0
    values: object = None
    absent: bool = False

    def draw(self, rng: np.random.Generator, env: Env) -> np.ndarray | None:
        if self.absent:
            return None
        shape, dtype = env.shape(self.type), env.dtype(self.type.dtype)
        if self.values is not None:
            return np.array(np.broadcast_to(np.asarray(self.values), shape), dtype)
        if self.type.dtype is DType.FLOAT:
            return rng.uniform(self.low, self.high, shape).astype(dtype)
        return rng.integers(int(self.low), int(self.high) + 1, shape).astype(dtype)


@dataclass(frozen=True)
class Case:
    """An operation applied to arguments. `constant`: float arguments that get no gradient by convention."""

    name: str
    args: tuple[Arg, ...]
    attrs: dict[str, object] = field(default_factory=dict)
    constant: tuple[int, ...] = ()
    note: str = ""

    @property
    def label(self) -> str:
        attrs = ",".join(f"{k}={v}" for k, v in self.attrs.items() if isinstance(v, str | bool | int | float | tuple))
        return " ".join(
            filter(None, [self.name, *(str(a.type).replace(" ", "") for a in self.args), attrs[:60], self.note])
        )

    def arrays(self, env: Env = ENV) -> list[np.ndarray | None]:
        rng = np.random.default_rng(zlib.crc32(self.label.encode()))
        return [arg.draw(rng, env) for arg in self.args]


def axes(*sizes: int | str) -> tuple[Axis, ...]:
    return tuple(Axis(str(s), Size.of(s)) for s in sizes)


def flt(leads: str = "", *sizes: int | str, low: float = -2.0, high: float = 2.0, values: object = None) -> Arg:
    return Arg(Type(axes(*sizes), DType.FLOAT, "b" in leads, "t" in leads), low, high, values)


def num(leads: str = "", *sizes: int | str, low: int = -5, high: int = 5, values: object = None) -> Arg:
    return Arg(Type(axes(*sizes), DType.INT, "b" in leads, "t" in leads), low, high, values)


def truth(leads: str = "", *sizes: int | str) -> Arg:
    return Arg(Type(axes(*sizes), DType.BOOL, "b" in leads, "t" in leads), 0, 1)


def lengths(absent: bool = False) -> Arg:
    return Arg(Type((), DType.INT, batch=True), values=LENGTHS, absent=absent)


def none(arg: Arg) -> Arg:
    """The argument, absent at run time."""
    return replace(arg, absent=True)


def case(name: str, *args: Arg, constant: tuple[int, ...] = (), note: str = "", **attrs: object) -> Case:
    return Case(name, args, attrs, constant, note)


def _size(value: int | str) -> Size:
    return Size.of(value)


# What each function can be drawn from where that is not [-2, 2].
DOMAINS = {"log": (0.2, 3.0), "log1p": (-0.8, 3.0), "sqrt": (0.2, 3.0), "rsqrt": (0.2, 3.0), "tan": (-1.2, 1.2)}
DOMAINS |= {"asin": (-0.9, 0.9), "acos": (-0.9, 0.9), "acosh": (1.2, 3.0), "atanh": (-0.9, 0.9)}


def _unary() -> list[Case]:
    found: list[Case] = []
    for function in UNARY:
        low, high = DOMAINS.get(function.name, (-2.0, 2.0))
        if function.domain == "logic":
            found.append(case(function.name, truth("tb", "p")))
            continue
        found.append(case(function.name, flt("tb", "p", "q", low=low, high=high)))
        if function.name not in ("asin", "acos", "acosh", "atanh"):  # of which whole numbers are none, or at the edge
            found.append(case(function.name, num("b", "q", low=1, high=4)))
    return [*found, case("reciprocal", flt("", low=0.5, high=2.0)), case("tanh", flt())]


def _binary() -> list[Case]:
    found: list[Case] = []
    for function in BINARY:
        if function.domain == "logic":
            found.append(case(function.name, truth("tb", "p"), truth("b")))
            continue
        low = 0.3 if function.name in ("div", "pow", "mod", "floordiv") else -2.0
        base = 0.3 if function.name == "pow" else -2.0
        found += [
            case(function.name, flt("tb", "p", "q", low=base), flt("tb", "p", "q", low=low)),
            case(function.name, flt("b", "p", "q", low=base), flt("", 1, "q", low=low)),
            case(function.name, flt("", "p", 1, low=base), flt("t", 1, "q", low=low)),
            case(function.name, flt("t", "p", low=base), flt("b", low=low)),
            case(function.name, flt("", low=base), flt("b", "q", low=low)),
            case(function.name, num("b", "q", low=1), num("", "q", low=1, high=4)),
            case(function.name, num("b", "q", low=1), flt("", "q", low=low)),
        ]
    return [*found, case("eq", truth("b"), truth("b")), case("pow", flt("b", "q"), flt("", values=3.0), constant=(1,))]


OTHERS = [
    case("where", truth("b"), flt("tb", "p", "q"), flt("", 1, "q")),
    case("where", truth("tb", "p", "q"), flt(), num("", 1, "q")),
    case("where", truth("b"), truth("", "p"), truth("", "p")),
    case("clip", flt("tb", "p"), lo=-1.0, hi=0.5, through=False),
    case("clip", flt("tb", "p", low=-0.9, high=0.4), lo=-1.0, hi=0.5, through=True),
    case("clip", num("b", "p"), lo=-1.0, hi=0.5, through=False),
    *(case("cast", arg, dtype=d) for d in ("float", "int", "bool") for arg in (flt("b", "p"), num("b"), truth("b"))),
    case("zeros_like", flt("tb", "p", "q")),
    case("zeros_like", num("t")),
    case("stop_gradient", flt("b", "p")),
    case("stop_gradient", num("b", "p")),
]

SOURCES = [
    case("const", value=2.5),
    case("const", value=3),
    case("const", value=True),
    case("full", value=0.5, axes=axes("p", 2)),
    case("full", value=0, axes=axes("q")),
    case("extent", size=_size("p") * 3 + 1, dtype="int"),
    case("extent", size=_size("q"), dtype="float"),
]

REDUCTIONS = [
    *(
        case(name, flt("tb", "p", 2, "q"), axes=positions, keep=keep)
        for name in ("reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod")
        for positions in ((0,), (2, 0), ())
        for keep in (False, True)
    ),
    *(case(name, num("b", "q"), axes=(0,), keep=False) for name in ("reduce_sum", "reduce_max", "reduce_prod")),
    *(case("reduce_mean", num("b", "q"), axes=positions, keep=True) for positions in ((0,), ())),
    case("reduce_mean", num("b", "q"), axes=(0,), keep=False),
    case("reduce_prod", flt("", 3, 4, values=[[1, 2, 3, -4], [1, 0, 2, 3], [0, 2, 0, 5]]), axes=(1,), keep=False),
    *(
        case("cumsum", flt("tb", "p", 4), axis=axis, reverse=reverse, exclusive=exclusive)
        for axis in (0, 1)
        for reverse in (False, True)
        for exclusive in (False, True)
    ),
    case("cumsum", num("b", "q"), axis=0, reverse=False, exclusive=False),
    *(case("argmax", flt("tb", "p", 2, "q"), axes=(axis,)) for axis in range(3)),
    case("argmax", flt("b", 40), axes=(0,)),
    case("argmax", num("b", "q"), axes=(0,)),
    case("softmax", flt("tb", "p", "q"), axis=0),
    case("softmax", flt("", "p", "q"), axis=1),
    case("reduce_to", flt("tb", "p", "q"), axes=axes("p", "q"), batch=False, time=False),
    case("reduce_to", flt("tb", "p", "q"), axes=axes(1, "q"), batch=True, time=False),
    case("reduce_to", flt("tb", "p", "q"), axes=(), batch=False, time=True),
    case("reduce_to", flt("b", "p", 1), axes=axes("p", 1), batch=True, time=False),
]

CONTRACTIONS = [
    case("contract", flt("tb", "p"), flt("", "p", "q"), a="i", b="ij", out="j", reduce=""),
    case("contract", flt("tb", "p"), flt("tb", "q"), a="i", b="j", out="ij", reduce="tb"),
    case("contract", flt("tb", "p"), flt("b", "q"), a="i", b="j", out="ji", reduce="b"),
    case("contract", flt("tb", "p"), flt("t", "p"), a="i", b="i", out="", reduce="t"),
    case("contract", flt("b", 2, "p"), flt("", 2, "p", "q"), a="hi", b="hij", out="hj", reduce=""),
    case("contract", flt("b", "p", "q"), flt("t", "q"), a="ij", b="j", out="", reduce=""),
    case("contract", flt("", "p", 2), flt("b", "q"), a="ik", b="j", out="j", reduce=""),
    case("contract", flt("b"), flt("tb"), a="", b="", out="", reduce="b"),
    case("contract", flt("tb", "p", 2), flt("b", "q", 2), a="ik", b="jk", out="kji", reduce=""),
    case("contract", flt("b"), flt("tb", "p"), a="", b="i", out="i", reduce=""),
    case("contract", num("b", "p"), flt("", "q"), a="i", b="j", out="ij", reduce=""),
    case("contract", num("b", "p"), num("", "p", "q"), a="i", b="ij", out="j", reduce=""),
    case("contract", flt("b", "p"), num("", "p", "q"), a="i", b="ij", out="j", reduce=""),
    *(
        case(
            "patches",
            flt("tb", 7, "q", 2),
            spatial=2,
            kernel=kernel,
            stride=stride,
            dilation=dilation,
            padding=padding,
        )
        for kernel, stride, dilation, padding in (
            ((3, 2), (1, 1), (1, 1), "same"),
            ((2, 4), (2, 1), (2, 1), "same"),
            ((3, 2), (1, 1), (1, 1), "valid"),
            ((2, 1), (2, 3), (3, 1), "valid"),
        )
    ),
    case("patches", flt("b", "q", 2), spatial=1, kernel=(3,), stride=(1,), dilation=(2,), padding="same"),
    case(
        "unpatches",
        flt("b", 4, 2, 2),
        axes=axes(8, 2),
        spatial=1,
        kernel=(2,),
        stride=(2,),
        dilation=(1,),
        padding="same",
    ),
    case(
        "unpatches",
        flt("tb", 4, 3, 2),
        axes=axes(8, 2),
        spatial=1,
        kernel=(3,),
        stride=(1,),
        dilation=(2,),
        padding="valid",
    ),
    case("lookup", flt("", 5, "p"), num("tb", low=0, high=4)),
    case("lookup", flt("", 5, "p", "q"), num("b", 2, low=0, high=4)),
    case("lookup", num("", 5), num("b", low=0, high=4)),
    case("lookup_grad", num("tb", low=0, high=4), flt("tb", "p"), rows=_size(5), reduce="tb"),
    case("lookup_grad", num("b", low=0, high=4), flt("tb", "p"), rows=_size(5), reduce="tb"),
    case("lookup_grad", num("tb", low=0, high=4), flt("t", "p"), rows=_size(5), reduce="tb"),
    case("lookup_grad", num("b", 2, low=0, high=4), flt("b", 2, "p"), rows=_size(5), reduce="b"),
]

VIEWS = [
    case("reshape", flt("tb", "p", 6), axes=axes(2, "p", 3)),
    case("reshape", num("b", 6), axes=axes(2, 3)),
    case("transpose", flt("tb", "p", "q", 4), perm=(2, 0, 1)),
    case("concat", flt("tb", "p", "q"), flt("", "p", 2), flt("b", "p", 1), axis=1),
    case("concat", num("b", 2), num("", 1), axis=0),
    case("concat", num("b", 2), flt("", 1), axis=0),
    case("split", flt("tb", "p", 6), axis=1, sizes=(_size(1), _size(3), _size(2))),
    case("split", num("b", "q"), axis=0, sizes=(_size(1), _size("q") - 1)),
    case("slice", flt("tb", "p", "q"), axis=1, start=_size(1), stop=_size("q")),
    case("slice", flt("", 5), axis=0, start=_size(1), stop=_size("p") + 1),
    case("flip", flt("tb", "p", "q"), axis=1),
    case("pad", flt("tb", "p", "q"), axis=0, before=_size(2), after=_size("p") - 1),
    case("pad", truth("b", "p"), axis=0, before=_size(0), after=_size(1)),
    case("broadcast", flt("tb", "p", 1), axes=axes("p", "q")),
    case("broadcast", flt("b"), axes=axes("p", "q")),
    case("broadcast", num("b", 1), axes=axes(4)),
]

RANDOM = [
    *(
        case("dropout", x, m, constant=(1,), keep=0.6, note=note)
        for x in (flt("tb", "p"), flt("b", "p"), flt("", "p"))
        for mask in (flt("tb", "p", values=[0, 1]), flt("b", "p", values=[1, 0]))
        for m, note in ((mask, ""), (none(mask), "absent"))
    ),
    *(
        case("zoneout", new, old, m, constant=(2,), keep=0.7, note=note)
        for new, old in ((flt("b", "p"), flt("b", "p")), (flt("b", "p"), flt("", "p")), (flt("tb"), flt("b", "p")))
        for mask in (flt("b", "p", values=[0, 1]),)
        for m, note in ((mask, ""), (none(mask), "absent"))
    ),
    case("masked", flt("b", "p", "q"), truth("b")),
    case("masked", flt("", "p", "q"), truth("b")),
    case("masked", flt("", "p"), none(truth("b")), note="absent"),
    case("masked", num("b"), truth("b")),
    case("default", flt("b", "p"), flt("", "p")),
    case("default", none(flt("b", "p")), flt("", "p"), note="absent"),
    case("default", none(flt("b", "p")), flt(), note="absent"),
    case("default", none(num("b")), num(), note="absent"),
    case("default_grad", flt("b", "p"), flt("b", "p")),
    case("default_grad", none(flt("b", "p")), flt("b", "p"), note="absent"),
]


def _time() -> list[Case]:
    found: list[Case] = []
    for reverse in (False, True):
        found += [
            case("shift", flt("tb", "p", "q"), flt("b", "p", "q"), reverse=reverse),
            case("shift", flt("tb", "p"), flt("", "p"), reverse=reverse),
            case("shift", flt("t", "p"), flt("b"), reverse=reverse),
            case("shift", num("tb"), num(), reverse=reverse),
            case("scan_affine", flt("tb", "p"), flt("tb", "p"), flt("b", "p"), reverse=reverse),
            case("scan_affine", flt("t"), flt("tb", "p"), flt("", "p"), reverse=reverse),
            case("scan_affine", flt("b"), flt("tb", "p", 1), flt("", 1, "q"), reverse=reverse),
            case("scan_affine", flt("tb", "p"), flt(), flt("b", "p"), reverse=reverse),
            case("scan_maxplus", flt("tb", "p"), flt("tb", "p"), flt("b", "p"), reverse=reverse),
            case("scan_maxplus", flt("t", "p"), flt("b", "p"), flt(), reverse=reverse),
            case("scan_maxplus", flt(), flt("tb", "p"), flt("", "p"), reverse=reverse),
        ]
    for there in (lengths(), lengths(absent=True)):
        note = "absent" if there.absent else ""
        found += [
            case("fill_past", flt("tb", "p"), there, value=0.5, note=note),
            case("fill_past", flt("t"), there, value=0.0, note=note),
            case("fill_past", num("tb"), there, value=7, note=note),
            case("last", flt("tb", "p"), there, note=note),
            case("last", flt("t", "p"), there, note=note),
            case("reverse_time", flt("tb", "p"), there, note=note),
            case("reverse_time", flt("t", "p"), there, note=note),
            case("where_empty", flt("b", "p"), there, note=note),
            case("where_empty", flt("", "p"), there, note=note),
            case("where_empty", flt("tb", "p"), there, note=note),
        ]
        for reverse in (False, True):
            where = "first" if reverse else "last"
            found += [
                case("final", flt("tb", "p"), flt("b", "p"), there, reverse=reverse, note=note),
                case("final", flt("t", "p"), flt(), there, reverse=reverse, note=note),
                case("final", num("tb"), num(), there, reverse=reverse, note=note),
                case("place", flt("b", "p"), there, flt("tb", "p"), where=where, note=note),
                case("place", flt("", "p"), there, flt("t", "p"), where=where, note=note),
            ]
    found += [case("edge", flt("tb", "p"), reverse=reverse) for reverse in (False, True)]
    for index in (0, -1, 2):
        found += [
            case("at", flt("tb", "p"), index=index),
            case("at", num("t"), index=index),
            case("place_at", flt("b", "p"), flt("tb", "p"), index=index),
            case("place_at", flt("", "p"), flt("tb", "p"), index=index),
        ]
    return found


CASES: Sequence[Case] = [
    *_unary(),
    *_binary(),
    *OTHERS,
    *SOURCES,
    *REDUCTIONS,
    *CONTRACTIONS,
    *VIEWS,
    *RANDOM,
    *_time(),
]


def as_program(case: Case, name: str) -> Program:
    """A case as a program. (A tape may be absent, which suits all roles.) `clock` tells steps and rows."""
    b = Builder()
    args = [Value(a.type, f"arg{i}") for i, a in enumerate(case.args)]
    outs = b.ops(case.name, *args, **case.attrs)  # type: ignore[arg-type]
    clock = Port("input", "clock", Value(Type((), DType.FLOAT, batch=True, time=True), "clock"))
    inputs = (*(Port("tape", value.name, value) for value in args), clock)
    outputs = tuple(Port("output", f"out{i}", out) for i, out in enumerate(outs))
    return Program(name, inputs, tuple(b.nodes), outputs)


def as_arrays(case: Case, dtype: str = "float64") -> dict[tuple[str, str], object]:
    """What the ports of `as_program` get."""
    env = replace(ENV, float_dtype=dtype)
    arrays: dict[tuple[str, str], object] = {
        ("tape", f"arg{i}"): array for i, array in enumerate(case.arrays(env)) if array is not None
    }
    arrays["input", "clock"] = np.zeros(env.shape(Type((), DType.FLOAT, batch=True, time=True)))
    return arrays
