"""The text of one kernel while it is written: parameters, the statements of its body, names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import PurePath

from rnnc.backends.cuda.kernels.words import RESERVED, defined
from rnnc.backends.escape import Names, c_comment
from rnnc.diagnostics import Span
from rnnc.ir.program import DType, Value
from rnnc.ir.size import Quotient, Size

PARAMETERS = 4096  # bytes of a kernel's parameters that every device and version takes
C_TYPES = {DType.FLOAT: "real", DType.INT: "int", DType.BOOL: "bool"}
STORED = {**C_TYPES, DType.FLOAT: "item"}  # how arrays hold them: halves are computed with as float
_NAME = re.compile(r"(?<![.\w])[A-Za-z_]\w*")  # neither a member nor the end of a number
_WORD = re.compile(r"[A-Za-z_]\w*")
_CONSTANTS = re.compile(r"\s*const (?:long long|int|real|bool) \w+ = [^;{]*;")
_CONSTANT = re.compile(r"[ ,] *(\w+) = ")


@dataclass
class Argument:
    """A parameter of a kernel: its type, what the host gives it, and for arrays whether the kernel writes them."""

    type: str
    host: str
    array: bool = False
    written: bool = False

    def declaration(self, name: str, *, shared: bool) -> str:
        """As C++ has it. `shared`: other threads may read what the kernel itself writes."""
        if not self.array:
            return f"{self.type} {name}"
        if not self.written:
            return f"const {self.type}* __restrict__ {name}"
        return f"{self.type}*{'' if shared else ' __restrict__'} {name}"


@dataclass
class Kernel:
    """Statements over the elements of arrays. `sizes` are the symbols of sizes by their variables on the host.

    `local` are names that the statements around define, `shared` says that threads read what others have written.
    """

    sizes: dict[str, str]
    local: frozenset[str] = frozenset()
    shared: bool = False
    arguments: dict[str, Argument] = field(default_factory=dict[str, Argument])
    lines: list[str] = field(default_factory=list[str])
    depth: int = 0
    more: list[str] = field(default_factory=list[str])  # declarations of what the launch adds
    spans: set[Span] = field(default_factory=set[Span])  # of what has been computed

    def __post_init__(self) -> None:
        self.names = Names((*RESERVED, *defined(), *self.local, *self.sizes.values()))
        self.formulas: dict[str, str] = {}  # of whole numbers that were bound
        self._types: dict[str, str] = {}  # of variables
        self._scopes: list[dict[tuple[Value, tuple[str, ...]], str]] = [{}]
        self._pointers: dict[str, str] = {}
        self._wholes: dict[str, str] = {}
        self._numbered: dict[tuple[tuple[str, ...], int], int] = {}
        self.symbols: set[str] = set()  # the parameters that are sizes

    # --- statements ---------------------------------------------------------------------------------------------------

    def line(self, text: str) -> None:
        """Append a statement."""
        self.lines.append("  " * self.depth + text)

    @contextmanager
    def braces(self, head: str, tail: str = "") -> Generator[None]:
        """A block of statements; what is computed in it is not known after it."""
        self.line(f"{head} {{".lstrip())
        with self.apart(1):
            yield
        self.line("}" + tail)

    @contextmanager
    def apart(self, depth: int) -> Generator[int]:
        """Statements that stand deeper, and of which nothing is known after them; the place of the first one."""
        self._scopes.append({})
        self.depth += depth
        yield len(self.lines)
        self.depth -= depth
        self._scopes.pop()

    def bind(self, type: str, hint: str, text: str) -> str:
        """A new variable with the value of an expression."""
        name = self.names.new(hint)
        self.line(f"const {type} {name} = {text};")
        self._types[name] = type
        if type == "long long":
            self.formulas[name] = text
        return name

    def variable(self, type: str, hint: str, text: str) -> str:
        """A new variable that the next statements still change."""
        name = self.names.new(hint)
        self.line(f"{type} {name} = {text};")
        self._types[name] = type
        return name

    def numbered(self, *stems: str, number: int) -> int:
        """The number behind the names that the statements around define as their first, second, … of a kind: that
        number, or one further on where the description has such names."""
        if (stems, number) not in self._numbered:
            self._numbered[stems, number] = self.names.numbered(*stems, first=number)
        return self._numbered[stems, number]

    def holds(self, text: str, type: str) -> bool:
        """Whether an expression is a variable of that type, which needs no other one."""
        return self._types.get(text) == type

    def known(self, value: Value, index: tuple[str, ...]) -> str | None:
        """The variable that holds an element, if it has been computed here or in a block around."""
        for scope in reversed(self._scopes):
            if (value, index) in scope:
                return scope[value, index]
        return None

    def remember(self, value: Value, index: tuple[str, ...], name: str) -> str:
        self._scopes[-1][value, index] = name
        return name

    def needed(self) -> list[str]:
        """The statements, but for constants that nothing reads: the index along an axis that an operand lacks, say."""
        uses = Counter(word for line in self.lines for word in _words(line))
        found: list[str] = []
        for line in reversed(self.lines):
            constants = _CONSTANT.findall(line) if _CONSTANTS.fullmatch(line) else []
            if constants and all(uses[name] == 1 for name in constants) and "_sync(" not in line:  # a warp meets there
                uses.subtract(_words(line))
            else:
                found.append(line)
        return found[::-1]

    def anonymous(self, text: str) -> str:
        """Its text without comments and with variables and parameters by numbers, in the order in which they appear:
        kernels of which that is the same are one kernel."""
        own, numbers = self.names.handed_out | self.arguments.keys(), dict[str, str]()

        def numbered(word: re.Match[str]) -> str:
            return numbers.setdefault(word[0], f"${len(numbers)}") if word[0] in own else word[0]

        lines = (line for line in text.split("\n") if not line.lstrip().startswith("//"))
        return _NAME.sub(numbered, " ".join(word for line in lines for word in line.split()))

    def comments(self) -> list[str]:
        """The lines of the description that the statements so far come from, in its order; which are then forgotten."""
        found: dict[tuple[str, int], str] = {}
        for span in self.spans:
            text = span.source.text
            start = text.rfind("\n", 0, span.start) + 1
            found[PurePath(span.source.name).name, start] = text[start:].split("\n", 1)[0].strip()
        self.spans.clear()
        return [c_comment(found[place]) for place in sorted(found)]

    # --- parameters ---------------------------------------------------------------------------------------------------

    def pointer(self, host: str, dtype: DType, *, written: bool = False, wide: bool = False) -> str:
        """The parameter for an array of the host; `wide` where that holds floats as they are computed with."""
        if host not in self._pointers:
            name = self._pointers[host] = self.names.new(host.split("[")[0])
            self.arguments[name] = Argument((C_TYPES if wide else STORED)[dtype], host, array=True)
        name = self._pointers[host]
        self.arguments[name].written |= written
        return name

    def scalar(self, name: str, host: str) -> str:
        """A whole number of the host as a parameter of that name; nothing more where the kernel has it already."""
        if name not in self.local:
            self.arguments.setdefault(name, Argument("long long", host))
        return name

    def whole(self, hint: str, host: str) -> str:
        """The parameter that has the value of a whole-number expression of the host."""
        if host.isdecimal():
            return host
        if host not in self._wholes:
            self._wholes[host] = self.scalar(self.names.new(hint), host)
        return self._wholes[host]

    def head(self) -> list[str]:
        """The declarations of all parameters."""
        declared = (argument.declaration(name, shared=self.shared) for name, argument in self.arguments.items())
        return [*declared, *self.more]

    def size(self, size: Size) -> str:
        """A size as an expression; its symbols become parameters."""
        text = ""
        for monomial, factor in sorted(size.terms, key=lambda term: (term[1] < 0, not term[0])):  # row - 1
            part = self._monomial(monomial, abs(factor))
            sign = "-" if factor < 0 else "+"
            text = f"{text} {sign} {part}" if text else part if factor > 0 else f"-{part}"
        text = text or "0"
        return text if re.fullmatch(r"\w+", text) else f"({text})"

    def _monomial(self, monomial: Sequence[str | Quotient], factor: int) -> str:
        parts = [str(factor)] if factor != 1 or not monomial else []
        for atom in monomial:
            if isinstance(atom, str):
                parts.append(self._symbol(self.sizes[atom]))
            else:  # sizes are not negative, so C's quotients are those of the language
                sign = "/" if atom.op == "//" else "%"
                parts.append(f"({self.size(atom.left)} {sign} {self.size(atom.right)})")
        return " * ".join(parts)

    def _symbol(self, host: str) -> str:
        """The parameter for a size of the host, under another name where that means something here."""
        taken = host in RESERVED or host in defined() or host in self.local
        name = self.whole(host, host) if taken else self.scalar(host, host)
        self.symbols.add(name)
        return name


def _words(line: str) -> list[str]:
    """The names in a statement."""
    return [] if line.lstrip().startswith("//") else _WORD.findall(line)
