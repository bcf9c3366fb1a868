"""The blocks of a function: straight code, and loops, which hold blocks themselves.

A loop over steps, or over stretches of them, runs as one kernel of the device where that fits, else as a loop of the
host.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from rnnc.backends.cuda.analysis.behind import MOST, Behind
from rnnc.backends.cuda.kernels.looped import Looped, TeamLoop
from rnnc.backends.cuda.kernels.shared import Shared
from rnnc.backends.cuda.loops.captured import StepBlock, varying
from rnnc.backends.cuda.loops.step import Step, enter, step_of
from rnnc.backends.cuda.straight.block import Block
from rnnc.backends.cuda.straight.stages import Straight
from rnnc.backends.cuda.teams.exchange import Swap
from rnnc.backends.cuda.teams.items import TeamBlock, Unfit
from rnnc.backends.cuda.teams.write import Member, products, write_team
from rnnc.backends.escape import string
from rnnc.ir.program import Loop, Op
from rnnc.ir.size import Size


class Body(Straight):
    """A block that writes loops, too."""

    def __init__(self, shared: Shared, time: str, around: Block | None = None, *, most: str | None = None) -> None:
        super().__init__(shared, time, around, most=most)
        self._writers: dict[Loop, LoopWriter] = {}

    def write_loops(self, loops: Sequence[Loop]) -> None:
        plans: dict[tuple[str, ...], list[LoopWriter]] = {}
        for loop in loops:
            writer = self.writer(loop)
            plans.setdefault(tuple(writer.plans), []).append(writer)
        for guards, group in plans.items():
            for first in range(0, len(group), MOST):
                written = group[first : first + MOST]
                lines = [line for one in written for line in one.lines()]
                plan = ""
                if len(written) > 1:
                    plan, lines = _together(self, written, [one.member for one in written], lines)
                plans_behind, lines = _with_those_behind(self, written, lines)
                asked = [*filter(None, [plan]), *plans_behind]
                if guards and asked:
                    self.line(f"{' = '.join(asked)} = None")
                self.unless(guards, lines)
                for one in written:
                    self.homes.update(zip((carry.final for carry in one.loop.carries), one.step.current, strict=True))

    def writer(self, loop: Loop) -> LoopWriter:
        """What writes a loop, which others may have asked for already."""
        if loop not in self._writers:
            self._writers[loop] = LoopWriter(self, loop)
        return self._writers[loop]


class LoopWriter:
    """A loop while it is written; what it carries and collects has its arrays already."""

    def __init__(self, outer: Body, loop: Loop) -> None:
        self.outer, self.loop = outer, loop
        self.index, self.steps = ("n", outer.shared.names.new("steps")) if loop.chunk else ("t", outer.time)
        for value in loop.ys:
            outer.allocate(value[1])
        self.step = step_of(outer, loop, self.index)
        self.member = Member(loop, self._enter_team)
        self.team: TeamLoop | None = None  # as a kernel of its own
        self.plans: list[str] = []  # the variables that say whether it runs behind others, where it can
        self._lines: list[str] | None = None

    def behind(self, how: Behind) -> Member:
        """The loop as one that runs behind others."""

        def enter_behind(block: TeamBlock) -> list[Swap]:
            return self._enter_team(block, how.inside, how.between)

        return Member(how.inside, enter_behind, how.lag)

    def lines(self) -> list[str]:
        """The loop as one kernel where the device has room for it, and step by step elsewhere."""
        if self._lines is None:
            self._lines = self._written()
        return self._lines

    def _written(self) -> list[str]:
        shared = self.outer.shared
        lines = self._steps()
        try:
            if shared.kernels.strategy == "step":
                raise Unfit("it is wanted step by step")
            team, self.team = write_team(self.outer, [self.member])
        except Unfit as refusal:
            shared.kernels.loops.append(Looped(shared.program, (self.loop,), str(refusal)))
            return lines
        shared.kernels.loops.append(Looped(shared.program, (self.loop,), "", self.team, products(team, (self.loop,))))
        plan, asked = shared.names.new("team"), f'"{self.team.name}", B, {_planned(self.outer, self.team)}'
        return _either(self.outer, plan, f"launch.team({asked})", (team, self.team), [self.step], lines)

    def _steps(self) -> list[str]:
        """The loop step by step."""
        outer, loop = self.outer, self.loop
        if varying(loop):
            body = Body(outer.shared, self.steps, outer, most=str(loop.chunk) if loop.chunk else None)
            self._enter(body)
            return [*body.before, *_host_steps(outer, body, loop, self.step, index=self.index, steps=self.steps)]
        body = StepBlock(outer.shared, outer, reverse=loop.reverse)
        self._enter(body)
        return [*body.before, *_same_steps(outer, body, loop, self.step)]

    def _enter(self, block: Straight, loop: Loop | None = None, between: Sequence[Op] = ()) -> None:
        step = self.step
        enter(self.outer, block, loop or self.loop, self.index)
        block.homes.update(zip((carry.param for carry in self.loop.carries), step.current, strict=True))
        block.targets = dict(step.targets)
        block.write([*between, *step.nodes], list(step.targets))

    def _enter_team(self, block: TeamBlock, loop: Loop | None = None, between: Sequence[Op] = ()) -> list[Swap]:
        carries = list(zip(self.loop.carries, self.step.current, self.step.following, strict=True))
        for carry, home, following in carries:
            block.team.own(home, following, carry.param.type)
        self._enter(block, loop, between)
        return [(a, b, carry.param.type) for carry, a, b in carries]


def _together(
    outer: Body, written: Sequence[LoopWriter], members: Sequence[Member], lines: list[str]
) -> tuple[str, list[str]]:
    """Loops as one kernel, where that costs less than one after the other; and the variable that says whether."""
    shared = outer.shared
    kernels = [one.team for one in written if one.team is not None]
    try:
        if len(kernels) < len(written):
            return "", lines
        team, kernel = write_team(outer, members)
    except Unfit:
        return "", lines
    loops, lags = tuple(one.loop for one in members), tuple(one.lag for one in members)
    shared.kernels.loops.append(Looped(shared.program, loops, "", kernel, products(team, loops), max(lags)))
    apart = "".join(f"{_planned(outer, one)}, " for one in kernels)
    plan, asked = shared.names.new("team"), f'"{kernel.name}", B, {_planned(outer, kernel)}, ({apart})'
    steps = [one.step for one in written]
    return plan, _either(outer, plan, f"launch.together({asked})", (team, kernel), steps, lines)


def _with_those_behind(outer: Body, written: Sequence[LoopWriter], lines: list[str]) -> tuple[list[str], list[str]]:
    """Loops with those that can run some steps behind them, as one kernel where that costs less: with as many of them
    as one kernel may have, else with fewer. And the variables that say whether."""
    found = sorted((one for first in written for one in outer.chains.get(first.loop, ())), key=lambda one: one.lag)
    behind = found[: MOST - len(written)]
    writers = [outer.writer(one.loop) for one in behind]
    for writer in writers:
        writer.lines()
    plans: dict[int, str] = {}
    for count in range(1, len(behind) + 1):
        if count < len(behind) and behind[count].lag == behind[count - 1].lag:
            continue  # half of a layer
        members = [one.member for one in written]
        members += [writer.behind(one) for writer, one in zip(writers, behind[:count], strict=False)]
        new, lines = _together(outer, [*written, *writers[:count]], members, lines)
        if new:
            plans[count] = new
    around = sorted(plans, reverse=True)  # a kernel of fewer loops is asked for where there is none of more
    for place, (writer, one) in enumerate(zip(writers, behind, strict=True)):
        mine = [plans[count] for count in around if count > place]
        writer.plans += mine
        for value in one.outside:
            outer.spared.setdefault(value, []).extend(mine)
    return [plans[count] for count in around], lines


def _either(
    outer: Body, plan: str, asked: str, kernel: tuple[TeamBlock, TeamLoop], steps: Sequence[Step], lines: list[str]
) -> list[str]:
    """A kernel, if the device gives a plan for it, or else these lines."""
    team, loop = kernel
    exchanged = [_exchange(step) for step in steps if step.current]
    return [
        f"{plan} = {asked}",
        f"if {plan} is None:",
        *("    " + line for line in lines),
        "else:",
        *("    " + line for line in team.before),
        f'    launch.loop("{loop.name}", {", ".join([plan, *loop.arguments])})',
        *([f"    if {outer.time} % 2:"] if exchanged else []),
        *("        " + line for line in exchanged),
    ]


def _planned(outer: Body, kernel: TeamLoop) -> str:
    """What the planner is told of a loop."""
    return f"_Loop({', '.join(f'{name}={_spelled(outer, fact)}' for name, fact in kernel.facts.items())})"


def _spelled(outer: Body, fact: Any) -> str:
    if isinstance(fact, tuple):
        parts = [_spelled(outer, one) for one in cast("tuple[Any, ...]", fact)]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    return outer.size(fact) if isinstance(fact, Size) else string(fact) if isinstance(fact, str) else repr(fact)


def _same_steps(outer: Body, body: Block, loop: Loop, step: Step) -> list[str]:
    """Steps that are the same launches, as a function of what is carried."""
    current, following = ([home.array for home in homes] for homes in (step.current, step.following))
    head = f"def step({', '.join(['launch', 't', *current, 't_next', *following])}):"
    carried = [f"({''.join(f'{array}, ' for array in arrays)})" for arrays in (current, following)]
    loops = f"launch.steps({', '.join([outer.time, 'step', *carried])}{', reverse=True' if loop.reverse else ''})"
    after = f"{', '.join(current)}, = {loops}" if current else loops
    return [head, *("    " + line for line in body.lines or ["pass"]), after]


def _host_steps(outer: Body, body: Block, loop: Loop, step: Step, *, index: str, steps: str) -> list[str]:
    """Steps of which the host knows the number."""
    count = f"-(-{outer.time} // {loop.chunk})" if loop.chunk else outer.time
    lines = list(body.lines)
    if loop.chunk:
        head = [f"start = {index} * {loop.chunk}", f"stop = min(start + {loop.chunk}, {outer.time})"]
        lines = [*head, f"{steps} = stop - start", *lines]
    if step.current:
        lines.append(_exchange(step))
    head = f"for {index} in {f'reversed(range({count}))' if loop.reverse else f'range({count})'}:"
    return [head, *("    " + line for line in lines or ["pass"])]


def _exchange(step: Step) -> str:
    """Carries change places."""
    current, following = ([home.array for home in homes] for homes in (step.current, step.following))
    return f"{', '.join([*current, *following])} = {', '.join([*following, *current])}"
