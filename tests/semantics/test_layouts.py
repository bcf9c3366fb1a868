"""Layouts: arrangements of blocks, scopes of inner cells, orders, masks, options, what is missing."""

from __future__ import annotations

from typing import cast

import pytest

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.ir.layout import (
    Affine,
    Arrangement,
    Cat,
    Counterpart,
    FunctionName,
    InnerCounterpart,
    Leaf,
    Reshaped,
    Transposed,
    Unused,
    WeightLayout,
)
from rnnc.ir.model import Model
from rnnc.ir.size import Size
from tests.semantics.support import model


def cell(layout: str) -> WeightLayout:
    """The layout of a cell with weights h.x [input, units], h.h [units, units], h.bias [units], and p [units]."""
    of = model(
        "cell C(units, gated = false) {\n  input x[input]\n  state c[units], h[units]\n  param p[units]\n"
        f"  c' = c * p\n  h' = dropout(tanh(linear(x, h)), 0.5) * c'\n  output h'\n{layout}\n}}\n"
    )
    return _only(of)


def _only(of: Model) -> WeightLayout:
    (layout,) = of.layouts
    return layout


def arrays(layout: WeightLayout) -> dict[str, str]:
    """Names, arrangements and shapes of foreign arrays, as text."""
    return {a.name: f"{spelled(a.value)} [{', '.join(map(str, a.shape))}]" for a in layout.arrays}


def spelled(value: Arrangement) -> str:
    match value:
        case Leaf(name):
            return name
        case Cat(axis, items):
            return f"cat{axis}({', '.join(map(spelled, items))})"
        case Transposed(item, order):
            return f"T{''.join(map(str, order))}({spelled(item)})"
        case Reshaped(item, shape, _):
            return f"reshape({spelled(item)}, [{', '.join(map(str, shape))}])"
        case Affine(item, scale, offset):
            return f"{scale} * {spelled(item)} + {offset}"
        case Unused(shape, number):
            return f"unused([{', '.join(map(str, shape))}], {number})"


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ("h.x", "h.x [input, units]"),
        ("[h.bias, p]", "cat-1(h.bias, p) [2 * units]"),
        ("[[h.x], [h.h]]", "cat-2(h.x, h.h) [units + input, units]"),
        ("[[h.x, h.x], [h.h, h.h]]", "cat-2(cat-1(h.x, h.x), cat-1(h.h, h.h)) [units + input, 2 * units]"),
        ("concat(h.x, h.h, axis = 0)", "cat0(h.x, h.h) [units + input, units]"),
        ("T(h.x)", "T10(h.x) [units, input]"),
        ("transpose(h.x, [1, 0])", "T10(h.x) [units, input]"),
        ("reshape(h.bias, [1, units])", "reshape(h.bias, [1, units]) [1, units]"),
        ("-p", "-1.0 * p + 0.0 [units]"),
        ("p + 1", "1.0 * p + 1.0 [units]"),
        ("1 - p", "-1.0 * p + 1.0 [units]"),
        ("p / 2", "0.5 * p + 0.0 [units]"),
        ("[h.bias, unused([units], 1)]", "cat-1(h.bias, unused([units], 1.0)) [2 * units]"),
        ("[h.bias, p if gated]", "h.bias [units]"),
        ("[p for k in 0..2]", "cat-1(p, p) [2 * units]"),
        ("h.bias if gated else p", "p [units]"),
    ],
)  # fmt: skip
def test_arrangements(entry: str, wanted: str) -> None:
    assert arrays(cell(f'layout tf {{ "a" = {entry} }}')) == {"a": wanted}


def test_options_and_scope() -> None:
    found = cell('layout tf(scope = "rnn/cell", shards = "part_{}", constants = float32, version = 2) { "b" = p }')
    assert list(arrays(found)) == ["rnn/cell/b"]
    assert dict(found.options) == {"constants": "float32", "version": 2.0}
    assert [array.shards for array in found.arrays] == ["part_{}"]


def test_shards_are_those_of_their_body() -> None:
    of = model(
        INNER.replace('scope = "rnn"', 'scope = "rnn", shards = "_{}"')
        + "network N {\n  input x[3]\n  y = stack([R(3), R(3)])(x)\n  z = linear(y, out = 2)\n  output z\n"
        '  layout tf(shards = "part_{}") { scope y[0] = "a"\n scope y[1] = "b"\n "k" = z.y }\n}\n',
        "N",
    )
    assert {array.name.split("/")[0]: array.shards for array in _only(of).arrays} == {
        "k": "part_{}", "a": "_{}", "b": "_{}"
    }  # fmt: skip


def test_matrices_that_are_always_numbered() -> None:
    """Which is said where the suffix is; a body that has another suffix says it of its own arrays, or does not."""
    entries = '{ "W" = [[h.x], [h.h]]\n "b" = h.bias }'
    for options, names in (
        ('shards = "_{}", numbered = matrices', ["W_0", "b"]),
        ('shards = "part_{}", numbered = "matrices"', ["W/part_0", "b"]),
        ('shards = "_part{}"', ["W", "b"]),
        ('shards = "_{}"', ["W", "b"]),
    ):
        found = cell(f"layout tf({options}) {entries}")
        assert [array.variable for array in found.arrays] == names
    outer = 'layout tf(shards = "_{}", numbered = matrices) { }'
    network = f"network N {{\n  input x[3]\n  y = R(3)(x)\n  output y\n  {outer}\n}}\n"
    for own, name in (("", "rnn/w_0"), (', shards = "part_{}"', "rnn/w")):
        of = model(INNER.replace('scope = "rnn"', f'scope = "rnn"{own}') + network, "N")
        assert [array.variable for array in _only(of).arrays] == [name]


def test_other_options_are_facts_about_the_arrays_of_their_body() -> None:
    of = model(
        INNER.replace('scope = "rnn"', 'scope = "rnn", act = tanh, clip = none, after = true, level = 2, word = "x"')
        + "network N {\n  input x[3]\n  y = stack(R(3), 2)(x)\n  output y\n"
        '  layout tf(constants = float32, kind = outer) { scope y[0] = "a"\n scope y[1] = "b" }\n}\n',
        "N",
    )
    wanted = (("act", "tanh"), ("clip", "none"), ("after", "true"), ("level", "2"), ("word", "x"))
    assert [array.facts for array in _only(of).arrays] == [wanted, wanted]


def test_what_no_entry_mentions_and_what_is_not_there_are_missing() -> None:
    found = cell('layout tf { "k" = [[h.x], [h.h]]\n "g" = i.x\n "b" = h.bias }')
    assert found.missing == ("i.x", "p")
    assert list(arrays(found)) == ["k", "b"]


def test_orders() -> None:
    assert cell('layout tf { "b" = p }').states == ("c", "h")
    assert cell('layout tf { "b" = p\n order state = [h, c] }').states == ("h", "c")
    assert cell('layout tf { "b" = p\n order state = [h] }').states == ("h", "c")


def test_masks() -> None:
    assert cell('layout tf { "b" = p\n mask "out_mask" = h\n mask "none" = c }').masks == (("out_mask", "h"),)


def test_conditions_and_loops() -> None:
    of = model(
        "cell C(units, both = true) {\n  input x[input]\n  for k in 0..3 {\n    state h[k][units]\n"
        "    h'[k] = linear(x, bias = false) if k == 0 or both else h[k]\n  }\n  output h'[2]\n"
        '  layout tf {\n    for k in 0..3 {\n      if both or k == 0 { "w_{k}/{2 * k + 1}" = h[k].x }\n    }\n'
        "    order state = [h[k] for k in [2, 1, 0]]\n  }\n}\n"
    )
    assert arrays(_only(of)) == {f"w_{k}/{2 * k + 1}": f"h[{k}].x [input, units]" for k in range(3)}
    assert _only(of).states == ("h[2]", "h[1]", "h[0]")


INNER = (
    "cell R(units) {\n  input x[input]\n  state h[units]\n  h' = linear(x, bias = false) + h\n  output h'\n"
    '  layout tf(scope = "rnn") { "w" = h.x }\n}\n'
)


def test_scopes_of_inner_cells_and_layers() -> None:
    of = model(
        INNER + "network N {\n  input x[3]\n  y = stack(R(3), 2)(x)\n  z = bidirectional(R(2))(y)\n  output z\n"
        '  layout tf(scope = "net") {\n    for k in 0..2 { scope y[k] = "cell_{k}" }\n'
        '    scope z.forward = "fw"\n    scope z.backward = "bw"\n  }\n}\n',
        "N",
    )
    assert arrays(_only(of)) == {
        "net/cell_0/rnn/w": "y[0].h.x [3, 3]", "net/cell_1/rnn/w": "y[1].h.x [3, 3]",
        "net/fw/rnn/w": "z.forward.h.x [3, 2]", "net/bw/rnn/w": "z.backward.h.x [3, 2]",
    }  # fmt: skip
    assert _only(of).missing == ()


def test_a_scope_with_a_star_is_a_pattern_for_names() -> None:
    """The outermost one counts; scopes in front stay; the layout says what joins them."""
    alone = cell('layout torch(scope = "*_l0", joint = ".") { "w" = h.x }')
    assert list(arrays(alone)) == ["w_l0"]
    inner = INNER.replace('layout tf(scope = "rnn")', 'layout tf(scope = "*_l0", joint = ".")')
    of = model(
        inner + "network N {\n  input x[3]\n  y = stack(R(3), 2)(x)\n  z = bidirectional(R(2))(y)\n  output z\n"
        '  layout tf(scope = "net", joint = ".") {\n    for k in 0..2 { scope y[k] = "*_l{k}" }\n'
        '    scope z.forward = "last"\n    scope z.backward = "last.*_reverse"\n  }\n}\n',
        "N",
    )
    assert list(arrays(_only(of))) == ["net.w_l0", "net.w_l1", "net.last.w_l0", "net.last.w_reverse"]
    assert not dict(_only(of).options)


@pytest.mark.parametrize(
    ("order", "wanted"),
    [
        ("", "y[0].h y[0].c y[1].h y[1].c"),
        ("order state = [y[1]]", "y[1].h y[1].c y[0].h y[0].c"),
        ("order state = [y[1].c, y[0]]", "y[1].c y[0].h y[0].c y[1].h"),
    ],
)
def test_orders_of_inner_cells_stay_within_their_places(order: str, wanted: str) -> None:
    of = model(
        "cell S(units) {\n  input x[units]\n  state c[units], h[units]\n  c' = c + x\n  h' = tanh(c')\n  output h'\n"
        "  layout tf { order state = [h, c] }\n}\nnetwork N {\n  input x[3]\n  y = stack(S(3), 2)(x)\n  output y\n"
        f"  layout tf {{ {order} }}\n}}\n",
        "N",
    )
    assert " ".join(_only(of).states) == wanted


def test_an_order_may_name_states_of_a_layer_that_nothing_reads() -> None:
    of = model("network N {\n  input x[3]\n  y = RNN(2)(x)\n  z = LSTM(2)(y)\n  output y\n}\n", "N")
    assert {one.name: one.states for one in of.layouts}["keras"] == ("y.h",)


def test_layers_without_scopes_are_told_apart_by_their_names() -> None:
    of = model(INNER + "network N {\n  input x[3]\n  y = stack(R(3), 2)(x)\n  output y\n}\n", "N")
    assert list(arrays(_only(of))) == ["y[0]/rnn/w", "y[1]/rnn/w"]


def test_several_layouts() -> None:
    of = model(
        "cell C(units) {\n  input x[input]\n  y = linear(x, out = units)\n  output y\n"
        '  layout tf { "kernel" = y.x\n "bias" = y.bias }\n'
        '  layout torch { "weight" = T(y.x)\n "b1" = y.bias\n "b2" = y.bias }\n}\n'
    )
    assert [(one.name, one.missing) for one in of.layouts] == [("tf", ()), ("torch", ())]
    assert list(arrays(of.layouts[1])) == ["weight", "b1", "b2"]


# --- counterparts in the library itself ---


def test_a_reference_is_taken_down() -> None:
    found = cell(
        "layout tf(reference = lib.Cell(units, 3, scale = 0.5, kind = fast, none, on = gated or true, f = tanh,\n"
        '            own = [lib.Inner(2), "text"])) { "b" = p }'
    ).reference
    assert found is not None
    assert found.function == "lib.Cell"
    named = dict(found.arguments[1:])
    assert found.arguments[0] == ("", Size.of("units"))
    assert named["scale"] == 0.5
    assert (named["kind"], named["f"]) == ("fast", FunctionName("tanh", own=False))
    inner, text = cast("tuple[Counterpart, str]", named["own"])
    assert (inner.function, inner.arguments, text) == ("lib.Inner", (("", Size.of(2)),), "text")


def test_without_a_reference_there_is_none() -> None:
    assert cell('layout tf { "b" = p }').reference is None
    assert cell('layout tf(reference = none) { "b" = p }').reference is None


def test_a_reference_names_inner_cells() -> None:
    of = model(
        INNER.replace('scope = "rnn"', 'scope = "rnn", reference = lib.R(units)')
        + "network N {\n  input x[3]\n  y = stack(R(3), 2)(x)\n  z = bidirectional(R(2))(y)\n  output z\n"
        "  layout tf(reference = lib.N([y[k] for k in 0..2], z.backward)) {\n"
        '    for k in 0..2 { scope y[k] = "{k}" }\n    scope z.forward = "fw"\n    scope z.backward = "bw"\n  }\n}\n',
        "N",
    )
    reference = _only(of).reference
    assert reference is not None
    given = tuple(value for _, value in reference.arguments)
    layers, backward = cast("tuple[tuple[InnerCounterpart, ...], InnerCounterpart]", given)
    assert [layer.key for layer in layers] == ["y[0]", "y[1]"]
    assert backward.key == "z.backward"
    assert backward.counterpart is not None
    assert backward.counterpart.arguments == (("", Size.of(2)),)


def test_a_variant_inherits_a_reference_with_the_layout_and_may_have_its_own() -> None:
    base = (
        "cell R(units) {\n  input x[input]\n  state h[units]\n  h' = linear(x, bias = false) + h\n  output h'\n"
        '  layout tf(reference = lib.R(units)) { "w" = h.x }\n}\n'
    )
    for text, function in (
        ("", "lib.R"),
        ('layout tf(reference = lib.S(2 * units)) { "w" = h.x }', "lib.S"),
        ('layout tf { "w" = h.x }', None),
    ):
        found = _only(
            model(base + f"cell V(units) = R(units) with {{\n  h' = linear(x, bias = false) - h\n  {text}\n}}\n", "V")
        )
        assert (found.reference.function if found.reference else None) == function
        assert found.missing == ()


def test_masks_stand_in_the_scopes_around_their_cell() -> None:
    drop = (
        "cell D(units) {\n  input x[units]\n  xin = dropout(x, 0.5)\n  state h[units]\n  h' = h + xin\n  output h'\n"
        '  layout tf(scope = "own") { mask "input" = xin }\n}\n'
    )
    of = model(
        drop + "network N {\n  input x[3]\n  y = stack(D(3), 2)(x)\n  output y\n"
        '  layout tf(scope = "net") { for k in 0..2 { scope y[k] = "cell_{k}" } }\n}\n',
        "N",
    )
    assert _only(of).masks == (("net/cell_0/input", "y[0].xin"), ("net/cell_1/input", "y[1].xin"))


@pytest.mark.parametrize(
    ("rounding", "options", "is_exact"),
    [
        (None, 'constants = "float32"', True),
        ("tf", 'constants = "float32"', False),
        ("tf", 'constants = "float32", probabilities = "exact"', True),
        ("tf", 'constants = "float32", probabilities = exact', True),
        ("tf", 'constants = "float32", probabilities = "float32"', False),
        ("tf", "", True),
        ("other", 'constants = "float32", probabilities = "exact"', False),
    ],
)
def test_probabilities_are_held_as_the_layout_in_question_says(
    rounding: str | None, options: str, is_exact: bool
) -> None:
    text = (
        "cell C(units) {\n  input x[units]\n  state h[units]\n  h' = dropout(x + h, keep = 0.6, mask = step)\n"
        f"  output h'\n  layout tf({options}) {{ }}\n"
        '  layout other(constants = "float32") { }\n}\n'
    )
    (mask,) = model_of(Source("c.rnn", text), rounding=rounding).masks
    assert (mask.keep == 0.6) is is_exact
