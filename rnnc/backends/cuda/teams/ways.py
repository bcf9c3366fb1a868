"""How the loops of a kernel go through its steps: in either direction, and some of them steps behind others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Way:
    """How loops of a kernel go through its steps: in which direction, and how many behind the first ones.

    `number` is behind the names of its variables: the number of a step (`t`), whether there is another one (`more`),
    which arrays come first (`turned`), and, where not all loops have all steps, whether it `runs`.
    """

    reverse: bool
    lag: int
    number: str

    @property
    def step(self) -> str:
        return f"t{self.number}"

    def variables(self, steps: str, *, lags: bool) -> list[str]:
        """The numbers of this step and of the next one, and whether there is one."""
        t, number, end = self.step, self.number, f"{steps} + {self.lag}" if self.lag else steps
        forward = f"step - {self.lag}" if self.lag else "step"
        here, after = (f"{end} - 1 - step", f"{t} - 1") if self.reverse else (forward, f"{t} + 1")
        found = [f"const long long {t} = {here};", f"const long long {t}_next = {after};"]
        found.append(f"const bool more{number} = step + 1 < {end};")
        if lags:
            found.append(f"const bool runs{number} = {f'step >= {self.lag} && ' if self.lag else ''}step < {end};")
        return found

    def around(self, lines: Sequence[str], last: int) -> list[str]:
        """Statements of the loop, where the last loop is so many steps behind."""
        if not last or not lines:
            return list(lines)
        return [f"if (runs{self.number}) {{", *("  " + line for line in lines), "}"]


FIRST = Way(False, 0, "")
_NUMBERS = ("", "_2", "_3", "_4")
VARIABLES = frozenset(
    f"{name}{number}{more}"
    for number in _NUMBERS
    for name, more in (("t", ""), ("t", "_next"), ("more", ""), ("turned", ""), ("runs", ""))
)


def ways_of(kinds: Sequence[tuple[bool, int]]) -> list[Way]:
    """Those of loops, by their directions and how many steps they are behind; loops that go alike have the same one."""
    numbers = dict(zip(dict.fromkeys(kinds), _NUMBERS, strict=False))
    return [Way(*kind, numbers[kind]) for kind in kinds]
