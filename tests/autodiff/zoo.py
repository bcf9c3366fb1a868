"""Programs that between them meet every rule of differentiation of loops. Sizes: x [3], states [2]."""

from __future__ import annotations

from collections.abc import Callable

from rnnc.ir.operations import Builder
from rnnc.ir.program import Carry, DType, Loop, Program, Value
from rnnc.ir.size import Size
from tests.autodiff.networks import Net, add, affine, axes, linear, mul, one_minus

ZOO: dict[str, Callable[[], Program]] = {}


def entry(function: Callable[[], Program]) -> Callable[[], Program]:
    ZOO[function.__name__] = function
    return function


def _rnn_layer(net: Net, x: Value, size: int, h0: Value, lengths: Value | None, *, prefix: str = "", **options: bool):
    w, u, bias = net.param(prefix + "W", size, 2), net.param(prefix + "U", 2, 2), net.param(prefix + "b", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", affine(b, xs[0], w, carries[0], u, bias), hint="h")
        return [h], [h]

    return net.loop(step, [x], [h0], lengths=lengths, **options)


@entry
def rnn() -> Program:
    net = Net("rnn")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    out = _rnn_layer(net, x, 3, h0, lengths)
    net.output("y", out.ys[0])
    net.final("h", out.finals[0])
    return net.program()


@entry
def rnn_without_lengths() -> Program:
    net = Net("rnn")
    x, h0 = net.input("x", 3), net.state("h", 2)
    out = _rnn_layer(net, x, 3, h0, None)
    net.output("y", out.ys[0])
    net.final("h", out.finals[0])
    return net.program()


@entry
def reversed_rnn_final_only() -> Program:
    net = Net("rnn")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    out = _rnn_layer(net, x, 3, h0, lengths, reverse=True)
    net.final("h", out.finals[0])
    return net.program()


@entry
def lstm_peepholes_fused() -> Program:
    """One product, split; peepholes before and after; a clip that cuts and one whose gradient passes."""
    net = Net("lstm")
    x, c0, h0, lengths = net.input("x", 3), net.state("c", 2), net.state("h", 2), net.lengths()
    w, u, bias = net.param("W", 3, 8), net.param("U", 2, 8), net.param("b", 8)
    pi, pf, po = net.param("pi", 2), net.param("pf", 2), net.param("po", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        c, h = carries
        z = affine(b, xs[0], w, h, u, bias)
        zi, zf, zj, zo = b.ops("split", z, axis=0, sizes=(Size.of(2),) * 4)
        i = b.op("sigmoid", add(b, zi, mul(b, pi, c)), hint="i")
        f = b.op("sigmoid", add(b, zf, mul(b, pf, c)), hint="f")
        j = b.op("tanh", zj, hint="j")
        raw = add(b, mul(b, f, c), mul(b, i, j))
        new_c = b.op("clip", raw, lo=-0.4, hi=0.4, through=False, hint="c'")
        o = b.op("sigmoid", add(b, zo, mul(b, po, new_c)), hint="o")
        new_h = mul(b, o, b.op("tanh", new_c, hint="tc"))
        return [new_c, new_h], [new_h, i]

    out = net.loop(step, [x], [c0, h0], lengths=lengths)
    net.output("h", out.ys[0])
    net.output("i", out.ys[1])
    net.final("c", out.finals[0])
    net.final("h", out.finals[1])
    return net.program()


@entry
def gru() -> Program:
    net = Net("gru")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    names = ("z", "r", "n")
    ws = {k: (net.param(f"{k}.x", 3, 2), net.param(f"{k}.h", 2, 2), net.param(f"{k}.b", 2)) for k in names}

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        (h,) = carries
        z = b.op("sigmoid", affine(b, xs[0], ws["z"][0], h, ws["z"][1], ws["z"][2]))
        r = b.op("sigmoid", affine(b, xs[0], ws["r"][0], h, ws["r"][1], ws["r"][2]))
        n = b.op("tanh", affine(b, xs[0], ws["n"][0], mul(b, r, h), ws["n"][1], ws["n"][2]))
        new = add(b, mul(b, z, h), mul(b, one_minus(b, z), n))
        return [new], [new]

    out = net.loop(step, [x], [h0], lengths=lengths, reverse=True)
    net.output("y", out.ys[0])
    net.final("h", out.finals[0])
    return net.program()


@entry
def delicate() -> Program:
    """Derivatives that are not finite at zero: what is collected past a length is zero."""
    net = Net("delicate")
    x, s0, lengths = net.input("x", 2), net.state("s", 2), net.lengths()
    w, v = net.param("w", 2), net.param("v", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        e = b.op("exp", mul(b, xs[0], w), hint="e")
        s = b.op("log", add(b, e, b.op("exp", mul(b, carries[0], v))), hint="s")
        q = b.op("div", s, b.op("sqrt", e), hint="q")
        p = b.op("pow", e, v, hint="p")
        return [b.op("tanh", s)], [q, b.op("reciprocal", b.op("add", p, b.op("square", e)))]

    out = net.loop(step, [x], [s0], lengths=lengths)
    net.output("q", out.ys[0])
    net.output("r", out.ys[1])
    net.final("s", out.finals[0])
    return net.program()


@entry
def contexts_per_row() -> Program:
    """Norms of an input per row, whose derivatives are not finite at zero: outside, in a step, and to begin with."""
    net = Net("contexts")
    x, c, s0, lengths = net.input("x", 3), net.per_row("c", 3), net.state("s", 3), net.lengths()
    w, v, u, p, k = *(net.param(name, 3) for name in "wvup"), net.param("K", 3, 3)

    def norm(b: Builder, weight: Value) -> Value:
        total = b.op("reduce_sum", b.op("square", mul(b, c, weight)), axes=(0,), keep=False)
        return b.op("sqrt", total)

    outside, begun = norm(net.b, w), mul(net.b, u, norm(net.b, u))

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        s, t = carries
        e = add(b, b.op("div", xs[0], outside), mul(b, s, norm(b, v)))
        r = b.op("tanh", add(b, e, linear(b, b.op("sqrt", b.op("square", c)), k)))
        return [r, b.op("tanh", mul(b, t, p))], [add(b, r, t)]

    out = net.loop(step, [x], [s0, begun], lengths=lengths)
    net.output("y", out.ys[0])
    net.final("s", out.finals[0])
    return net.program()


@entry
def captured_contexts() -> Program:
    """A batched context, computed outside, and one that is a state port; dropout with masks per sequence and step."""
    net = Net("context")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    context, once, each = net.state("context", 2), net.mask("once", 2, time=False), net.mask("each", 2, time=True)
    w, u, bias, k = net.param("W", 3, 2), net.param("U", 2, 2), net.param("b", 2), net.param("K", 2, 2)
    gate = net.b.op("sigmoid", linear(net.b, context, k), hint="gate")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        z = b.op("tanh", affine(b, xs[0], w, carries[0], u, bias))
        dropped = b.op("dropout", z, once, keep=0.75)
        new = b.op("zoneout", mul(b, dropped, gate), mul(b, carries[0], context), xs[1], keep=0.5)
        return [new], [new]

    out = net.loop(step, [x, each], [h0], lengths=lengths)
    net.output("y", out.ys[0])
    net.final("context", context)
    return net.program()


@entry
def unbatched_initial_state() -> Program:
    """A trained initial state, where none is given, and an initial state that never has a batch."""
    net = Net("trained")
    x, given, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    trained, start = net.param("h0", 2), net.param("g0", 2)
    w, u, bias = net.param("W", 3, 2), net.param("U", 2, 2), net.param("b", 2)
    h0 = net.b.op("default", given, trained)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h, g = carries
        new_h = b.op("tanh", affine(b, xs[0], w, h, u, bias))
        new_g = add(b, mul(b, g, h), new_h)
        return [new_h, new_g], [new_g]

    out = net.loop(step, [x], [h0, net.b.op("neg", start)], lengths=lengths)
    net.output("y", out.ys[0])
    net.final("h", out.finals[0])
    return net.program()


@entry
def step_index() -> Program:
    """An int carry without a batch, one with; a carry of weights that decay (no batch); an idle carry."""
    net = Net("clockwork")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    n0 = net.state("n", dtype=DType.INT)
    w, u, bias, scale = net.param("W", 3, 2), net.param("U", 2, 2), net.param("b", 2), net.param("scale", 2)
    t0 = net.b.const(0)
    idle = net.b.zeros(h0.type)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h, n, t, s, i = carries
        z = b.op("tanh", affine(b, xs[0], w, h, u, mul(b, bias, s)))
        often = b.op("eq", b.op("mod", n, b.const(2)), b.const(0))
        new_h = b.op("where", often, z, mul(b, h, b.op("exp", mul(b, b.const(-0.1), b.op("cast", t, dtype="float")))))
        new_s = mul(b, s, scale)
        nexts = [new_h, add(b, n, b.const(1)), add(b, t, b.const(1)), new_s, add(b, i, h)]
        return nexts, [new_h]

    out = net.loop(step, [x], [h0, n0, t0, scale, idle], batched=[True, True, False, False, True], lengths=lengths)
    net.output("y", out.ys[0])
    net.final("n", out.finals[1])
    net.output("s", out.finals[3])
    return net.program()


@entry
def readers_of_collected_states() -> Program:
    """`before` is read by later nodes, in both directions, without regard to lengths."""
    net = Net("before")
    x, h0, g0, lengths = net.input("x", 3), net.state("h", 2), net.state("g", 2), net.lengths()
    one = _rnn_layer(net, x, 3, h0, lengths, prefix="f.", befores=[0])
    two = _rnn_layer(net, x, 3, g0, lengths, prefix="b.", befores=[0], reverse=True)
    assert one.befores[0] is not None
    assert two.befores[0] is not None
    net.output("y", net.b.op("mul", one.befores[0], two.befores[0]))
    net.final("h", one.finals[0])
    return net.program()


@entry
def stacked_bidirectional() -> Program:
    """Two layers, directions concatenated, a residual, dense layers, `last` and `at`."""
    net = Net("tagger")
    x, lengths = net.input("x", 3), net.lengths()
    h1, h2, h3 = net.state("h1", 2), net.state("h2", 2), net.state("h3", 2)
    p = net.b.op("tanh", add(net.b, linear(net.b, x, net.param("D", 3, 3)), net.param("d", 3)))
    ahead = _rnn_layer(net, p, 3, h1, lengths, prefix="f.").ys[0]
    back = _rnn_layer(net, p, 3, h2, lengths, prefix="b.", reverse=True).ys[0]
    both = net.b.op("concat", ahead, back, axis=0)
    top = _rnn_layer(net, both, 4, h3, lengths, prefix="t.")
    residual = add(net.b, top.ys[0], back)
    logits = net.b.op("fill_past", linear(net.b, residual, net.param("E", 2, 3)), lengths, value=0.0)
    net.output("logits", logits)
    net.output("last", net.b.op("last", residual, lengths))
    net.output("at", net.b.op("at", residual, index=-1))
    net.final("h3", top.finals[0])
    return net.program()


@entry
def unused_and_constant() -> Program:
    """A parameter, an input and a state that nothing reads; a y that depends on nothing."""
    net = Net("unused")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    net.param("idle", 4)
    net.input("ignored", 2)
    net.final("spare", net.state("spare", 2))
    out = _rnn_layer(net, x, 3, h0, lengths)
    stepped = net.b.op("floor", linear(net.b, out.ys[0], net.param("S", 2, 2)))
    net.output("y", out.ys[0])
    net.output("stepped", stepped)
    net.output("zeros", net.b.op("zeros_like", out.ys[0]))
    return net.program()


@entry
def generator() -> Program:
    """A loop without sequences: only `like` says how long it is."""
    net = Net("generator")
    x, h0, lengths = net.input("x", 3), net.state("h", 2), net.lengths()
    u = net.param("U", 2, 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", linear(b, carries[0], u))
        return [h], [h]

    out = net.loop(step, [], [h0], lengths=lengths, like=x)
    net.final("h", out.finals[0])
    return net.program()


@entry
def passed_through() -> Program:
    """Results of a body that are its parameters: an element, a carry, and a captured value."""
    net = Net("delay")
    x, prev, h0, lengths = net.input("x", 2), net.state("prev", 2), net.state("h", 2), net.lengths()
    k = net.param("k", 2)

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        before, h = carries
        return [xs[0], mul(b, h, before)], [before, xs[0]]

    out = net.loop(step, [x], [prev, h0], lengths=lengths)
    net.output("delayed", mul(net.b, out.ys[0], k))
    net.output("x", mul(net.b, out.ys[1], out.ys[1]))
    net.final("prev", out.finals[0])
    net.final("h", out.finals[1])
    return net.program()


@entry
def single_step() -> Program:
    """A step program: nothing has time."""
    net = Net("step")
    x, h0 = net.state("x", 3), net.state("h", 2)
    w, u, bias = net.param("W", 3, 2), net.param("U", 2, 2), net.param("b", 2)
    h = net.b.op("tanh", affine(net.b, x, w, h0, u, bias))
    net.output("y", h)
    net.final("h", h)
    return net.program()


@entry
def shared_weights() -> Program:
    """One weight in two loops and outside; computed from a parameter by operations that are run once."""
    net = Net("shared")
    x, h0, lengths = net.input("x", 2), net.state("h", 2), net.lengths()
    v = net.param("V", 2, 2)
    norm = net.b.op("sqrt", net.b.op("reduce_sum", net.b.op("square", v), axes=(0,), keep=True))
    w = net.b.op("div", v, norm, hint="w")

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        h = b.op("tanh", add(b, linear(b, xs[0], w), linear(b, carries[0], w)))
        return [h], [h]

    one = net.loop(step, [x], [h0], lengths=lengths)
    two = net.loop(step, [one.ys[0]], [one.finals[0]], lengths=lengths, reverse=True)
    net.output("y", linear(net.b, two.ys[0], net.b.op("transpose", w, perm=(1, 0))))
    net.output("wide", net.b.op("full", value=1.0, axes=axes(2)))
    return net.program()


@entry
def recurrences_without_loops() -> Program:
    """What passes make of linear recurrences: a delay, a scan and its final state, ahead and in reverse."""
    net = Net("scans")
    x, c0, d0, p0, lengths = net.input("x", 2), net.state("c", 2), net.state("d", 2), net.state("p", 2), net.lengths()
    b = net.b
    f = b.op("sigmoid", add(b, linear(b, x, net.param("F", 2, 2)), b.op("shift", x, p0, reverse=False)))
    c = b.op("scan_affine", f, mul(b, one_minus(b, f), b.op("tanh", x)), c0, reverse=False)
    d = b.op("scan_maxplus", b.op("log", f), mul(b, x, net.param("k", 2)), d0, reverse=False)
    y = b.op("fill_past", mul(b, c, b.op("sigmoid", d)), lengths, value=0.0)
    net.output("y", b.op("reverse_time", y, lengths))
    net.final("c", b.op("final", c, c0, lengths, reverse=False))
    net.final("d", b.op("final", d, d0, lengths, reverse=False))
    return net.program()


@entry
def written_in_stretches() -> Program:
    """A loop over stretches with work of its own beside the loop over steps."""
    net = Net("stretches")
    x, h0, g0, lengths = net.input("x", 3), net.state("h", 2), net.state("g", 2), net.lengths()
    w, u, bias, k = net.param("W", 3, 2), net.param("U", 2, 2), net.param("b", 2), net.param("k", 2)
    valid = Value(lengths.type, "valid")
    stretch, h, g = Value(x.type, "xs"), Value(h0.type, "h"), Value(g0.type, "g")
    inner = Net("inner")
    z = inner.b.op("tanh", linear(inner.b, stretch, w))

    def step(b: Builder, xs: list[Value], carries: list[Value]):
        new = b.op("tanh", b.sum([xs[0], linear(b, carries[0], u), bias]))
        return [new], [mul(b, new, g)]

    steps = inner.loop(step, [z], [h], lengths=valid)
    wide = inner.b.op("square", z)
    new_g = inner.b.op("sin", add(inner.b, mul(inner.b, g, k), steps.finals[0]))
    y, v = Value(x.type.with_(axes=axes(2)), "y"), Value(x.type.with_(axes=axes(2)), "v")
    h_final, g_final = Value(h0.type, "h_final"), Value(g0.type, "g_final")
    net.b.emit(
        Loop(
            xs=((x, stretch),),
            carries=(Carry(h0, h, steps.finals[0], h_final), Carry(g0, g, new_g, g_final)),
            body=inner.program().nodes,
            ys=((steps.ys[0], y), (wide, v)),
            lengths=lengths,
            valid=valid,
            chunk=2,
            name="stretches",
        )
    )
    net.output("y", y)
    net.output("v", v)
    net.final("h", h_final)
    net.final("g", g_final)
    return net.program()
