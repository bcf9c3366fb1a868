"""Reads the text form of programs (see `rnnc.ir.text`)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar, cast, get_args

from rnnc.ir.program import AttrValue, Axis, Carry, DType, Loop, Node, Op, Port, Program, Role, Type, Value
from rnnc.ir.size import Size

_TOKEN = re.compile(
    r"""
    (?P<skip>   \s+ | \#[^\n]* )
  | (?P<value>  % (?: "(?:[^"\\]|\\.)*" | \d+ | [^\W\d][\w.']*(?:\[[\w,-]*\][\w.']*)* ) )
  | (?P<string> "(?:[^"\\]|\\.)*" )
  | (?P<number> \d+ (?:\.\d+)? (?:[eE][+-]?\d+)? )
  | (?P<word>   [^\W\d][\w.]* )
  | (?P<sign>   -> | // | [\[\](){}<>,:=+*%-] )
    """,
    re.VERBOSE,
)
_WORDS: dict[str, AttrValue] = {
    "true": True,
    "false": False,
    "none": None,
    "inf": float("inf"),
    "nan": float("nan"),
}
_T = TypeVar("_T")


class TextError(ValueError):
    """The text is not the text form of a program; the message starts with the line."""


def read_program(text: str) -> Program:
    """The program that a text describes. Raises `TextError`. Types are taken as written: see `verify`."""
    return _Reader(text).program()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


class _Reader:
    def __init__(self, text: str) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._values: dict[str, Value] = {}
        self._taken: set[str] = set()

    # Structure --------------------------------------------------------------------------------------------------------

    def program(self) -> Program:
        self._expect("program")
        name = self._string()
        self._expect("{")
        inputs: list[Port] = []
        while self._peek in get_args(Role):
            role, port_name = self._role(), self._string()
            self._expect("->")
            inputs.append(Port(role, port_name, self._define_typed()))
        nodes = self._block()
        outputs: list[Port] = []
        while not self._accept("}"):
            value = self._read()
            self._expect("->")
            outputs.append(Port(self._role(), self._string(), value))
        if self._peek:
            self._fail("nothing more")
        return Program(name, tuple(inputs), nodes, tuple(outputs))

    def _block(self) -> tuple[Node, ...]:
        nodes: list[Node] = []
        while True:
            if self._peek == "loop":
                nodes.append(self._loop())
            elif self._kind == "value" and self._after(1) in ("=", ","):
                nodes.append(self._op())
            else:
                return tuple(nodes)

    def _op(self) -> Op:
        names = self._separated(self._new_name)
        self._expect("=")
        name = self._take("word", "an operation")
        self._expect("(")
        args: list[Value] = []
        attrs: list[tuple[str, AttrValue]] = []
        while not self._accept(")"):
            if self._kind == "value":
                args.append(self._read())
            else:
                key = self._take("word", "an attribute")
                self._expect("=")
                attrs.append((key, self._attribute()))
            if self._peek != ")":
                self._expect(",")
        self._expect(":")
        types = self._separated(self._type)
        if len(types) != len(names):
            self._fail(f"{len(names)} types")
        outs = tuple(self._define(n, t) for n, t in zip(names, types, strict=True))
        return Op(name, tuple(args), outs, tuple(attrs))

    def _loop(self) -> Loop:
        self._expect("loop")
        name = self._string()
        reverse = self._accept("reverse")
        chunk = self._integer() if self._accept("chunk") else None
        like = self._read() if self._accept("like") else None
        lengths = self._read() if self._accept("lengths") else None
        valid = self._define_typed() if self._accept("valid") else None
        self._expect("{")
        xs: list[tuple[Value, Value]] = []
        while self._accept("each"):
            param = self._define_typed()
            self._expect("in")
            xs.append((self._read(), param))
        entering: list[tuple[Value, Value]] = []
        while self._accept("carry"):
            param = self._define_typed()
            self._expect("from")
            entering.append((self._read(), param))
        body = self._block()
        carries = tuple(self._next(init, param) for init, param in entering)
        ys: list[tuple[Value, Value]] = []
        while self._accept("yield"):
            value = self._read()
            self._expect("->")
            ys.append((value, self._define_typed()))
        self._expect("}")
        return Loop(tuple(xs), carries, body, tuple(ys), reverse, lengths, valid, chunk, like, name)

    def _next(self, init: Value, param: Value) -> Carry:
        self._expect("next")
        next_ = self._read()
        self._expect("of")
        if self._values.get(self._peek) is not param:
            self._fail("the carries in the order in which they entered")
        self._read()
        self._expect("->")
        final = self._define_typed()
        return Carry(init, param, next_, final, self._define_typed() if self._accept("before") else None)

    # Values, types, attributes ----------------------------------------------------------------------------------------

    def _read(self) -> Value:
        if self._kind == "value" and self._peek not in self._values:
            self._fail("a value that is defined")
        return self._values[self._take("value", "a value")]

    def _new_name(self) -> str:
        if self._peek in self._taken:
            self._fail("a new name")
        self._taken.add(self._peek)
        return self._take("value", "a value")

    def _define_typed(self) -> Value:
        name = self._new_name()
        self._expect(":")
        return self._define(name, self._type())

    def _define(self, token: str, type_: Type) -> Value:
        name = token[1:]
        hint = "" if name.isdigit() else cast(str, json.loads(name)) if name.startswith('"') else name
        self._values[token] = Value(type_, hint)
        return self._values[token]

    def _type(self) -> Type:
        if self._peek not in {dtype.value for dtype in DType}:
            self._fail("a type")
        word = self._take("word", "a type")
        leads = ""
        if self._accept("<"):
            leads = self._take("word", "T, B or TB")
            self._expect(">")
        return Type(self._axes(), DType(word), batch="B" in leads, time="T" in leads)

    def _axes(self) -> tuple[Axis, ...]:
        self._expect("[")
        axes = () if self._peek == "]" else tuple(self._separated(self._axis))
        self._expect("]")
        return axes

    def _axis(self) -> Axis:
        if self._after(1) == ":":
            label = self._string() if self._kind == "string" else self._take("word", "a label")
            self._expect(":")
            return Axis(label, self._size())
        size = self._size()
        return Axis(str(size), size)

    def _size(self) -> Size:
        total = -self._product() if self._accept("-") else self._product()
        while self._peek in ("+", "-"):
            total = total + self._product() if self._accept("+") else total - self._after_sign()
        return total

    def _after_sign(self) -> Size:
        self._expect("-")
        return self._product()

    def _product(self) -> Size:
        total = self._atom()
        while self._peek in ("*", "//", "%"):
            if self._accept("*"):
                total = total * self._atom()
            elif self._accept("//"):
                total = total // self._atom()
            else:
                self._expect("%")
                total = total % self._atom()
        return total

    def _atom(self) -> Size:
        if self._accept("("):
            size = self._size()
            self._expect(")")
            return size
        if self._kind == "number":
            return Size.of(self._integer())
        return Size.of(self._take("word", "a size"))

    def _attribute(self) -> AttrValue:
        if self._kind == "string":
            return self._string()
        if self._peek == "[":
            return self._axes()
        if self._accept("{"):
            size = self._size()
            self._expect("}")
            return size
        if self._accept("("):
            return self._tuple()
        if self._peek in _WORDS:
            return _WORDS[self._take("word", "a word")]
        if self._accept("-"):
            return -self._positive()
        return self._positive() if self._kind == "number" else self._type()

    def _tuple(self) -> tuple[AttrValue, ...]:
        items: list[AttrValue] = []
        while not self._accept(")"):
            items.append(self._attribute())
            if self._peek != ")":
                self._expect(",")
        return tuple(items)

    def _positive(self) -> int | float:
        if self._accept("inf"):
            return float("inf")
        text = self._take("number", "a number")
        return int(text) if text.isdigit() else float(text)

    def _integer(self) -> int:
        if not self._peek.isdigit():
            self._fail("a whole number")
        return int(self._take("number", "a whole number"))

    # Tokens -----------------------------------------------------------------------------------------------------------

    @property
    def _peek(self) -> str:
        return self._after(0)

    @property
    def _kind(self) -> str:
        return self._tokens[self._at].kind if self._at < len(self._tokens) else ""

    def _after(self, count: int) -> str:
        at = self._at + count
        return self._tokens[at].text if at < len(self._tokens) else ""

    def _accept(self, text: str) -> bool:
        found = self._peek == text
        self._at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._accept(text):
            self._fail(repr(text))

    def _take(self, kind: str, what: str) -> str:
        if self._kind != kind:
            self._fail(what)
        self._at += 1
        return self._tokens[self._at - 1].text

    def _string(self) -> str:
        return cast(str, json.loads(self._take("string", "a string")))

    def _role(self) -> Role:
        if self._peek not in get_args(Role):
            self._fail("a role")
        return cast(Role, self._take("word", "a role"))

    def _separated(self, item: Callable[[], _T]) -> list[_T]:
        items = [item()]
        while self._accept(","):
            items.append(item())
        return items

    def _fail(self, expected: str) -> NoReturn:
        if self._at < len(self._tokens):
            token = self._tokens[self._at]
            raise TextError(f"line {token.line}: expected {expected}, found {token.text}")
        raise TextError(f"at the end: expected {expected}")


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, line = 0, 1
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise TextError(f"line {line}: cannot read {text[at : at + 20]!r}")
        kind = cast(str, match.lastgroup)
        if kind != "skip":
            tokens.append(_Token(kind, match.group(), line))
        line += match.group().count("\n")
        at = match.end()
    return tokens
