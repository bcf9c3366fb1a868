"""The LALR automaton: runs over tokens by the tables of the grammar and calls the builder for every rule it completes.

It is Lark's algorithm on Lark's tables. It stands here because recovery from errors and keywords in context look into
its state, and because nothing then needs Lark where the tables are cached.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnc.syntax.build import Builder, Parts
from rnnc.syntax.tables import Rule, Tables
from rnnc.syntax.tokens import Token

END = "$END"


class Machine:
    """One run of the automaton: a stack of states, and of the values of what has been read."""

    def __init__(self, tables: Tables, start: str) -> None:
        self._rows = tables.states
        self._rules = tables.rules
        self._end = tables.ends[start]
        self._states = [tables.starts[start]]
        self._values: list[Any] = []
        self._builder = Builder()

    def feed(self, token: Token) -> tuple[bool, Any]:
        """Read a token: whether it fits and, for the end of the text, what the start rule gives.

        Raises DiagnosticError where a node that ends before the token cannot be built.
        """
        states, values, rows, rules = self._states, self._values, self._rows, self._rules
        terminal = token.type
        while True:
            if terminal == END and states[-1] == self._end:
                return True, values[-1]
            action = rows[states[-1]].get(terminal)
            if action is None:
                return False, None
            if action >= 0:
                states.append(action)
                values.append(token)
                return True, None
            rule = rules[-1 - action]
            first = len(values) - rule.size
            parts = values[first:]
            del values[first:], states[first + 1 :]
            value = parts[0] if rule.is_transparent and rule.size == 1 else self._value(rule, parts)
            states.append(rows[states[-1]][rule.origin])
            values.append(value)

    def _value(self, rule: Rule, parts: Parts) -> Any:
        """What a rule gives: a node of the builder's, or a list of parts for the rule around it."""
        if rule.inlined or any(rule.gaps):
            parts = _spread(rule, parts)
        return parts if rule.node is None else getattr(self._builder, rule.node)(parts)

    # --- looking at the state --------------------------------------------------------------------------------------

    def choices(self) -> Mapping[str, int]:
        """Terminals that may come next; some of them are refused only on a closer look, `accepts`."""
        return self._rows[self._states[-1]]

    def choices_after(self, terminal: str) -> Mapping[str, int] | None:
        """What may come after a terminal; None where that needs a closer look."""
        action = self.choices()[terminal]
        return self._rows[action] if action >= 0 else None

    def choices_at(self, height: int) -> set[str]:
        """Terminals that could have come when the stack had a height."""
        return set(self._rows[self._states[height - 1]])

    def accepts(self) -> set[str]:
        """Terminals that fit here."""
        return {name for name in self.choices() if _is_terminal(name) and self._fits(name)}

    def _fits(self, terminal: str) -> bool:
        above: list[int] = []  # states on top of those of the stack that have not been taken off
        left = len(self._states)
        while True:
            state = above[-1] if above else self._states[left - 1]
            if terminal == END and state == self._end:
                return True
            action = self._rows[state].get(terminal)
            if action is None or action >= 0:
                return action is not None
            rule = self._rules[-1 - action]
            left -= max(0, rule.size - len(above))
            del above[max(0, len(above) - rule.size) :]
            above.append(self._rows[above[-1] if above else self._states[left - 1]][rule.origin])

    @property
    def height(self) -> int:
        """How high the stack is: one state at the beginning, and one for each part that is not yet complete."""
        return len(self._states)

    def unwind(self, height: int) -> bool:
        """Forget what was read since the stack had a height; False where it has been lower in between."""
        if self.height < height:
            return False
        del self._states[height:]
        del self._values[height - 1 :]
        return True


def _spread(rule: Rule, parts: Parts) -> Parts:
    """The parts with those inlined that are lists, and None for every optional one that is missing."""
    if rule.inlined and rule.inlined[0] == 0 and not any(rule.gaps):
        spread: Parts = parts[0]  # a list that grows at its end is used on: nobody else has it
        rest = 1
    else:
        spread = []
        rest = 0
    for at in range(rest, rule.size):
        spread += [None] * rule.gaps[at]
        if at in rule.inlined:
            spread += parts[at]
        else:
            spread.append(parts[at])
    return spread + [None] * rule.gaps[rule.size] if rule.gaps[rule.size] else spread


def _is_terminal(name: str) -> bool:
    return name.isupper()
