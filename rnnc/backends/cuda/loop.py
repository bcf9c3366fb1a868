"""Loops over steps, or over stretches of them: as one kernel of the device where that fits, else as a loop of the host.

The arrays of a step are allocated once, before the loop. A carried value has two arrays, which change places after
every step; what is stacked is written into its row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnc.backends.cuda.behind import MOST, Behind
from rnnc.backends.cuda.block import DTYPES, Block
from rnnc.backends.cuda.elements import Home
from rnnc.backends.cuda.implicit import WINDOWS
from rnnc.backends.cuda.products import product_of
from rnnc.backends.cuda.report import Looped
from rnnc.backends.cuda.steps import StepBlock, varying
from rnnc.backends.cuda.teams.block import Member, TeamBlock, TeamLoop, Unfit, write_team
from rnnc.backends.cuda.teams.exchange import Swap
from rnnc.backends.escape import number as literal
from rnnc.ir.program import AttrValue, Carry, DType, Loop, Node, Op, Type, Value, reads


@dataclass
class _Step:
    """What a step consists of besides the nodes of the body, where its results go, and the arrays of carries."""

    nodes: list[Node]
    targets: dict[Value, Home]
    current: list[Home]
    following: list[Home]


def write_loops(outer: Block, loops: Sequence[Loop]) -> None:
    """Write loops that do not need one another into the block around them; their results are in memory afterwards."""
    plans: dict[tuple[str, ...], list[LoopWriter]] = {}
    for loop in loops:
        writer = _writer(outer, loop)
        plans.setdefault(tuple(writer.plans), []).append(writer)
    for guards, group in plans.items():
        for first in range(0, len(group), MOST):
            written = group[first : first + MOST]
            lines = [line for one in written for line in one.lines()]
            plan = ""
            if len(written) > 1:
                plan, lines = _together(outer, written, [one.member for one in written], lines)
            plans_behind, lines = _with_those_behind(outer, written, lines)
            asked = [*filter(None, [plan]), *plans_behind]
            if guards and asked:
                outer.line(f"{' = '.join(asked)} = None")
            outer.unless(guards, lines)
            for one in written:
                outer.homes.update(zip((carry.final for carry in one.loop.carries), one.step.current, strict=True))


def _writer(outer: Block, loop: Loop) -> LoopWriter:
    """What writes a loop, which others may have asked for already."""
    if loop not in outer.behind:
        outer.behind[loop] = LoopWriter(outer, loop)
    return outer.behind[loop]


class LoopWriter:
    """A loop while it is written; what it carries and collects has its arrays already."""

    def __init__(self, outer: Block, loop: Loop) -> None:
        self.outer, self.loop = outer, loop
        self.index, self.steps = ("n", outer.shared.names.new("steps")) if loop.chunk else ("t", outer.time)
        for value in loop.ys:
            outer.allocate(value[1])
        self.step = _step(outer, loop, self.index)
        self.member = Member(loop, self._enter_team)
        self.team: TeamLoop | None = None  # as a kernel of its own
        self.plans: list[str] = []  # the variables that say whether it runs behind others, where it can
        self._lines: list[str] | None = None

    def behind(self, how: Behind) -> Member:
        """The loop as one that runs behind others."""

        def enter(team: TeamBlock) -> list[Swap]:
            return self._enter_team(team, how.inside, how.between)

        return Member(how.inside, enter, how.lag)

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
        shared.kernels.loops.append(Looped(shared.program, (self.loop,), "", team, self.team))
        plan, asked = shared.names.new("team"), f'"{self.team.name}", B, {_planned(self.outer, self.team)}'
        return _either(self.outer, plan, f"launch.team({asked})", (team, self.team), [self.step], lines)

    def _steps(self) -> list[str]:
        """The loop step by step."""
        outer, loop = self.outer, self.loop
        if varying(loop):
            body = Block(outer.shared, self.steps, outer, most=str(loop.chunk) if loop.chunk else None)
            self._enter(body)
            return [*body.before, *_host_steps(outer, body, loop, self.step, index=self.index, steps=self.steps)]
        body = StepBlock(outer.shared, outer, reverse=loop.reverse)
        self._enter(body)
        return [*body.before, *_same_steps(outer, body, loop, self.step)]

    def _enter(self, block: Block, loop: Loop | None = None, between: Sequence[Op] = ()) -> None:
        step = self.step
        _enter(self.outer, block, loop or self.loop, self.index)
        block.homes.update(zip((carry.param for carry in self.loop.carries), step.current, strict=True))
        block.targets = dict(step.targets)
        block.write([*between, *step.nodes], list(step.targets))

    def _enter_team(self, team: TeamBlock, loop: Loop | None = None, between: Sequence[Op] = ()) -> list[Swap]:
        carries = list(zip(self.loop.carries, self.step.current, self.step.following, strict=True))
        for carry, home, _ in carries:
            team.own(home, carry.param.type)
        self._enter(team, loop, between)
        return [(a, b, carry.param.type) for carry, a, b in carries]


def _together(
    outer: Block, written: Sequence[LoopWriter], members: Sequence[Member], lines: list[str]
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
    shared.kernels.loops.append(Looped(shared.program, loops, "", team, kernel, max(lags)))
    apart = "".join(f"({_planned(outer, one)}), " for one in kernels)
    plan, asked = shared.names.new("team"), f'"{kernel.name}", B, ({_planned(outer, kernel)}), ({apart})'
    steps = [one.step for one in written]
    return plan, _either(outer, plan, f"launch.together({asked})", (team, kernel), steps, lines)


def _with_those_behind(outer: Block, written: Sequence[LoopWriter], lines: list[str]) -> tuple[list[str], list[str]]:
    """Loops with those that can run some steps behind them, as one kernel where that costs less: with as many of them
    as one kernel may have, else with fewer. And the variables that say whether."""
    found = sorted((one for first in written for one in outer.chains.get(first.loop, ())), key=lambda one: one.lag)
    behind = found[: MOST - len(written)]
    writers = [_writer(outer, one.loop) for one in behind]
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
    outer: Block, plan: str, asked: str, kernel: tuple[TeamBlock, TeamLoop], steps: Sequence[_Step], lines: list[str]
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


def _planned(outer: Block, kernel: TeamLoop) -> str:
    """What the planner is told of a loop."""
    products = "".join(
        f"({outer.size(features)}, {outer.size(summed)}, {slots}), " for features, summed, slots in kernel.products
    )
    work = f"{outer.size(kernel.work)}, {outer.size(kernel.sums)}"
    exchanged = "".join(f'({outer.size(one.features)}, "{one.number}", {one.batch}), ' for one in kernel.exchanged)
    return f"({products}), {work}, {outer.size(kernel.head_count)}, {kernel.alone}, {kernel.meetings}, ({exchanged})"


def _step(outer: Block, loop: Loop, index: str) -> _Step:
    """The nodes of a step with those that hand on carries and stack results."""
    front, left, valid = _validity(loop)
    step = _Step([*front, *loop.body], {}, *_carries(outer, loop))
    for carry, goal in zip(loop.carries, step.following, strict=True):
        if valid is not None and carry.param.type.batch:
            kept = _op(step, "where", (valid, carry.next, carry.param), carry.param.type)
        else:
            kept = _op(step, "cuda.full", (carry.next,), carry.param.type)
        step.targets[kept] = goal
        if carry.before is not None:
            outer.allocate(carry.before)
            before = _op(step, "cuda.full", (carry.param,), carry.param.type)
            step.targets[before] = Home(outer.array(carry.before), _row(carry.param.type, index))
    for value, seq in loop.ys:
        timed = loop.chunk is not None and value.type.time
        stacked = _stacked(step, value, seq.type.with_(time=timed), left if timed else valid)
        step.targets[stacked] = Home(outer.array(seq), _row(stacked.type, index))
    return step


def _full(outer: Block, carry: Carry) -> str:
    """The first value of a carry, as a whole array of its own (a literal where it is a number)."""
    if carry.init in outer.numbers:
        number = outer.numbers[carry.init]
        return literal(number) if isinstance(number, int | float) else outer.size(number)
    return outer.array(carry.init) + _stretch(carry.init.type, carry.param.type)


def _stretch(type: Type, whole: Type) -> str:
    """The index that brings an array in line with a larger type: numbers of rows with features."""
    return f"[..., {', '.join(['None'] * whole.rank)}]" if type.batch and whole.rank and not type.rank else ""


def _enter(outer: Block, body: Block, loop: Loop, index: str) -> None:
    """Say where the elements of a step are."""
    for seq, param in loop.xs:
        if seq in outer.numbers:
            body.numbers[param] = outer.numbers[seq]
            continue
        home = outer.home(seq) or outer.promised(seq)
        body.place(param, home.host, _row(param.type, index), nullable=home.nullable)


def _validity(loop: Loop) -> tuple[list[Node], Value | None, Value | None]:
    """Nodes that say which rows count: what the body reads of it, and bool[batch] for the step or the whole stretch."""
    if loop.lengths is None:
        return [], None, None
    if not loop.chunk:
        valid = loop.valid or Value(Type((), DType.BOOL, batch=True), "valid")
        return [Op("cuda.valid", (loop.lengths,), (valid,))], valid, valid
    left = loop.valid or Value(Type((), DType.INT, batch=True), "left")
    valid = Value(Type((), DType.BOOL, batch=True), "valid")
    return [Op("cuda.left", (loop.lengths,), (left,)), Op("cuda.any_left", (left,), (valid,))], left, valid


def _carries(outer: Block, loop: Loop) -> tuple[list[Home], list[Home]]:
    """Two arrays for each carried value; the first one holds it before the step.

    Of halves, what products do not read is kept as float32: sums over many steps need the digits.
    """
    current: list[Home] = []
    following: list[Home] = []
    multiplied = {arg for node in loop.body if product_of(node) is not None for arg in reads(node)}
    multiplied |= {arg for node in loop.body if node.outs and node.outs[0] in multiplied for arg in _image(node)}
    for carry, init in zip(loop.carries, [_full(outer, carry) for carry in loop.carries], strict=True):
        name = outer.shared.names.new(carry.param.name or "state")
        other = outer.shared.names.new(f"{carry.param.name or 'state'}_next")
        wide = carry.param.type.dtype is DType.FLOAT and carry.param not in multiplied
        outer.shared.wide |= wide
        shape, dtype = outer.shape(carry.param.type), "wt" if wide else DTYPES[carry.param.type.dtype]
        outer.line(f"{name}, {other} = cp.empty({shape}, {dtype}), cp.empty({shape}, {dtype})")
        outer.line(f"{name}[...] = {init}")
        current.append(Home(name, wide=wide))
        following.append(Home(other, wide=wide))
    return current, following


def _image(node: Node) -> tuple[Value, ...]:
    """What windows are of."""
    return node.args if isinstance(node, Op) and node.name in WINDOWS else ()


def _op(step: _Step, name: str, args: tuple[Value, ...], type: Type, **attrs: AttrValue) -> Value:
    out = Value(type)
    step.nodes.append(Op(name, args, (out,), tuple(sorted(attrs.items()))))
    return out


def _stacked(step: _Step, value: Value, type: Type, counts: Value | None) -> Value:
    """A result as it is stacked: whole, and zero where rows do not count."""
    if counts is None or not type.batch:
        return _op(step, "cuda.full", (value,), type)
    if type.time:
        return _op(step, "fill_past", (value, counts), type, value=0.0)
    return _op(step, "masked", (value, counts), type)


def _row(type: Type, index: str) -> str:
    """The index of a step (or stretch) in a sequence; single numbers are arrays, too."""
    if type.time:
        return "[start:stop]"
    return f"[{index}]" if type.batch or type.rank else f"[{index}, ...]"


def _same_steps(outer: Block, body: Block, loop: Loop, step: _Step) -> list[str]:
    """Steps that are the same launches, as a function of what is carried."""
    current, following = ([home.array for home in homes] for homes in (step.current, step.following))
    head = f"def step({', '.join(['launch', 't', *current, 't_next', *following])}):"
    carried = [f"({''.join(f'{array}, ' for array in arrays)})" for arrays in (current, following)]
    loops = f"launch.steps({', '.join([outer.time, 'step', *carried])}{', reverse=True' if loop.reverse else ''})"
    after = f"{', '.join(current)}, = {loops}" if current else loops
    return [head, *("    " + line for line in body.lines or ["pass"]), after]


def _host_steps(outer: Block, body: Block, loop: Loop, step: _Step, *, index: str, steps: str) -> list[str]:
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


def _exchange(step: _Step) -> str:
    """Carries change places."""
    current, following = ([home.array for home in homes] for homes in (step.current, step.following))
    return f"{', '.join([*current, *following])} = {', '.join([*following, *current])}"
