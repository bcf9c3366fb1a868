"""Cells as the front end hands them over: one loop, every product and equation inside. Sizes: x [3], states [2]."""

from __future__ import annotations

from collections.abc import Callable

from rnnc.ir.operations import Builder
from rnnc.ir.program import DType, Program, Value
from rnnc.ir.size import Size
from tests.autodiff.networks import Net, add, axes, linear, mul, one_minus

Cell = Callable[..., Program]
CELLS: dict[str, Cell] = {}


def cell(function: Cell) -> Cell:
    """List a cell: it takes `lengths` (the port is there) and `reverse`."""
    CELLS[function.__name__] = function
    return function


class Gates:
    """Weights by gate, and the sums that gates apply their activation to."""

    def __init__(self, net: Net, names: str, x: int = 3, h: int = 2, out: int = 2) -> None:
        self.x = {g: net.param(f"{g}.x", x, out) for g in names}
        self.h = {g: net.param(f"{g}.h", h, out) for g in names}
        self.bias = {g: net.param(f"{g}.bias", out) for g in names}

    def sum(self, b: Builder, gate: str, x: Value, h: Value) -> Value:
        """(x @ gate.x + h @ gate.h) + gate.bias."""
        products = add(b, linear(b, x, self.x[gate]), linear(b, h, self.h[gate]))
        return b.op("add", products, self.bias[gate], hint=f"z{gate}")


@cell
def lstm(*, lengths: bool = True, reverse: bool = False) -> Program:
    net = Net("lstm")
    x, c0, h0 = net.input("x", 3), net.state("c", 2), net.state("h", 2)
    gates = Gates(net, "ijfo")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        c, h = carries
        i = b.op("sigmoid", gates.sum(b, "i", xs[0], h), hint="i")
        j = b.op("tanh", gates.sum(b, "j", xs[0], h), hint="j")
        f = b.op("sigmoid", add(b, gates.sum(b, "f", xs[0], h), b.const(1.0)), hint="f")
        o = b.op("sigmoid", gates.sum(b, "o", xs[0], h), hint="o")
        new_c = add(b, mul(b, f, c), mul(b, i, j))
        new_h = mul(b, o, b.op("tanh", new_c))
        return [new_c, new_h], [new_h]

    return net.cell(step, x, c0, h0, lengths=lengths, reverse=reverse)


@cell
def lstm_peepholes_projection(*, lengths: bool = True, reverse: bool = False) -> Program:
    """Gates of the same kind with and without a peephole, and a projection of every output."""
    net = Net("lstm")
    x, c0, h0 = net.input("x", 3), net.state("c", 2), net.state("h", 2)
    gates, peep = Gates(net, "ijfo"), {g: net.param(f"{g}.c", 2) for g in "ifo"}
    project, offset = net.param("P", 2, 3), net.param("p", 3)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        c, h = carries
        i = b.op("sigmoid", add(b, gates.sum(b, "i", xs[0], h), mul(b, c, peep["i"])))
        f = b.op("sigmoid", add(b, gates.sum(b, "f", xs[0], h), mul(b, c, peep["f"])))
        j = b.op("tanh", gates.sum(b, "j", xs[0], h))
        new_c = b.op("clip", add(b, mul(b, f, c), mul(b, i, j)), lo=-0.5, hi=0.5, through=False)
        o = b.op("sigmoid", add(b, gates.sum(b, "o", xs[0], h), mul(b, new_c, peep["o"])))
        new_h = mul(b, o, b.op("tanh", new_c))
        return [new_c, new_h], [b.op("tanh", add(b, linear(b, new_h, project), offset)), new_h]

    out = net.loop(step, [x], [c0, h0], lengths=net.lengths() if lengths else None, reverse=reverse)
    net.output("y", out.ys[0])
    net.output("h", out.ys[1])
    net.final("h", out.finals[1])
    return net.program()


@cell
def gru_reset_before(*, lengths: bool = True, reverse: bool = False) -> Program:
    net = Net("gru")
    x, h0 = net.input("x", 3), net.state("h", 2)
    gates = Gates(net, "zrn")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        z = b.op("sigmoid", gates.sum(b, "z", xs[0], h))
        r = b.op("sigmoid", gates.sum(b, "r", xs[0], h))
        n = b.op("tanh", gates.sum(b, "n", xs[0], mul(b, r, h)))
        new = add(b, mul(b, z, h), mul(b, one_minus(b, z), n))
        return [new], [new]

    return net.cell(step, x, h0, lengths=lengths, reverse=reverse)


@cell
def residual(*, lengths: bool = True, reverse: bool = False, units: int = 8) -> Program:
    """A residual connection with two scalars for weights, which have parts of what a loop stores anyway."""
    net = Net("residual")
    x, h0 = net.input("x", units), net.state("h", units)
    u, new, old = net.param("U", units, units), net.param("new"), net.param("old")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        n = b.op("tanh", add(b, linear(b, h, u), xs[0]))
        after = add(b, mul(b, new, n), mul(b, old, h))
        return [after], [after]

    return net.cell(step, x, h0, lengths=lengths, reverse=reverse)


@cell
def gru_reset_after(*, lengths: bool = True, reverse: bool = False) -> Program:
    net = Net("gru")
    x, h0 = net.input("x", 3), net.state("h", 2)
    gates, inner = Gates(net, "zrn"), net.param("n.rec.bias", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        z = b.op("sigmoid", gates.sum(b, "z", xs[0], h))
        r = b.op("sigmoid", gates.sum(b, "r", xs[0], h))
        candidate = mul(b, r, add(b, linear(b, h, gates.h["n"]), inner))
        n = b.op("tanh", b.sum([linear(b, xs[0], gates.x["n"]), candidate, gates.bias["n"]]))
        new = add(b, mul(b, z, h), mul(b, one_minus(b, z), n))
        return [new], [new]

    return net.cell(step, x, h0, lengths=lengths, reverse=reverse)


@cell
def sru(*, lengths: bool = True, reverse: bool = False) -> Program:
    """Gates that see the input only, and a highway around the state."""
    net = Net("sru")
    x, c0 = net.input("x", 3), net.state("c", 2)
    w = {g: net.param(f"{g}.x", 3, 2) for g in "zfrk"}
    bias = {g: net.param(f"{g}.bias", 2) for g in "fr"}

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (c,) = carries
        z, k = linear(b, xs[0], w["z"]), linear(b, xs[0], w["k"])
        f = b.op("sigmoid", add(b, linear(b, xs[0], w["f"]), bias["f"]))
        r = b.op("sigmoid", add(b, linear(b, xs[0], w["r"]), bias["r"]))
        new = add(b, mul(b, f, c), mul(b, one_minus(b, f), z))
        return [new], [add(b, mul(b, r, b.op("tanh", new)), mul(b, one_minus(b, r), k))]

    return net.cell(step, x, c0, lengths=lengths, reverse=reverse)


@cell
def min_gru(*, lengths: bool = True, reverse: bool = False) -> Program:
    """h' = h + z * (n - h): linear in h, although h stands twice."""
    net = Net("min_gru")
    x, h0 = net.input("x", 3), net.state("h", 2)
    wz, wn = net.param("z.x", 3, 2), net.param("n.x", 3, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        z = b.op("sigmoid", linear(b, xs[0], wz))
        new = add(b, h, mul(b, z, b.op("sub", linear(b, xs[0], wn), h)))
        return [new], [new]

    return net.cell(step, x, h0, lengths=lengths, reverse=reverse)


@cell
def qrnn(*, lengths: bool = True, reverse: bool = False) -> Program:
    """A delay feeds the gates of a linear recurrence."""
    net = Net("qrnn")
    x, prev0, c0 = net.input("x", 3), net.state("prev", 3), net.state("c", 2)
    w = {g: (net.param(f"{g}.x", 3, 2), net.param(f"{g}.prev", 3, 2), net.param(f"{g}.bias", 2)) for g in "zfo"}

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        prev, c = carries
        z, f, o = (b.sum([linear(b, xs[0], wx), linear(b, prev, wp), bias]) for wx, wp, bias in w.values())
        f = b.op("sigmoid", f)
        new = add(b, mul(b, f, c), mul(b, one_minus(b, f), b.op("tanh", z)))
        return [xs[0], new], [mul(b, b.op("sigmoid", o), new)]

    return net.cell(step, x, prev0, c0, lengths=lengths, reverse=reverse)


@cell
def taps(*, lengths: bool = True, reverse: bool = False) -> Program:
    """A convolution over the last inputs, which are a state; the newest come last, two at a time."""
    net = Net("taps")
    x, window0, c0 = net.input("x", 2, 2), net.state("window", 5, 2), net.state("c", 2)
    weights, out = net.param("W", 7, 2, 2), net.param("U", 5, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        window, c = carries
        past = b.op("concat", window, b.op("tanh", xs[0]), axis=0)
        f = b.op("sigmoid", b.op("contract", past, weights, a="ti", b="tij", out="j", reduce=""))
        new = add(b, mul(b, f, c), b.op("reduce_sum", mul(b, out, window), axes=(0,), keep=False))
        return [b.op("slice", past, axis=0, start=Size.of(2), stop=Size.of(7)), new], [mul(b, new, f)]

    return net.cell(step, x, window0, c0, lengths=lengths, reverse=reverse)


@cell
def normed(*, lengths: bool = True, reverse: bool = False) -> Program:
    """A state of which outputs are a norm, a quotient and a logarithm: none is finite where the state is zero."""
    net = Net("normed")
    x, h0 = net.input("x", 3), net.state("h", 3)
    u, p, q = net.param("U", 3, 3), net.param("P", 3, 4), net.param("Q", 4, 4)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", add(b, linear(b, carries[0], u), xs[0]))
        y = linear(b, h, p)
        w = b.op("sub", y, b.op("reduce_mean", y, axes=(0,), keep=True))
        norm = b.op("div", w, b.op("sqrt", b.op("reduce_mean", b.op("square", w), axes=(0,), keep=True)))
        square = b.op("square", y)
        return [h], [linear(b, norm, q), b.op("div", y, square), b.op("log", square)]

    out = net.loop(step, [x], [h0], lengths=net.lengths() if lengths else None, reverse=reverse)
    for name, seq in zip(("y", "quotient", "logarithm"), out.ys, strict=True):
        net.output(name, seq)
    net.final("h", out.finals[0])
    return net.program()


@cell
def stabilised(*, lengths: bool = True, reverse: bool = False) -> Program:
    """Exponential gates with a max-plus stabiliser, a numerator and a denominator: three scans, one after the other."""
    net = Net("stabilised")
    x, states = net.input("x", 3), [net.state(s, 2) for s in "mcn"]
    wi, wf, wz = (net.param(f"{g}.x", 3, 2) for g in "ifz")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        m, c, n = carries
        zi, zf = linear(b, xs[0], wi), linear(b, xs[0], wf)
        new_m = b.op("max", add(b, zf, m), zi)
        i, f = b.op("exp", b.op("sub", zi, new_m)), b.op("exp", b.op("sub", add(b, zf, m), new_m))
        new_c = add(b, mul(b, f, c), mul(b, i, b.op("tanh", linear(b, xs[0], wz))))
        new_n = add(b, mul(b, f, n), i)
        return [new_m, new_c, new_n], [b.op("div", new_c, add(b, b.op("abs", new_n), b.const(1.0)))]

    out = net.loop(step, [x], states, lengths=net.lengths() if lengths else None, reverse=reverse)
    net.output("y", out.ys[0])
    for name, final in zip("mcn", out.finals, strict=True):
        net.final(name, final)
    return net.program()


@cell
def matrix_memory(*, lengths: bool = True, reverse: bool = False) -> Program:
    """C' = f * C + outer(v, k): linear, but far larger than what it is made from."""
    net = Net("memory")
    x, c0 = net.input("x", 3), net.state("C", 3, 3)
    wv, wk, wq, wf = (net.param(f"{g}.x", 3, 3) for g in "vkqf")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (c,) = carries
        v, k, q = linear(b, xs[0], wv), linear(b, xs[0], wk), linear(b, xs[0], wq)
        f = b.op("reshape", b.op("sigmoid", linear(b, xs[0], wf)), axes=axes(3, 1))
        outer = b.op("contract", v, k, a="i", b="j", out="ij", reduce="")
        new = add(b, mul(b, f, c), outer)
        return [new], [b.op("contract", new, q, a="ij", b="j", out="i", reduce="")]

    return net.cell(step, x, c0, lengths=lengths, reverse=reverse)


@cell
def conv_lstm(*, lengths: bool = True, reverse: bool = False, pixels: int = 4) -> Program:
    """Products with the patches of x and of h over a row of pixels."""
    net = Net("conv")
    x, c0, h0 = net.input("x", pixels, 1), net.state("c", pixels, 2), net.state("h", pixels, 2)
    wx = {g: net.param(f"{g}.x", 3, 1, 2) for g in "ijfo"}
    wh = {g: net.param(f"{g}.h", 3, 2, 2) for g in "ijfo"}
    bias = {g: net.param(f"{g}.bias", 2) for g in "ijfo"}

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        c, h = carries

        def conv(gate: str) -> Value:
            parts: list[Value] = []
            for value, weight in ((xs[0], wx[gate]), (h, wh[gate])):
                patches = b.op("patches", value, spatial=1, kernel=(3,), stride=(1,), dilation=(1,), padding="same")
                parts.append(b.op("contract", patches, weight, a="rkc", b="kcf", out="rf", reduce=""))
            return b.sum([*parts, b.op("reshape", bias[gate], axes=axes(1, 2))])

        i, f, o = (b.op("sigmoid", conv(gate)) for gate in "ifo")
        new_c = add(b, mul(b, f, c), mul(b, i, b.op("tanh", conv("j"))))
        new_h = mul(b, o, b.op("tanh", new_c))
        return [new_c, new_h], [new_h]

    out = net.loop(step, [x], [c0, h0], lengths=net.lengths() if lengths else None, reverse=reverse)
    net.output("y", out.ys[0])
    net.final("c", out.finals[0])
    return net.program()


@cell
def heads(*, lengths: bool = True, reverse: bool = False) -> Program:
    """Two heads: input products with several output axes, recurrent products that are block-diagonal."""
    net = Net("heads")
    x, c0, h0 = net.input("x", 3), net.state("c", 2, 2), net.state("h", 2, 2)
    wx = {g: net.param(f"{g}.x", 3, 2, 2) for g in "zfo"}
    wh = {g: net.param(f"{g}.h", 2, 2, 2) for g in "zfo"}

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        c, h = carries

        def gate(g: str) -> Value:
            zx = b.op("contract", xs[0], wx[g], a="i", b="ihu", out="hu", reduce="")
            return add(b, zx, b.op("contract", h, wh[g], a="hi", b="hiu", out="hu", reduce=""))

        f, o = b.op("sigmoid", gate("f")), b.op("sigmoid", gate("o"))
        new_c = add(b, mul(b, f, c), b.op("tanh", gate("z")))
        new_h = mul(b, o, b.op("tanh", new_c))
        return [new_c, new_h], [b.op("reshape", new_h, axes=axes(4))]

    out = net.loop(step, [x], [c0, h0], lengths=net.lengths() if lengths else None, reverse=reverse)
    net.output("y", out.ys[0])
    net.final("h", out.finals[1])
    return net.program()


@cell
def frequency(*, lengths: bool = True, reverse: bool = False) -> Program:
    """One set of weights walks over three windows of x; each window has a state, and sees the one before it."""
    net = Net("frequency")
    x = net.input("x", 4)
    states = [net.state(f"{s}{k}", 2) for k in range(3) for s in "cm"]
    s, t, u = (
        Gates(net, "ifjo"),
        {g: net.param(f"{g}.t", 2, 2) for g in "ifjo"},
        {g: net.param(f"{g}.f", 2, 2) for g in "ifjo"},
    )
    window = {g: net.param(f"{g}.s", 2, 2) for g in "ifjo"}

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        below = b.op("full", value=0.0, axes=axes(2))
        nexts: list[Value] = []
        for k in range(3):
            c, m = carries[2 * k], carries[2 * k + 1]
            part = b.op("slice", xs[0], axis=0, start=Size.of(k), stop=Size.of(k + 2))

            def gate(g: str, part: Value = part, m: Value = m, below: Value = below) -> Value:
                products = [linear(b, part, window[g]), linear(b, m, t[g]), linear(b, below, u[g])]
                return b.sum([*products, s.bias[g]])

            new_c = add(
                b, mul(b, b.op("sigmoid", gate("f")), c), mul(b, b.op("sigmoid", gate("i")), b.op("tanh", gate("j")))
            )
            below = mul(b, b.op("sigmoid", gate("o")), b.op("tanh", new_c))
            nexts += [new_c, below]
        return nexts, [b.op("concat", *nexts[1::2], axis=0)]

    out = net.loop(step, [x], states, lengths=net.lengths() if lengths else None, reverse=reverse)
    net.output("y", out.ys[0])
    net.final("m2", out.finals[5])
    return net.program()


@cell
def widths(*, lengths: bool = True, reverse: bool = False) -> Program:
    """Gates of different widths, a scalar gate, and a weight that stands on the left."""
    net = Net("widths")
    x, h0 = net.input("x", 3), net.state("h", 2)
    wide, narrow, scalar, left = net.param("A", 2, 4), net.param("B", 2, 2), net.param("s", 2), net.param("L", 2, 2)
    wx, down = net.param("X", 3, 4), net.param("D", 4, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        a = b.op("tanh", add(b, linear(b, h, wide), linear(b, xs[0], wx)))
        g = b.op("sigmoid", b.op("contract", h, scalar, a="i", b="i", out="", reduce=""))
        n = b.op("sigmoid", add(b, linear(b, h, narrow), b.op("contract", left, h, a="ij", b="j", out="i", reduce="")))
        new = b.op("tanh", add(b, mul(b, g, linear(b, a, down)), n))
        return [new], [new]

    return net.cell(step, x, h0, lengths=lengths, reverse=reverse)


@cell
def clockwork(*, lengths: bool = True, reverse: bool = False) -> Program:
    """A leaky average that is renewed every second step, counted by an integer state; a decay that is a parameter."""
    net = Net("clockwork")
    x, n0 = net.input("x", 3), net.state("n", dtype=DType.INT)
    s0, d0, w, decay = net.state("s", 2), net.state("d", 2), net.param("W", 3, 2), net.param("decay", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        n, s, d = carries
        often = b.op("eq", b.op("mod", n, b.const(2)), b.const(0))
        z = b.op("tanh", linear(b, xs[0], w))
        new_s = b.op("where", often, add(b, mul(b, b.const(0.5), s), z), s)
        new_d = add(b, mul(b, b.op("neg", decay), d), b.const(0.3))
        return [add(b, n, b.const(1)), new_s, new_d], [mul(b, new_s, new_d)]

    return net.cell(step, x, n0, s0, d0, lengths=lengths, reverse=reverse)


@cell
def clocked_rnn(*, lengths: bool = True, reverse: bool = False) -> Program:
    """A recurrence that stays, with random masks, a spread-out input, and a product after the state."""
    net = Net("clocked")
    x, t, h0 = net.input("x", 3), net.input("t"), net.state("h", 2)
    mask, period = net.mask("drop", 2, time=True), net.param("period", 2)
    w, u, v = net.param("W", 3, 2), net.param("U", 2, 2), net.param("V", 2, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        phase = b.op("sin", mul(b, xs[1], period))
        z = b.op("dropout", b.op("tanh", add(b, linear(b, h, u), linear(b, xs[0], w))), xs[2], keep=0.7)
        new = b.op("zoneout", add(b, z, phase), h, xs[2], keep=0.7)
        return [new], [linear(b, new, v)]

    out = net.loop(step, [x, t, mask], [h0], lengths=net.lengths() if lengths else None, reverse=reverse)
    net.output("y", out.ys[0])
    net.final("h", out.finals[0])
    return net.program()
