"""From text to the syntax tree: the LALR automaton of the grammar, driven token by token.

A word is a keyword only where the grammar can go on with it; a statement that is wrong is reported and left out, and
the rest is still read; and no depth of nesting meets the limits of Python's stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from rnnc.diagnostics import DiagnosticError, Diagnostics, Source, Span
from rnnc.syntax import ast
from rnnc.syntax.build import Definitions
from rnnc.syntax.depth import check_depth
from rnnc.syntax.errors.brackets import arrange
from rnnc.syntax.errors.explain import explain
from rnnc.syntax.errors.place import Place, Problem
from rnnc.syntax.lexer import MAX_ERRORS, tokenize
from rnnc.syntax.machine import Machine
from rnnc.syntax.tables import tables
from rnnc.syntax.tokens import Token

MAX_REPAIRS = 3  # of one statement


def parse(source: Source) -> ast.File:
    """The syntax tree of a file. Raises DiagnosticError with every syntax error of the file."""
    diagnostics = Diagnostics()
    file = parse_partial(source, diagnostics)
    diagnostics.raise_errors()
    return file


def parse_partial(source: Source, diagnostics: Diagnostics) -> ast.File:
    """What can be read of a file; what cannot is left out, statement by statement, and reported."""
    found = Diagnostics()
    definitions = _Run(source, "file", found).result()
    if not isinstance(definitions, Definitions):
        definitions = Definitions((), None)
    file = ast.File(definitions.items, definitions.doc, span=Span(source, 0, len(source.text)))
    deep = check_depth(file)
    if deep is not None:
        found.add(deep)
        file = ast.File((), file.doc, span=file.span)
    diagnostics.extend(tuple(found))
    return file


def parse_expression(source: Source) -> ast.Expr:
    """The syntax tree of one expression, as the value of an option on the command line. Raises DiagnosticError."""
    diagnostics = Diagnostics()
    expression = _Run(source, "expression", diagnostics).result()
    diagnostics.raise_errors()
    deep = check_depth(cast(ast.Node, expression))
    if deep is not None:
        raise DiagnosticError([deep])
    return cast(ast.Expr, expression)


@dataclass(frozen=True, slots=True)
class _Beginning:
    """Where a statement or definition began: the height of the parser's stack, the index of the first token, and
    whether it is the next one after a newline."""

    height: int
    first: int
    is_next: bool


class _Run:
    """One run of the parser over one source."""

    def __init__(self, source: Source, start: Literal["file", "expression"], diagnostics: Diagnostics) -> None:
        self.tables = tables()
        self.diagnostics = diagnostics
        self.tokens = arrange(tokenize(source, self.tables, diagnostics), diagnostics)
        self.tokens.append(Token("$END", "", Span(source, len(source.text), len(source.text))))
        self.is_file = start == "file"
        self.machine = Machine(self.tables, start)
        self.begun = [_Beginning(height=1, first=0, is_next=False)]  # of the file's and every open block's last
        self.repairs = 0
        self.failed = -1  # the index of the last token that did not fit
        self.stray = -2  # the index of the end of the last line that begins no definition

    def result(self) -> Any:
        """What the start rule gives, None where it cannot be completed."""
        at = 0
        result = None
        while at < len(self.tokens):
            token = self.tokens[at]
            problem = None
            try:
                fits, result = self.machine.feed(self._in_context(at))
                if not fits:
                    problem = self._explain(at)
            except DiagnosticError as error:
                problem = Problem(error.diagnostics[0])
            if problem is not None:
                at = self._recover(at, problem)
                continue
            at += 1
            if token.type == "LBRACE":
                self.begun.append(_Beginning(self.machine.height, at, is_next=False))
            elif token.type == "RBRACE":
                self.begun.pop()
            elif token.type == "NEWLINE":
                self.begun[-1] = _Beginning(self.machine.height, at, is_next=True)
                self.repairs = 0
        return result

    def _in_context(self, at: int) -> Token:
        """A token as the grammar reads it here: a word as a keyword, if it can go on with it and what follows it."""
        token = self.tokens[at]
        if token.keyword is None:
            return token
        choices = self.machine.choices()
        if token.keyword not in choices:
            return token
        if "NAME" in choices:
            after, following = self.machine.choices_after(token.keyword), self.tokens[at + 1]
            if after is not None and following.type not in after and following.keyword not in after:
                return token
        return Token(token.keyword, token.text, token.span)

    # --- errors ----------------------------------------------------------------------------------------------------

    def _explain(self, at: int) -> Problem:
        begun = self.begun[-1]
        starts = self.machine.choices_at(begun.height)
        return explain(Place(self.tokens, at, begun.first, self.machine.accepts(), starts, self.tables.spelling))

    def _recover(self, at: int, problem: Problem) -> int:
        """Report what is wrong at a token; the token to go on with."""
        begun = self.begun[-1]
        is_stray = at == begun.first and problem.repair is None and "CELL" in self.machine.choices_at(begun.height)
        if not self._is_known(begun.first, at) and not (is_stray and self.stray == begun.first - 1):
            self.diagnostics.add(problem.diagnostic)  # of lines that begin no definition, of the first
        is_stuck = self.failed == at and problem.repair is None
        self.failed = at
        if is_stuck or not self.is_file or len(self.diagnostics) >= MAX_ERRORS:
            return len(self.tokens)
        if not self.machine.unwind(begun.height):
            return len(self.tokens)
        if problem.repair is not None and self.repairs < MAX_REPAIRS:
            self.repairs += 1
            self.tokens[problem.repair.start : problem.repair.end] = problem.repair.tokens
            return begun.first
        at = self._end_of_statement(at)
        self.stray = at if is_stray else self.stray
        if begun.is_next:  # the newline before it ended the statement before it, and is no longer needed
            self.machine.unwind(begun.height - 1)
        elif self.tokens[at].type == "NEWLINE":
            at += 1
            self.begun[-1] = _Beginning(begun.height, at, is_next=False)
        return at

    def _is_known(self, first: int, at: int) -> bool:
        """Whether the statement has an error already; another one would likely be its consequence."""
        start, end = self.tokens[first].span.start, self.tokens[at].span.end
        return any(d.span is not None and start <= d.span.start <= end for d in self.diagnostics)

    def _end_of_statement(self, at: int) -> int:
        """The index of the token that ends the statement around a token."""
        depth = 0
        while depth or self.tokens[at].type not in ("NEWLINE", "RBRACE", "$END"):
            type_ = self.tokens[at].type
            depth += (type_ == "LBRACE") - (type_ == "RBRACE")
            at += 1
        return at
