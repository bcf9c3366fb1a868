"""Signatures of constructors: their parameters, and what happens to each.

A signature is written as its library writes it. A parameter is one of four kinds: it is *read* (the constructor's row
says what it becomes), it is *data* (tensors, which no description holds), it is *left out* (it changes no number that a
description tells; LEFT_OUT says why), or it must keep its default, because nothing here can say what it means.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

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


def several_of(signature: str) -> str | None:
    """The parameter that takes all further arguments in order, `*layers`."""
    found = re.search(r"(?<![*\w])\*(\w+)", signature)
    return found[1] if found is not None else None


def parameters_of(signature: str) -> list[Parameter]:
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
