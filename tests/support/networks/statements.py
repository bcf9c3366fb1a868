"""What random networks say, a function for each kind of statement."""

from __future__ import annotations

from tests.support.networks.cells import CELLS
from tests.support.networks.layers import LAYERS, Layers
from tests.support.networks.writer import NetworkWriter, Value, statement

BETWEEN = ("{}", "tanh({})", "0.5 * {}", "dropout({}, 0.2)", "dropout({}, keep = 0.7, mask = sequence)", "{} - 0.3",
           "reverse({})", "layer_norm({}, eps = 1.0)", "linear(u: {})", "relu({} + 0.21)",
           "stop_gradient({})")  # fmt: skip
AROUND = ("residual", "highway")  # networks that are layers around another


@statement(6)
def layer(w: NetworkWriter) -> None:
    w.layered()


@statement(2)
def over_time(w: NetworkWriter) -> None:
    w.picked()


@statement(4)
def chain(w: NetworkWriter) -> None:
    """Layers one above the other, with something between them that may read the layers further below, too."""
    c = w.choices
    turned = c.chance(3)
    v = w.sequence()
    for _ in range(c.pick(LAYERS)):
        n = v.size if v.size is not None and c.chance(2) else w.units()
        call = w.layers.cell().call.format(n=n)
        call = f"backward({call})" if turned else call
        between = c.pick(BETWEEN[:6]).format(v.text) if v.size is not None else v.name
        if v.size is not None and c.chance(3):
            between = f"{between} + {other(w, v.size, v).text}"
        v = w.add("y", f"{call}({between})", n)


def other(w: NetworkWriter, n: int, instead: Value) -> Value:
    """Another value of this size, with time or without."""
    found = [v for v in w.values if v.size == n]
    return w.choices.pick(found) if found else instead


@statement(3)
def equation(w: NetworkWriter) -> None:
    c = w.choices
    v = w.sized(c.pick((w.sequence(), w.sequence(), w.once())), w.units())
    assert v.size is not None
    o = other(w, v.size, v)
    a = c.pick(BETWEEN).format(v.text)
    if "reverse" in a and not v.timed:
        a = v.text
    if "linear" in a:
        w.add("e", f"linear(u: {v.text}, w: {o.text}, out = {v.size})", v.size, v.timed or o.timed)
        return
    combined = c.pick(
        ("{a}", "{a} + {b}", "{a} * tanh({b})", "where({b} > 0.1, {a}, {b})", "zoneout({a}, {b}, 0.3)", "max({a}, {b})",
         "tanh({a}) + mean({b})", "softmax({a} + {b})", "{a} * sigmoid(sum({b}))")
    )  # fmt: skip
    if "zoneout" in combined and "dropout" in a:
        a = v.text
    w.add("e", combined.format(a=a, b=o.text), v.size, v.timed or ("{b}" in combined and o.timed))


ROTATED = "concat(relabel({}, k: {n})[k = {n} - 1:], relabel({}, k: {n})[k = 0:{n} - 1], axis = k)"
SQUARED = "relabel(transpose(outer(relabel({}, k: {n}), relabel({}, j: {n})), [j, k])[k = 0], {n})"
NESTED = (
    "tanh({})", "reverse({})", "flip({})", "cumsum({})", "at({}, 0) * {}", "at({}, -1) + {}", "last({}) - {}",
    "softmax({}, time)", "tanh(cumsum({}, time, exclusive = true))", "tanh(cumsum({}, time, reverse = true))",
    "mean({}, time) * {}", "{} - max({}, time)", "where({} > at({}, 0) + 0.123, {}, 0)",
    "repeat({}, {n}, 2)", "tile({}, {n}, 2)", ROTATED, SQUARED,
)  # fmt: skip
TIMELESS = ("last({})", "at({}, -1)", "at({}, -2)", "at({}, 1)", "sum({}, time)", "min({}, time)")


@statement(3)
def nested(w: NetworkWriter) -> None:
    """Views and picks in one another, with no layer between them."""
    c = w.choices
    v = w.sized(w.sequence(), w.units())
    text, n = v.text, v.size
    assert n is not None
    for _ in range(c.between(1, 4)):
        around = c.pick(NESTED)
        if "concat" in around and n == 1:
            continue
        m = 2 * n if around.startswith(("repeat", "tile")) else n
        if len(text) < 200 or around.count("{}") == 1:
            text, n = f"relabel({around.replace('{n}', str(n)).replace('{}', text)}, {m})", m
    if c.chance(2):
        w.add("t", c.pick(TIMELESS).format(text), n, False)
    else:
        w.add("e", text, n)


@statement(1)
def concatenated(w: NetworkWriter) -> None:
    v, o = (w.sized(one, w.units()) for one in (w.sequence(), w.choices.pick((w.sequence(), w.once()))))
    if v.size is not None and o.size is not None:
        parts = f"concat({v.text}, {o.text})"
        w.add("e", w.choices.pick((parts, f"flip({parts})")), v.size + o.size)


@statement(2)
def attention(w: NetworkWriter) -> None:
    """Weights over the steps of a sequence, from a query."""
    v = w.sized(w.sequence(), w.units())
    assert v.size is not None
    query = w.sized(w.once(), v.size)
    weights = w.add("w", f"softmax(sum({v.text} * {query.text}), time)", 0)
    w.values.pop()
    w.add("t", f"sum({weights.name} * {v.text}, time)", v.size, False)


@statement(1)
def softmax_over_time(w: NetworkWriter) -> None:
    v = w.sequence()
    w.add("e", f"softmax({v.name}, time)", v.size)


@statement(1)
def turned(w: NetworkWriter) -> None:
    v = w.sequence()
    w.add("e", f"reverse({v.name})", v.size)


@statement(2)
def begun(w: NetworkWriter) -> None:
    """States begin with what other layers leave, or a parameter."""
    c = w.choices
    v, n, cell = w.sequence(), w.units(), w.layers.cell()
    starts: list[str] = []
    for state in cell.states:
        if not c.chance(3):
            start = w.sized(w.once(), n)
            starts.append(f"{state} = {c.pick(('tanh({})', '0.5 * {}', '{}', 'dropout({}, 0.3)')).format(start.text)}")
            starts[-1] = starts[-1] if sum("dropout" in s for s in starts) < 2 else f"{state} = {start.text}"
    w.add("y", f"{cell.call.format(n=n)}({', '.join([v.name, *starts])})", n)


@statement(1)
def given_once(w: NetworkWriter) -> None:
    """What has no time is the same in every step of a layer."""
    c = w.choices
    v, once, n = w.sequence(), w.once(), w.units()
    if c.chance(3):  # networks may want a sequence
        cells = Layers(c, units=w.layers.units)
        w.add("y", f"{cells.layer(once.size, n, 2)}({once.name})", n)
        return
    w.add("y", f"Fed({n})({v.name}, {once.name})" if c.chance(2) else f"Fed({n})({once.name}, {v.name})", n)


@statement(1)
def two_inputs(w: NetworkWriter) -> None:
    v, o, n = w.sequence(), w.sequence(), w.units()
    layer = w.choices.pick((f"Fed({n})", f"backward(Fed({n}))", f"bidirectional(Fed({n}), merge = sum)"))
    w.add("y", f"{layer}({v.name}, {o.name})", n)


@statement(2)
def network(w: NetworkWriter) -> None:
    """One with several outputs, or none that has time."""
    c = w.choices
    if not w.layers.others:
        w.layered()
        return
    name = c.pick(list(w.layers.others))
    outputs = w.layers.others[name]
    layer = c.pick((f"{name}()", f"backward({name}())", f"stack(Plain({w.units()}), {name}())",
                    f"bidirectional({name}(), merge = {c.pick(('sum', 'product'))})"))  # fmt: skip
    if c.chance(3):
        layer = w.fresh("use")
        w.lines.insert(0, f"use {layer} = {name}()")
    v = w.sequence()
    for run in range(c.between(1, 2) if layer.startswith("use") else 1):
        turned = f"backward({layer})" if run and c.chance(2) else layer
        made = w.add("y", f"{turned}({v.name})", None)
        w.values.pop()
        for one, size, timed in outputs:
            w.values.append(Value(f"{made.name}.{one}" if len(outputs) > 1 else made.name, size, timed))


@statement(1)
def two_outputs(w: NetworkWriter) -> None:
    c = w.choices
    v, n = w.sequence(), w.units()
    layer = c.pick((f"Pair({n})", f"backward(Pair({n}))", f"bidirectional(Pair({n}), merge = sum)",
                    f"bidirectional(Pair({n}), merge = mean)", f"stack(Plain({n}), Pair({n}))"))  # fmt: skip
    pair = w.add("y", f"{layer}({v.name})", n)
    w.values.pop()
    w.values += [Value(f"{pair.name}.{name}", n, True) for name in ("h", "c")]


@statement(1)
def both_directions(w: NetworkWriter) -> None:
    c = w.choices
    v, n, m = w.sequence(), w.units(), w.units()
    sides = w.layers.layer(v.size, n, 1), w.layers.layer(v.size, m, 1)
    both = w.add("y", f"bidirectional(forward = {sides[0]}, backward = {sides[1]}, merge = none)({v.name})", n)
    w.values.pop()
    w.values += [Value(f"{both.name}.{name}", size, True) for name, size in (("forward", n), ("backward", m))]
    if c.chance(2):
        w.values.reverse()


@statement(2)
def shared(w: NetworkWriter) -> None:
    """A layer under a name runs again with the same weights."""
    c = w.choices
    v = w.sequence()
    if v.size is None:
        v = w.sized(v, w.units())
    for _ in range(c.between(1, 3)):
        found = [(name, n) for (name, size), n in w.shared.items() if size == v.size]
        if found and not c.chance(4):
            name, n = c.pick(found)
        else:
            name, n = w.fresh("use"), w.units()
            w.lines.insert(0, f"use {name} = {w.layers.layer(v.size, n, c.pick((0, 1, 2)))}")
            w.shared[name, v.size] = n
        runs = [name, name, f"backward({name})"]
        if n == v.size:
            runs += [f"stack({name}, 2)", f"stack(Plain({n}), {name})"]
        runs += [
            f"bidirectional({name}, merge = sum)",
            f"bidirectional(forward = {name}, backward = Plain({n}), merge = mean)",
        ]
        v = w.add("y", f"{c.pick(runs)}({v.name})", n)


@statement(1)
def family(w: NetworkWriter) -> None:
    c = w.choices
    v, n = w.sized(w.sequence(), w.units()), w.units()
    a, last = w.fresh("a"), c.between(1, 3)
    w.lines.append(f"{a}[0] = {w.layers.layer(v.size, n, 1)}({v.name})")
    member = c.pick((f"{a}[k - 1]", f"dropout({a}[k - 1], 0.2)", f"relabel({a}[k - 1], {n}) + relabel({a}[0], {n})"))
    w.lines.append(f"for k in 1..{last + 1} {{\n    {a}[k] = {w.layers.layer(n, n, 1)}({member})\n  }}")
    w.values += [Value(f"{a}[{k}]", n, True) for k in (c.below(last + 1), last)]
    if c.chance(2):
        members = f"relabel({a}[k], {n}) for k in 0..{last + 1}"
        w.add("e", f"{c.pick(('sum', 'mean', 'max'))}({members})", n)


@statement(1)
def convolved(w: NetworkWriter) -> None:
    c = w.choices
    v, rows, channels, filters = w.sequence(), c.between(1, 3), c.between(1, 2), c.between(1, 2)
    image = w.add("i", f"dense({v.name}, {rows * channels})", rows * channels)
    w.values.pop()
    split = w.fresh("i")
    w.lines.append(f"{split} = split({image.text}, {rows * channels}, row: {rows}, channel: {channels})")
    both = f"stack([Conv(2), backward(Conv({filters}))], dropout = 0.2)"
    layer = c.pick((f"Conv({filters})", f"backward(Conv({filters}))", f"stack(Conv({filters}), 2)",
                    f"bidirectional(Conv({filters}), merge = sum)", both))  # fmt: skip
    layers = w.add("i", f"{layer}({split})", filters)
    w.values.pop()
    w.add("e", c.pick((f"mean({layers.name}, row)", f"{layers.name}[row = 0]")), filters)


@statement(1)
def over_places(w: NetworkWriter) -> None:
    """The first steps as an axis."""
    v = w.sized(w.sequence(), w.units())
    assert v.size is not None
    places = w.add("e", f"stack_axis((at({v.text}, k) for k in 0..2), axis = place)", v.size, False)
    w.values.pop()
    o = w.sized(w.sequence(), v.size)
    scores = w.add("e", f"softmax(contract({places.name}, {o.text}, over = {v.size}), place)", 2)
    w.values.pop()
    w.add("e", f"contract({scores.name}, {places.name}, over = place)", v.size)


def kept(w: NetworkWriter, call: str, v: Value, n: int) -> str:
    """A layer under a name that nothing else runs, after it has run."""
    name = w.fresh("use")
    w.lines.insert(0, f"use {name} = {call}")
    w.add("y", f"{name}({v.name})", n)
    return name


@statement(2)
def left_behind(w: NetworkWriter) -> None:
    """A state after the last step of a layer, or of one that is a part of it."""
    c = w.choices
    v, n = w.sequence(), w.units()
    cell = c.pick([cell for cell in CELLS if cell.states])
    state, call = c.pick(cell.states), cell.call.format(n=n)
    both = f"bidirectional({call}, merge = sum)"
    parts = ((call, ""), (f"backward({call})", ""), (f"stack({call}, 2)", "[0]"), (both, ".backward"),
             (f"{c.pick(AROUND)}({call})", ".f"))  # fmt: skip
    layer, part = c.pick(parts)
    if part == ".f":
        v = w.sized(v, n)
    name = kept(w, layer, v, n)
    final = w.add("t", f"{name}{part}.{state}'", n, False)
    if c.chance(3):  # read before it runs
        w.lines.remove(w.lines[-1])
        w.lines.insert(1, f"{final.name} = {name}{part}.{state}'")


@statement(2)
def handed_on(w: NetworkWriter) -> None:
    """All states of a layer are what those of another begin with."""
    c = w.choices
    v, o, n = w.sequence(), w.sequence(), w.units()
    if c.chance(3):
        v = w.sized(v, n)
        call = w.layers.layer(n, n, c.pick((0, 1)))
        call = c.pick((f"{c.pick(AROUND)}({call})", f"stack({c.pick(AROUND)}({call}), 2)"))
    else:
        call = w.layers.layer(v.size, n, c.pick((0, 1, 2)))
    if v.size == n or "Inner" in call or call in w.layers.cells:  # what it is made of hangs on the sizes of its input
        o = v
    name = kept(w, call, v, n)
    layer = c.pick((call, call, f"backward({call})"))
    if c.chance(3):
        layer = w.fresh("use")
        w.lines.insert(1, f"use {layer} = {name}")
        o = v
    w.add("y", f"{layer}({o.name}, states = {name}.states')", n)
