"""Products behind a driver: with variables of a script, and the layers `tf.layers.dense` and `fully_connected`. Every
argument is read, or the product is none that is read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace

from rnnc.importing.behind.calling import Plain, arguments, followed
from rnnc.importing.behind.values import Result, end_of, form_of, key_of
from rnnc.importing.behind.variables import Variable, Variables
from rnnc.importing.formulas.directions import Key
from rnnc.importing.pieces.head import ARRAY, Head
from rnnc.importing.python.values import Names, Reference

NAME_IT = "the layout leaves them out; a `name` of the layer says it"
DENSE = {"dense": "dense", "fully_connected": "fully_connected", "linear": "fully_connected"}
_PRODUCT = "a b transpose_a transpose_b adjoint_a adjoint_b"
_TURNS = ("transpose_a", "adjoint_a"), ("transpose_b", "adjoint_b")
_INITIAL = "kernel_initializer bias_initializer kernel_regularizer bias_regularizer kernel_constraint bias_constraint"
_DENSE = f"inputs units activation use_bias {_INITIAL}"
_INPUTS = "inputs num_outputs activation_fn normalizer_fn normalizer_params weights_initializer weights_regularizer"
_CONNECTED = f"{_INPUTS} biases_initializer biases_regularizer reuse"
_COLLECTED = "variables_collections outputs_collections trainable scope"
ALONG = ("softmax", "log_softmax")  # functions that are told an axis
UNKNOWN = "‹unknown›"  # stands for variables that may be any of those that are there
IS_TRAINED = "it belongs to training"

Read = Callable[[ast.expr, Names], Result]
Number = Callable[[str, ast.Call, Names], str | None]


class Products:
    """Reads them; `read` gives the values of other expressions, `number` what the library calls a layer without a name,
    `activations` are the library's functions by name."""

    def __init__(self, plain: Plain, read: Read, number: Number, activations: Mapping[str, str], scope: str) -> None:
        self._plain, self._read, self._number = plain, read, number
        self._activations, self._scope = activations, scope
        self._variables = Variables(plain)

    def read(self, node: ast.expr, names: Names) -> Result:
        """A product, a sum of one and a variable, or a function of one."""
        match node:
            case ast.BinOp(left=left, op=ast.MatMult(), right=right):
                return self._product(node, left, right, names)
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._sum(left, right, names) or self._sum(right, left, names)
            case ast.Call():
                return self._call(node, names)
            case _:
                return None

    def _call(self, node: ast.Call, names: Names) -> Result:
        kind = self._plain.called(node, names)
        if kind in DENSE:
            return self._layer(node, kind, names)
        if kind == "matmul":
            given = arguments(node, _PRODUCT, "name a_is_sparse b_is_sparse") or {}
            flags = [[self._plain.flag(given.get(name), names) for name in pair] for pair in _TURNS]
            if len(given.keys() & {"a", "b"}) < 2 or any(None in pair for pair in flags) or any(flags[0]):
                return None
            return self._product(node, given["a"], given["b"], names, turned=any(flags[1]))
        if kind == "xw_plus_b":
            given = arguments(node, "x weights biases") or {}
            if len(given.keys() - {"name"}) < 3:
                return None
            return self._biased(self._product(node, given["x"], given["weights"], names), given["biases"], names)
        if kind in ("bias_add", "add"):
            given = arguments(node, "value bias" if kind == "bias_add" else "x y") or {}
            terms = [value for name, value in given.items() if name != "name"]
            if len(terms) != 2:
                return None
            found = self._sum(terms[0], terms[1], names)
            return found if found is not None or kind == "bias_add" else self._sum(terms[1], terms[0], names)
        if kind in self._activations:
            return self._activated(node, names)
        return None

    # --- products with variables ---

    def _product(self, node: ast.expr, a: ast.expr, b: ast.expr, names: Names, *, turned: bool = False) -> Result:
        """Of what is read and a matrix; one matrix in two places is not said by two products."""
        left = self._read(a, names)
        end, weights = end_of(left), self._variables.find(b, names)
        if left is None or end is None or weights is None or len(weights.shape) != 2:
            return None
        before = end.product.variables if end.product is not None else frozenset[Key | str]()
        own = _named(weights)
        if _may_meet(own, before):
            return None
        classes = weights.shape[0 if turned else 1]
        remarks = end.product.remarks if end.product is not None else ()
        return Head(
            end,
            self._scope,
            left.reads | weights.reads,
            classes,
            key_of(node, names),
            weights.name,
            has_bias=False,
            turned=turned,
            form=form_of(left),
            variables=before | own,
            remarks=(*remarks, *_trained(weights)),
        )

    def _sum(self, product: ast.expr, bias: ast.expr, names: Names) -> Result:
        return self._biased(self._read(product, names), bias, names)

    def _biased(self, product: Result, bias: ast.expr, names: Names) -> Result:
        """A product and a variable with a number for each of its results."""
        if not isinstance(product, Head) or product.classes is None or product.has_bias:
            return None
        found = self._variables.find(bias, names)
        if found is None or product.activation != "identity" or found.shape != (product.classes,):
            return None
        own = _named(found)
        if _may_meet(own, product.variables):
            return None
        return replace(
            product,
            reads=product.reads | found.reads,
            biases=found.name,
            has_bias=True,
            variables=product.variables | own,
            remarks=(*product.remarks, *_trained(found)),
        )

    def _activated(self, node: ast.Call, names: Names) -> Result:
        """`tf.nn.relu(hidden)` of a product, `tf.nn.softmax(logits, axis=-1)`."""
        kind = self._plain.called(node, names) or ""
        goes_along = kind in ALONG
        given = arguments(node, "features axis" if goes_along else "features", "name dim" if goes_along else "name")
        if given is None or "features" not in given or not node.args:
            return None
        product = self._read(node.args[0], names)
        if not isinstance(product, Head) or product.classes is None or product.activation != "identity":
            return None
        axes = [given[name] for name in ("axis", "dim") if name in given]
        last = 2 if product.form == ARRAY else 1
        if any(self._plain.value(each, names) not in (None, -1, last) for each in axes):
            return None
        return replace(product, activation=self._activations[kind])

    # --- layers ---

    def _layer(self, node: ast.Call, kind: str, names: Names) -> Result:
        """`tf.layers.dense(end, 10)`, `tf.contrib.layers.fully_connected(end, 10)`."""
        is_dense = DENSE[kind] == "dense"
        signature = f"{_DENSE} activity_regularizer trainable name reuse" if is_dense else _CONNECTED
        given = arguments(node, signature, "name _reuse" if is_dense else _COLLECTED) or {}
        size = given.get("units" if is_dense else "num_outputs")
        left = self._read(given["inputs"], names) if "inputs" in given else None
        end, classes = end_of(left), self._plain.whole(size, names)
        activation = self._function(given.get("activation" if is_dense else "activation_fn"), kind, names)
        biased = self._has_bias(given, names, is_dense=is_dense)
        trained = self._plain.flag(given.get("trainable"), names, default=True)
        fresh = "reuse" not in given or self._plain.value(given["reuse"], names) in (None, False)
        fresh = fresh or ast.unparse(given["reuse"]).endswith("AUTO_REUSE")
        plain = "normalizer_fn" not in given or self._plain.value(given["normalizer_fn"], names) is None
        if left is None or end is None or classes is None or classes < 1 or activation is None or biased is None:
            return None
        if trained is None or not fresh or not plain or not self._plain.is_understood(names):
            return None
        scope = self._name(node, given.get("name", given.get("scope")), DENSE[kind], names)
        before = end.product
        is_new = scope is None and is_dense and "name" not in given
        own: frozenset[Key | str] = frozenset([f"{scope}/kernel" if scope is not None else UNKNOWN][is_new:])
        if before is not None and _may_meet(own, before.variables):
            return None
        weights, biases = (f"{scope}/{each}" for each in (("kernel", "bias") if is_dense else ("weights", "biases")))
        return Head(
            end,
            self._scope,
            left.reads,
            classes,
            key_of(node, names),
            weights if scope is not None else None,
            biases if scope is not None else None,
            biased,
            activation=activation,
            form=form_of(left),
            variables=own | before.variables if before is not None else own,
            remarks=(
                *(before.remarks if before is not None else ()),
                *(() if trained else (f"`trainable` of {kind} is left out: {IS_TRAINED}",)),
                *(
                    ()
                    if scope is not None
                    else (f"what TensorFlow calls the variables of {kind} is not known: {NAME_IT}",)
                ),
            ),
        )

    def _has_bias(self, given: Mapping[str, ast.expr], names: Names, *, is_dense: bool) -> bool | None:
        """None where nobody knows."""
        if is_dense:
            return self._plain.flag(given.get("use_bias"), names, default=True)
        if "biases_initializer" not in given:
            return True
        node = given["biases_initializer"]
        is_none = self._plain.value(node, names) is None
        return False if is_none else True if isinstance(followed(node, names), ast.Call | ast.Attribute) else None

    def _function(self, node: ast.expr | None, kind: str, names: Names) -> str | None:
        """The activation of a layer; None where it is none of the library's."""
        if node is None:
            return "relu" if kind == "fully_connected" else "identity"
        match self._plain.value(node, names):
            case None:
                return "identity"
            case Reference(path=path, last=name) if "." in path or name not in names:
                return self._activations.get(name)
            case str() as name:
                return self._activations.get(name)
            case _:
                return None

    def _name(self, node: ast.Call, own: ast.expr | None, kind: str, names: Names) -> str | None:
        """What stands in front of the names of a layer's variables; None where nobody knows."""
        found, scope = self._plain.word(own, names), self._plain.scope(names)
        if own is None or self._plain.value(own, names) is None:
            return self._number(kind, node, names)
        return scope + found if found is not None and '"' not in found and scope is not None else None


def _named(variable: Variable) -> frozenset[Key | str]:
    unknown = [UNKNOWN] if variable.may_be_another else []
    return frozenset([variable.key, *([variable.name] if variable.name is not None else unknown)])


def _may_meet(own: frozenset[Key | str], before: frozenset[Key | str]) -> bool:
    """Whether one variable may be among both: one whose name nobody knows may be any."""
    return bool(own & before) or bool(before and UNKNOWN in own) or bool(own and UNKNOWN in before)


def _trained(variable: Variable) -> tuple[str, ...]:
    name = variable.name or "a variable"
    return () if variable.is_trained else (f"`trainable` of {name} is left out: {IS_TRAINED}",)
