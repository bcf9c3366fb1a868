"""Names that a description's values do not get in kernels, since they mean something else there."""

from __future__ import annotations

import re
from functools import cache

from rnnc.resources import resource_text

KEYWORDS = frozenset({
    "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch",
    "char", "char8_t", "char16_t", "char32_t", "class", "co_await", "co_return", "co_yield", "compl", "concept",
    "const", "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete",
    "do", "double", "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for",
    "friend", "goto", "if", "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq",
    "nullptr", "operator", "or", "or_eq", "private", "protected", "public", "register", "reinterpret_cast",
    "requires", "return", "short", "signed", "sizeof", "static", "static_assert", "static_cast", "struct",
    "switch", "template", "this", "thread_local", "throw", "true", "try", "typedef", "typeid", "typename",
    "union", "unsigned", "using", "virtual", "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
})  # fmt: skip
# What the skeleton of a kernel calls something else, and functions of CUDA that have a short name.
RESERVED = KEYWORDS | {
    "real", "item", "n", "k", "total", "t", "start", "stretch_steps", "T", "B", "steps", "threadIdx", "blockIdx", "now",
    "next", "blockDim", "gridDim", "smem", "half", "main", "exp", "log", "sin", "cos", "tan", "erf", "abs", "max",
    "min", "pow", "floor", "ceil", "sqrt", "tanh",
}  # fmt: skip
TEMPLATES = ("prelude", "teams", "joining", "exchange", "registers", "tiles", "math")  # what stands before kernels

_OUTSIDE = re.compile(r"^[^\s/}].*", re.MULTILINE)  # a line that is not inside of a definition
_DEFINED = re.compile(r"\b(?:struct|using|define) (\w+)|\bRNNC_UNARY\((\w+)|(\w\w+) ?\(|([A-Z]+_\w+)")


@cache
def defined() -> frozenset[str]:
    """What the text before kernels defines: functions, types, constants and macros."""
    lines = [line for name in TEMPLATES for line in _OUTSIDE.findall(resource_text(f"templates/cuda/{name}.cuh"))]
    return frozenset(word for line in lines for words in _DEFINED.findall(line) for word in words if word)
