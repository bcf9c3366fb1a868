"""Lark's LALR automaton as the parser drives it: typed, and with the few things that recovery needs."""

from __future__ import annotations

from typing import Any

from lark.exceptions import UnexpectedToken

from rnnc.syntax.tables import Tables
from rnnc.syntax.tokens import Token


class Machine:
    """One run of the automaton: a stack of states, and of the values of what has been read."""

    def __init__(self, tables: Tables, start: str) -> None:
        automaton: Any = tables.parser  # Lark's own types say little here
        self._parser: Any = automaton.parse_interactive(start=start)
        self._state: Any = self._parser.parser_state

    def feed(self, token: Token) -> tuple[bool, Any]:
        """Read a token: whether it fits and, for the end of the text, what the start rule gives.

        Raises DiagnosticError where a node that ends before the token cannot be built.
        """
        try:
            return True, self._parser.feed_token(token)
        except UnexpectedToken:
            return False, None

    def choices(self) -> dict[str, Any]:
        """Terminals that may come next; some of them the automaton refuses only after it has looked closer."""
        return self._parser.choices()

    def choices_after(self, terminal: str) -> dict[str, Any] | None:
        """What may come after a terminal; None where that needs a closer look."""
        action, state = self._parser.choices()[terminal]
        return self._state.parse_conf.states[state] if action.name == "Shift" else None

    def choices_at(self, height: int) -> set[str]:
        """Terminals that could have come when the stack had a height."""
        return set(self._state.parse_conf.states[self._state.state_stack[height - 1]])

    def accepts(self) -> set[str]:
        """Terminals that fit here, exactly; takes its time."""
        return self._parser.accepts()

    @property
    def height(self) -> int:
        """How high the stack is: one state at the beginning, and one for each part that is not yet complete."""
        return len(self._state.state_stack)

    def unwind(self, height: int) -> bool:
        """Forget what was read since the stack had a height; False where it has been lower in between."""
        if self.height < height:
            return False
        del self._state.state_stack[height:]
        del self._state.value_stack[height - 1 :]
        return True
