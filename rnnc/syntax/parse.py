"""From text to the syntax tree: Lark's LALR tables, driven token by token.

Driving them here gives three things: a word is a keyword only where the grammar can go on with it, a statement that is
wrong is left out and the rest is still read, and no depth of nesting meets the limits of Python's stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

from lark.exceptions import UnexpectedToken
from lark.parsers.lalr_interactive_parser import InteractiveParser

from rnnc.diagnostics import Diagnostic, DiagnosticError, Diagnostics, Source, Span
from rnnc.syntax import ast
from rnnc.syntax.brackets import arrange
from rnnc.syntax.build import Definitions
from rnnc.syntax.depth import check_depth
from rnnc.syntax.explain import Problem, explain
from rnnc.syntax.lexer import MAX_ERRORS, tokenize
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

    def __init__(self, source: Source, start: str, diagnostics: Diagnostics) -> None:
        self.tables = tables()
        self.diagnostics = diagnostics
        self.tokens = arrange(tokenize(source, self.tables, diagnostics), diagnostics)
        end = Span(source, len(source.text), len(source.text))
        self.tokens.append(Token("$END", "", end))
        self.is_file = start == "file"
        self.parser: InteractiveParser = self.tables.parser.parse_interactive(start=start)
        self.begun = [_Beginning(height=1, first=0, is_next=False)]  # of the file's and every open block's last
        self.repairs = 0
        self.failed = -1

    def result(self) -> Any:
        """What the start rule gives, None where nothing could be read."""
        at = 0
        result = None
        while at < len(self.tokens):
            token = self.tokens[at]
            try:
                result = self._feed(at, token)
            except UnexpectedToken:
                at = self._recover(at, None)
                continue
            except DiagnosticError as error:
                at = self._recover(at, error)
                continue
            if token.type == "LBRACE":
                self.begun.append(_Beginning(self._height, at + 1, False))
            elif token.type == "RBRACE":
                self.begun.pop()
            elif token.type == "NEWLINE":
                self.begun[-1] = _Beginning(self._height, at + 1, True)
                self.repairs = 0
            at += 1
        return result

    @property
    def _height(self) -> int:
        return len(self.parser.parser_state.state_stack)

    def _feed(self, at: int, token: Token) -> Any:
        """Give a token to the parser; the end of the file gives the result."""
        if token.keyword and self._is_keyword(at, token.keyword):
            token = Token(token.keyword, token.text, token.span)
        return self.parser.feed_token(cast(Any, token))

    def _is_keyword(self, at: int, keyword: str) -> bool:
        """Whether the grammar can go on with a word as a keyword, and then with what follows it."""
        action = self.parser.choices().get(keyword)
        if action is None:
            return False
        if "NAME" not in self.parser.choices():
            return True
        kind, state = action
        if kind.name != "Shift":
            return True
        following = self.tokens[at + 1]
        choices = self.parser.parser_state.parse_conf.states[state]
        return following.type in choices or following.keyword in choices

    # --- errors ----------------------------------------------------------------------------------------------------

    def _recover(self, at: int, error: DiagnosticError | None) -> int:
        """Report what is wrong at a token; the token to go on with."""
        begun = self.begun[-1]
        problem = self._problem(at, begun, error)
        if not self._is_known(begun.first, at):
            self.diagnostics.add(problem.diagnostic)
        is_stuck = self.failed == at and problem.repair is None
        self.failed = at
        if is_stuck or not self.is_file or len(self.diagnostics) >= MAX_ERRORS or not self._unwind(begun.height):
            return len(self.tokens)
        if problem.repair is not None and self.repairs < MAX_REPAIRS:
            self.repairs += 1
            self.tokens[problem.repair.start : problem.repair.end] = problem.repair.tokens
            return begun.first
        at = self._end_of_statement(at)
        if begun.is_next:  # the newline before it ends the statement before it
            self._unwind(begun.height - 1)
        elif self.tokens[at].type == "NEWLINE":
            at += 1
            self.begun[-1] = _Beginning(begun.height, at, False)
        return at

    def _problem(self, at: int, begun: _Beginning, error: DiagnosticError | None) -> Problem:
        if error is not None:
            return Problem(error.diagnostics[0])
        state = self.parser.parser_state
        start = state.parse_conf.states[state.state_stack[begun.height - 1]]
        return explain(self.tokens, at, begun.first, set(self.parser.choices()), set(start), self.tables.spelling)

    def _is_known(self, first: int, at: int) -> bool:
        """Whether the statement has an error already; another one would likely be its consequence."""
        start, end = self.tokens[first].span.start, self.tokens[at].span.end
        return any(d.span is not None and start <= d.span.start <= end for d in self.diagnostics)

    def _unwind(self, height: int) -> bool:
        """Forget what the parser has read beyond a height; False where it has gone back behind it already."""
        state = self.parser.parser_state
        if len(state.state_stack) < height:
            return False
        del state.state_stack[height:]
        del state.value_stack[height - 1 :]
        return True

    def _end_of_statement(self, at: int) -> int:
        depth = 0
        while depth or self.tokens[at].type not in ("NEWLINE", "RBRACE", "$END"):
            type_ = self.tokens[at].type
            depth += (type_ == "LBRACE") - (type_ == "RBRACE")
            at += 1
        return at
