"""The text of one kernel while it is written: parameters, the statements of its body, names."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rnnc.backends.escape import Names
from rnnc.ir.program import DType, Value
from rnnc.ir.size import Quotient, Size

C_TYPES = {DType.FLOAT: "real", DType.INT: "int", DType.BOOL: "bool"}
# What C++ and the skeleton of a kernel call something else.
RESERVED = frozenset({
    "real", "n", "k", "total", "t", "start", "stretch_steps", "T", "B", "steps", "threadIdx", "blockIdx", "blockDim",
    "gridDim", "f16", "bf16", "smem", "half", "asm", "auto", "bool", "int", "long", "const", "float", "double",
    "char", "void", "signed", "unsigned", "short", "struct", "union", "enum", "class", "template", "typename",
    "operator", "new", "delete", "this", "virtual", "static", "extern", "inline", "register", "volatile", "mutable",
    "switch", "case", "default", "do", "goto", "sizeof", "typedef", "namespace", "using", "public", "private",
    "protected", "friend", "catch", "throw", "explicit", "export", "main", "exp", "log", "sin", "cos", "tan", "erf",
    "abs", "max", "min", "pow", "floor", "ceil", "sqrt", "tanh", "true", "false", "xor", "or", "and", "not", "compl",
    "bitand", "bitor",
})  # fmt: skip


@dataclass(frozen=True)
class Argument:
    """A parameter of a kernel: its declaration, and the expression of the host that it gets."""

    declaration: str
    host: str


@dataclass
class Kernel:
    """Statements over the elements of arrays. `sizes` are the symbols of sizes by their variables on the host."""

    sizes: dict[str, str]
    arguments: dict[str, Argument] = field(default_factory=dict[str, Argument])
    lines: list[str] = field(default_factory=list[str])
    depth: int = 0

    def __post_init__(self) -> None:
        self.names = Names((*RESERVED, *self.sizes.values()))
        self._scopes: list[dict[tuple[Value, tuple[str, ...]], str]] = [{}]
        self._pointers: dict[tuple[str, bool], str] = {}

    # --- statements ---------------------------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Append a statement."""
        self.lines.append("  " * self.depth + text)

    @contextmanager
    def braces(self, head: str) -> Generator[None]:
        """A block of statements; what is computed in it is not known after it."""
        self.line(f"{head} {{")
        self._scopes.append({})
        self.depth += 1
        yield
        self.depth -= 1
        self._scopes.pop()
        self.line("}")

    def bind(self, type: str, hint: str, text: str) -> str:
        """A new variable with the value of an expression."""
        name = self.names.new(hint)
        self.line(f"const {type} {name} = {text};")
        return name

    def known(self, value: Value, index: tuple[str, ...]) -> str | None:
        """The variable that holds an element, if it has been computed here or in a block around."""
        for scope in reversed(self._scopes):
            if (value, index) in scope:
                return scope[value, index]
        return None

    def remember(self, value: Value, index: tuple[str, ...], name: str) -> str:
        self._scopes[-1][value, index] = name
        return name

    # --- parameters ---------------------------------------------------------------------------------------------------

    def pointer(self, host: str, dtype: DType, *, written: bool = False) -> str:
        """The parameter that points to an array of the host."""
        key = (host, written)
        if key not in self._pointers:
            name = self.names.new(host.split("[")[0])
            self._pointers[key] = name
            const = "" if written else "const "
            self.arguments[name] = Argument(f"{const}{C_TYPES[dtype]}* __restrict__ {name}", host)
        return self._pointers[key]

    def scalar(self, name: str, host: str) -> str:
        """A whole number of the host as a parameter of that name."""
        self.arguments.setdefault(name, Argument(f"long long {name}", host))
        return name

    def size(self, size: Size) -> str:
        """A size as an expression; its symbols become parameters."""
        text = " + ".join(self._monomial(monomial, factor) for monomial, factor in size.terms) or "0"
        return text if re.fullmatch(r"\w+", text) else f"({text})"

    def _monomial(self, monomial: Sequence[str | Quotient], factor: int) -> str:
        parts = [str(factor)] if factor != 1 or not monomial else []
        for atom in monomial:
            if isinstance(atom, str):
                parts.append(self.scalar(self.sizes[atom], self.sizes[atom]))
            else:  # sizes are not negative, so C's quotients are those of the language
                sign = "/" if atom.op == "//" else "%"
                parts.append(f"({self.size(atom.left)} {sign} {self.size(atom.right)})")
        return " * ".join(parts)
