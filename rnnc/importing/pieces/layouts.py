"""How the library of a model names the weights of its layers: the layout of the network."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from rnnc.importing.pieces.network import Network, Weights
from rnnc.importing.pieces.scopes import scope_of
from rnnc.importing.python.values import Made, Remarks


def named(network: Network, places: Mapping[int, str], made: Iterable[Made], remarks: Remarks) -> None:
    """Give a network of several layers the layout of its library, where every layer has a name. `places` are the names
    that PyTorch has for layers, by their identity; Keras names a layer as it is told, or after its class, of
    which it counts all that are `made`."""
    several = [each for each in network.weights if each.are_there]
    libraries = {each.made.constructor.library for each in several}
    of_keras = _names_of_keras([*made, *(each.made for each in network.weights)]) if libraries == {"keras"} else {}
    of_old = _scopes_of_old(several) if libraries == {"tf"} else {}
    names = places if libraries == {"torch"} else of_keras | of_old
    if network.alone or not several or not all(id(each.made) in names for each in several):
        return
    (library,) = libraries
    layers = {id(each.made): names[id(each.made)] for each in several}
    if library == "keras" and len(set(layers.values())) < len(layers):
        twice = next(name for name in layers.values() if [*layers.values()].count(name) > 1)
        remarks.add(
            f"the description has no layout of Keras: two layers are called `{twice}` (give each a name of its own)"
        )
        return
    lines = [line for each in several for line in _lines(each, names[id(each.made)])]
    network.layouts[library] = list(dict.fromkeys(lines))
    if library == "tf":
        network.options[library] = 'constants = "float32"'
    if library == "keras" and network.is_row:
        _compare(network, names)


def _compare(network: Network, names: Mapping[int, str]) -> None:
    """Say which layers of Keras one behind the other compute the same, where all of them are such."""
    calls = [(each.reference, names[id(each.made)] + _inside(each)) for each in network.weights if each.reference != ""]
    if all(call is not None for call, _ in calls):
        shown = ", ".join(call for call, _ in calls if call is not None)
        words = ", ".join(f'"{name}"' for _, name in calls)
        network.options["keras"] = f"reference = keras.Sequential([{shown}], names = [{words}])"


def _inside(weights: Weights) -> str:
    """Where in the layer that has the arrays is, which computes them: `/layer` of TimeDistributed."""
    front = next(iter(weights.arrays), "").rpartition("/")[0]
    return f"/{front}" if front else ""


def _lines(weights: Weights, name: str) -> Iterator[str]:
    is_torch = weights.made.constructor.library == "torch"
    joint = "." if is_torch else "/"
    for array, text in weights.arrays.items():
        yield f'"{name}{joint}{array}" = {text}'
    for y, inner in weights.scopes.items():
        is_cell = is_torch and weights.made.constructor.name.endswith("Cell")  # whose arrays have no `_l0`
        inside = f"{joint}{inner or '*'}" if inner or is_cell else ""
        yield f'scope {y} = "{name}{inside}"'
    for y, layer, side in weights.layers:
        if is_torch:
            yield f'scope {y} = "{name}.*_l{layer}{"_reverse" if side == "backward" else ""}"'
        else:
            both = weights.made.constructor.name == "Bidirectional"
            yield f'scope {y} = "{name}{f"/{side}_layer" if both else ""}"'


def _scopes_of_old(several: Iterable[Weights]) -> dict[int, str]:
    """What drivers put in front of the names of fused layers of TensorFlow 1, by identity: nothing but for those that
    are made of cells, of which not two may have one name. Others have none here."""
    found: dict[int, str] = {}
    cells: list[str | None] = []
    for each in several:
        made: object = each.made
        while isinstance(made, Made) and made.constructor.name == "TimeReversedFusedRNN":
            made = made.arguments["cell"].value
        if isinstance(made, Made) and made.constructor.name == "FusedRNNCellAdaptor":
            inner = made.arguments["cell"].value
            cells.append(scope_of(inner) if isinstance(inner, Made) else None)
            found[id(each.made)] = "rnn"
        elif isinstance(made, Made) and made.constructor.name == "LSTMBlockFusedCell":
            found[id(each.made)] = ""
    are_known = len(cells) < 2 or (None not in cells and len(set(cells)) == len(cells))
    return found if are_known else {}


def _names_of_keras(several: Iterable[Made]) -> dict[int, str]:
    """By identity; layers of one class are counted in the order in which they are made, those inside others too."""
    found: dict[int, str] = {}
    counts: dict[str, int] = {}
    made = {id(one): one for each in several for one in _all_in(each)}
    of_keras = [one for one in made.values() if one.constructor.library == "keras"]
    for one in sorted(of_keras, key=lambda one: one.moment):
        given = one.arguments.get("name")
        name = given.value if given is not None else None
        if not isinstance(name, str) or not re.fullmatch(r"[\w.-]+", name):
            name = snake(one.constructor.name)
            counts[name] = counts.get(name, -1) + 1
            name = f"{name}_{counts[name]}" if counts[name] else name
        found[id(one)] = name
    return found


def _all_in(made: Made) -> Iterator[Made]:
    """A layer, and those that it is given."""
    yield made
    for given in made.arguments.values():
        for each in given.value if isinstance(given.value, list) else [given]:
            if isinstance(each.value, Made):
                yield from _all_in(each.value)


def snake(name: str) -> str:
    """`LayerNormalization` is `layer_normalization`, `SimpleRNN` `simple_rnn`, as Keras has it."""
    apart = re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", apart).lower()
