"""Statements that are calls, whose results nobody keeps: what they do to something else, if anything."""

from __future__ import annotations

import ast
import re

from rnnc.importing.python.evaluates import Evaluates
from rnnc.importing.python.values import (
    Given,
    Instance,
    Made,
    Method,
    Names,
    Record,
    Reference,
    is_tensor,
)
from rnnc.importing.texts.reads import Reads

# Functions that look at arrays, and change none.
HARMLESS = re.compile(
    r"(^|\.)(print|pprint|breakpoint|isinstance|len|_?assert\w*|check\w*|info|debug|warning|warn|log\w*)$"
    r"|(^|\.)(logging|logger|log|warnings|debugging|summary|writer|profiler|chex)\."
    r"|\.(size|dim|numel|record_stream|retain_grad|register_hook|requires_grad_|set_shape|watch)$"
)
# Methods of lists, dictionaries and models of layers that change what these hold.
_MUTATORS = "append add extend insert pop remove clear reverse sort update setdefault popitem add_module"
MUTATORS = frozenset(_MUTATORS.split())
# Blocks that change no numbers of what is computed in them.
HARMLESS_BLOCKS = re.compile(
    r"name_scope|variable_scope|\bdevice\b|GradientTape|enable_grad|set_grad_enabled\(True\)|set_detect_anomaly"
    r"|record_function|profile|catch_warnings|as_default|\.scope\(|nvtx|Timer|timer|suppress|sdp_kernel|control_dependencies"
)


def is_harmless(call: ast.Call) -> bool:
    return HARMLESS.search(ast.unparse(call.func)) is not None


def mutated(ev: Evaluates, call: ast.Call, names: Names) -> ast.expr | None:
    """The list, dictionary or model of layers that a method changes: `cells` of `cells.pop()`."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in MUTATORS:
        return None
    value = ev.if_known(call.func.value, names).value
    is_model = isinstance(value, Made) and "layers" in value.constructor.parameters
    is_model = is_model or (isinstance(value, Made) and value.constructor.name == "Sequential")
    return call.func.value if is_model or isinstance(value, list | Record | Instance) else None


def has_tensor(ev: Evaluates, call: ast.Call, names: Names) -> bool:
    """Whether a call is given an array of a model, or is a method of one."""
    inner = [*call.args, *(keyword.value for keyword in call.keywords)]
    inner += [call.func.value] if isinstance(call.func, ast.Attribute) else []
    return any(_is_tensor(ev.if_known(each, names)) for each in inner)


def _is_tensor(given: Given) -> bool:
    value = given.value
    if isinstance(value, list):
        return any(_is_tensor(item) for item in value)
    return is_tensor(value)


def method_of(ev: Evaluates, call: ast.Call, names: Names) -> Method | None:
    """The function of an object of the text that a statement calls, `self.setup()`, if it is one."""
    if not isinstance(call.func, ast.Attribute) or not isinstance(call.func.value, ast.Name):
        return None
    value = ev.if_known(call.func, names).value
    return value if isinstance(value, Method) else None


def tell_training(ev: Reads, test: ast.expr) -> None:
    """Conditions that tell whether a model is trained: what stands there for training is left out."""
    for node in ast.walk(test):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name == "training":
            ev.remarks.add(
                f"`{ast.unparse(test)}` is read as of a model that is not trained: what it does in training is left out"
            )


def dropouts(ev: Evaluates, statement: ast.If, names: Names) -> list[ast.stmt] | None:
    """The statements below a condition that only says what dropout does by itself, `if self.training: y =
    F.dropout(y, 0.5)`, each told the condition; None for any other."""
    if ast.unparse(statement.test) not in ("self.training", "training") or statement.orelse:
        return None
    found: list[ast.stmt] = []
    for each in statement.body:
        if not isinstance(each, ast.Assign) or not isinstance(each.value, ast.Call):
            return None
        function = ev.if_known(each.value.func, names).value
        if isinstance(function, Made) and function.constructor.name == "Dropout":
            found.append(each)
        elif isinstance(function, Reference) and function.last == "dropout":
            told = [*each.value.keywords]
            if len(each.value.args) < 3 and all(keyword.arg != "training" for keyword in told):
                told.append(ast.copy_location(ast.keyword(arg="training", value=statement.test), each.value))
            call = ast.copy_location(ast.Call(func=each.value.func, args=each.value.args, keywords=told), each.value)
            found.append(ast.copy_location(ast.Assign(targets=each.targets, value=call), each))
        else:
            return None
    return found if ev.if_known(statement.test, names).value is False else None  # nobody says that it is trained
