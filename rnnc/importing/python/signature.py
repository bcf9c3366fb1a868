"""Constructors and their signatures: how arguments find their parameters, and what happens to each.

A signature is written as its library writes it. A parameter is one of four kinds: it is *read* (the constructor's row
says what it becomes), it is *data* (tensors, which no description holds), it is *left out* (it changes no number that a
description tells; LEFT_OUT says why), or it must keep its default, because nothing here can say what it means.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from rnnc.diagnostics import DiagnosticError, Span
from rnnc.importing.python.values import Given, Made, Names, Reference, problem
from rnnc.semantics.scopes.scope import did_you_mean

if TYPE_CHECKING:
    from rnnc.importing.libraries.recurrences import Recurrence
    from rnnc.importing.pieces.lowering import Call
    from rnnc.importing.pieces.network import Meaning
    from rnnc.importing.texts.evaluate import Evaluator

INITIAL = "initial values are set in the parameters of the module"
TRAINING = "it belongs to training"
DRAWN = "masks are drawn from the seed that a call is given"
STORED = "it says how weights are stored or a graph is run, not what is computed"
WIDTH = "a description says how wide the input is only where something in it needs that"
STATES = "a module takes and gives the states of every call"

_BY_REASON = {
    INITIAL: """
    initializer initializers kernel_initializer bias_initializer recurrent_initializer embeddings_initializer norm_gain
    norm_shift beta_initializer gamma_initializer
    """,
    TRAINING: """
    kernel_regularizer recurrent_regularizer bias_regularizer activity_regularizer embeddings_regularizer
    kernel_constraint recurrent_constraint bias_constraint embeddings_constraint trainable trainable_ratio_on
    beta_regularizer gamma_regularizer beta_constraint gamma_constraint padding_idx scale_grad_by_freq
    """,
    DRAWN: "seed dropout_prob_seed",
    STORED: """
    name reuse state_is_tuple num_unit_shards num_proj_shards device compile_stateful use_dynamic_rnn
    implementation unroll use_cudnn time_major batch_first weights inplace
    """,
    WIDTH: "input_size",
    STATES: "return_state stateful state_saver state_name",
}
LEFT_OUT = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
NOTED = ("name", "state_is_tuple")  # left out, and yet of interest to what stands around the object
WIDTHS = ("input_size", "in_features")  # which PyTorch's layers are told of what they are called on
SHAPES = ("shape", "input_shape", "batch_shape", "batch_input_shape")  # data, which may tell how many steps there are
_DATA = """
    inputs dtype sequence_length initial_state initial_state_fw initial_state_bw initial_states_fw initial_states_bw
    parallel_iterations swap_memory scope input_shape input_dim input_length batch_input_shape batch_shape
    batch_size shape input_tensor tensor sparse ragged optional in_features
"""
DATA = frozenset(_DATA.split())
# What `**kwargs` takes in the constructors of layers.
_EXTRA = """
    name dtype trainable input_shape input_dim input_length batch_input_shape batch_shape batch_size
    implementation time_major weights reuse device input_tensor sparse ragged optional
"""
EXTRA = frozenset(_EXTRA.split())


@dataclass(frozen=True)
class Parameter:
    """A parameter of a constructor; `default` is a plain value, and means nothing where the parameter is `required`."""

    name: str
    default: object
    required: bool
    keyword_only: bool


@dataclass(frozen=True)
class Constructor:
    """A class or function of a library: its signature, the parameters that are read, and what a call of it means."""

    name: str
    library: str
    signature: str | None  # None: whatever is passed is not read
    reads: frozenset[str]
    lower: Callable[[Call], Meaning]
    computes: Callable[[Call, str], str] | None = None  # what it makes of a text, where it is an activation
    states: Callable[[Made], tuple[str, ...]] | None = None  # what states it has, where others can be given them
    runs: Callable[[Call], Recurrence] | None = None  # the cells that it runs, where it has such states
    has_weights: bool = True  # so that one object in two places is one set of them

    @cached_property
    def parameters(self) -> Mapping[str, Parameter]:
        """All parameters by name, in order."""
        return {parameter.name: parameter for parameter in _parameters(self.signature or "")}

    @cached_property
    def _several(self) -> str | None:
        """The parameter that takes all further arguments in order, `*layers`."""
        found = re.search(r"(?<![*\w])\*(\w+)", self.signature or "")
        return found[1] if found is not None else None

    @cached_property
    def takes_more(self) -> bool:
        return self.signature is None or self.signature.rstrip(" ,").endswith("**kwargs")

    def takes(self, keyword: str) -> bool:
        """Whether a call may pass this keyword."""
        return keyword in self.parameters or (self.takes_more and (keyword in EXTRA or self.signature is None))

    def bind(self, node: ast.Call, evaluator: Evaluator, names: Names, where: Span) -> Made:
        """The object that a call makes. E604: arguments without a parameter, or the other way round; E606: an argument
        that means something which cannot be said."""
        if self.signature is None:
            return Made(self, {}, (), evaluator.span(node))
        passed = self._assigned(node, evaluator)
        arguments: dict[str, Given] = {}
        for name, value in passed.items():
            if name in self.reads:
                arguments[name] = evaluator.argument(value, names, self.library)
            elif name in NOTED:
                arguments[name] = _noted(value, evaluator, names, self.library)
            elif name in WIDTHS and self.library == "torch":
                arguments[name] = evaluator.if_known(value, names)
            elif name in SHAPES and isinstance(value, ast.Tuple | ast.List):
                arguments[name] = Given([evaluator.if_known(each, names) for each in value.elts], evaluator.span(value))
            elif name not in DATA:
                self._left_out(name, value, evaluator.span(value))
        for parameter in self.parameters.values():
            if parameter.required and parameter.name not in passed and parameter.name not in DATA:
                raise problem("E604", f"`{self.name}` needs `{parameter.name}`", where, fix=f"{self.name}{self._shown}")
        noted = [name for name, value in passed.items() if self._is_noted(name, value)]
        return Made(self, arguments, tuple(noted), evaluator.span(node))

    @property
    def _shown(self) -> str:
        """The beginning of the signature, for messages."""
        text = " ".join((self.signature or "").split())
        return f"({text if len(text) < 100 else text[:100].rpartition(',')[0] + ', …'})"

    def _assigned(self, node: ast.Call, evaluator: Evaluator) -> dict[str, ast.expr]:
        """Every argument under the name of its parameter."""
        places = [parameter.name for parameter in self.parameters.values() if not parameter.keyword_only]
        if self._several is not None:
            rest = ast.copy_location(ast.List(elts=node.args[len(places) :], ctx=ast.Load()), node)
            node = ast.Call(func=node.func, args=[*node.args[: len(places)], rest], keywords=node.keywords)
            places.append(self._several)
        if len(node.args) > len(places):
            message = f"`{self.name}` takes {len(places)} arguments in order, not {len(node.args)}"
            raise problem("E604", message, evaluator.span(node.args[len(places)]), fix=f"{self.name}{self._shown}")
        passed = dict(zip(places, node.args, strict=False))
        for keyword in node.keywords:
            span = evaluator.span(keyword)
            assert keyword.arg is not None, "calls are spread out"
            is_written = span.text.startswith(keyword.arg)  # else it stands in a dictionary, `**options`
            name = Span(span.source, span.start, span.start + len(keyword.arg)) if is_written else span
            if keyword.arg in passed:
                raise problem("E604", f"`{keyword.arg}` is given twice", name)
            if not self.takes(keyword.arg):
                fix = did_you_mean(keyword.arg, self.parameters) or f"{self.name}{self._shown}"
                raise problem("E604", f"`{self.name}` has no argument `{keyword.arg}`", name, fix=fix)
            passed[keyword.arg] = keyword.value
        return passed

    def _left_out(self, name: str, value: ast.expr, span: Span) -> None:
        """An argument that is neither read nor data may be left out, or have its default."""
        if name in LEFT_OUT or self._is_default(name, value):
            return
        message = f"`{name}` of {self.name} says what a description cannot hold"
        raise problem("E606", message, span, fix="leave the argument out, and change the description by hand")

    def _is_default(self, name: str, value: ast.expr) -> bool:
        try:
            return name in self.parameters and ast.literal_eval(value) == self.parameters[name].default
        except (ValueError, TypeError, SyntaxError):
            return False

    def _is_noted(self, name: str, value: ast.expr) -> bool:
        return name in LEFT_OUT and name not in self.reads and not self._is_default(name, value)


def _noted(value: ast.expr, evaluator: Evaluator, names: Names, library: str) -> Given:
    """The value of an argument that need not be known: then it is a name that nothing gives a value."""
    try:
        return evaluator.argument(value, names, library)
    except DiagnosticError:
        return Given(Reference(ast.unparse(value)), evaluator.span(value))


def _parameters(signature: str) -> list[Parameter]:
    """The parameters of a signature, such as "units, activation='tanh', **kwargs"."""
    tree = ast.parse(f"def f({signature}): pass").body[0]
    assert isinstance(tree, ast.FunctionDef)
    found: list[Parameter] = []
    positional, defaults = tree.args.args, tree.args.defaults
    for place, argument in enumerate(positional):
        at = place - (len(positional) - len(defaults))
        found.append(Parameter(argument.arg, ast.literal_eval(defaults[at]) if at >= 0 else None, at < 0, False))
    for argument, default in zip(tree.args.kwonlyargs, tree.args.kw_defaults, strict=True):
        found.append(Parameter(argument.arg, ast.literal_eval(default) if default else None, default is None, True))
    return found
