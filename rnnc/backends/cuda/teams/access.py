"""Elements inside a kernel that runs a whole loop: which ones other threads have made, and sums of products."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rnnc.backends.cuda.kernels.elements import Home, along, factor, place_of
from rnnc.backends.cuda.kernels.kernel import Kernel
from rnnc.backends.cuda.spelling.entry import Lanes
from rnnc.backends.cuda.straight.inner import InnerElements
from rnnc.backends.cuda.straight.stages import Straight
from rnnc.backends.cuda.teams.first import MOST_AHEAD, Ahead, Touched, Where, constants
from rnnc.backends.cuda.teams.team import Owner, Team, Total, number_of, owner_of, wide
from rnnc.backends.cuda.teams.tiles import NAMES, Multiplied, many
from rnnc.ir.program import Type, Value
from rnnc.ir.size import product

_NAME = re.compile(r"[A-Za-z_]\w*")
A_WARP = "a warp"  # has an element together, one of those that its block has of features
BETWEEN = "if (pass + at_once < team.rows) "  # not behind the last rows of an item


class Unfused(Exception):
    """A product that has to be in memory, since its readers want other elements than their own."""

    def __init__(self, value: Value) -> None:
        super().__init__(value.name)
        self.value = value


class Coupled(Exception):
    """An axis is not one of heads: what a step computes lacks it, or threads read what those of another head wrote."""


@dataclass(frozen=True)
class Place:
    """The elements that the threads of a team go through: all of a type, those of a row in `share`.

    Several threads have an element together where it is made of many `parts`, of which this is the number: a warp, of
    which the thread is a `lane`, or if there is nothing to share those that `joining.cuh` says. The first `heads` axes
    of the type are heads, of which a team has some.
    """

    type: Type
    share: str
    heads: int = 0
    parts: str = ""

    @property
    def lanes(self) -> Lanes | None:
        """The threads that have an element together."""
        if not self.parts:
            return None
        return Lanes("32", "lane") if self.share else Lanes("joining.count", "joining.lane", by="joining.")

    @property
    def owner(self) -> Owner:
        """The threads that have the elements."""
        return owner_of(self.type, self.heads, A_WARP if self.parts and self.share else self.parts)

    def beside(self, own: Sequence[str], walked: Sequence[str]) -> tuple[Type, Sequence[str]] | None:
        """An element, by its type and index, that threads of the same block have, if there is one: the one that a
        thread is at (`own`). `walked` is what it goes through with others."""
        del walked
        return (self.type, own) if self.share else None

    def where(self, kernel: Kernel) -> Where | None:
        """What threads go through, if each may have one element in all steps."""
        if not self.share or not self.type.batch or self.parts or self.heads:
            return None
        return Where(self.share, f"row * {kernel.size(product(self.type.shape))}")

    def around(self, lines: Sequence[str], elements: TeamElements) -> list[str]:
        """The statements of an item around those of an element."""
        batch, share, kernel = self.type.batch, self.share, elements.kernel
        alike = " / 32" if self.parts else ""
        start, stride = f"threadIdx.x{alike}", f"blockDim.x{alike}"
        uses = list(elements.uses.values())
        row = f"row * {kernel.size(product(self.type.shape[: self.heads]))} + head" if self.heads else "row"
        features = kernel.size(product(self.type.shape[self.heads :]))
        own = f"{share}.own * team.heads" if self.heads and not uses else f"{share}.own"
        if not share:
            return self._alone(row, lines)
        elif not batch:
            where = [("long long", "f", f"{share}.first + j"), ("long long", "n", "f")]
            if self.heads:
                where = [
                    ("long long", "head", f"team.first_head + j / {share}.own"),
                    ("long long", "f", f"{share}.first + j % {share}.own"),
                    ("long long", "n", f"head * {features} + f"),
                ]
            inside = [*("  " + line for line in constants(where, lines)), *lines]
            whole = [f"for (int j = {start}; j < {own}; j += {stride}) {{", *inside, "}"]
        else:
            products = [line for use in uses for line in use.multiply(elements, elements.left)]
            where = [("int", "r", f"e / ({own})" if " " in own else f"e / {own}"), ("int", "j", f"e % {share}.own")]
            if self.heads and not uses:
                where.append(("long long", "head", f"team.first_head + e / {share}.own % team.heads"))
            where += [
                ("long long", "row", "team.first + pass + r"),
                ("long long", "f", f"{share}.first + j"),
                ("long long", "n", f"{factor(row)} * {features} + f"),
            ]
            inside = [line.removeprefix("  ") for line in lines]
            each = [
                f"for (int e = {start}; e < count * {own}; e += {stride}) {{",
                *("  " + line for line in constants(where, inside)),
                *inside,
                "}",
            ]
            if elements.where is not None:
                each = elements.where.each(inside)
            whole = [
                "for (int pass = 0; pass < team.rows; pass += at_once) {",
                "  const int count = team.rows - pass < at_once ? team.rows - pass : at_once;",
                *("  " + line for line in products),
                *(["  __syncthreads();"] if uses else []),
                *("  " + line for line in each),
                *([f"  {'' if self.heads else BETWEEN}__syncthreads();"] if uses else []),
                "}",
            ]
            if self.heads and uses:
                head = "const long long head = team.first_head + own_head;"
                each = "for (int own_head = 0; own_head < team.heads; ++own_head) {"
                whole = [each, *("  " + line for line in [head, *whole]), "}"]
        if not self.parts:
            return whole
        return ["{", "  const int lane = threadIdx.x % 32;", *("  " + line for line in whole), "  __syncwarp();", "}"]

    def _alone(self, row: str, lines: Sequence[str]) -> list[str]:
        """The statements where there are no features to share: the threads of all blocks have one element after the
        other."""
        first, stride = "team.rank * (long long)blockDim.x + threadIdx.x", "(long long)team.blocks * blockDim.x"
        if self.parts:
            first, stride = "joining.first", "joining.stride"
        count = " * ".join(["team.rows"] * self.type.batch + ["(long long)team.heads"] * bool(self.heads))
        head = f"for (long long r = {first}; r < {count}; r += {stride}) {{"
        where = {"row": "team.first + r", "n": "row"}
        if self.heads:
            where = {"head": "team.first_head + r", "n": "head"}
        if self.type.batch and self.heads:
            where = {"row": "team.first + r / team.heads", "head": "team.first_head + r % team.heads", "n": row}
        if not count:
            head, where = f"if ({first} == 0) {{", {"n": "0"}
        where["f"] = "0"
        places = constants([("long long", name, place) for name, place in where.items()], lines)
        whole = [head, *("  " + line for line in places), *lines, "}"]
        if not self.parts:
            return whole
        return ["{", *("  " + line for line in self.joined(whole, count or "1")), "}"]

    def joined(self, lines: Sequence[str], count: str) -> list[str]:
        """Statements for elements that threads have together, with those around them; there are `count` in a team."""
        del count
        return [f"const Joining joining(team, smem, {self.parts});", *lines, "joining.settle();"]


class TeamElements(InnerElements):
    """`reads` and `writes` are the arrays that the item touches; a read of what the same thread wrote is none. `near`
    are those, and totals, of which it reads what other threads of the same block wrote; `goal` is where the result of a
    reduction goes instead of an array."""

    def __init__(self, team: Team, block: Straight, place: Place | None) -> None:
        super().__init__(team.kernel, block.home, block.definitions, block.numbers, block.time)
        self.team, self.place = team, place
        self.where = place.where(team.kernel) if place is not None and team.apart else None
        self.touched = Touched(self.where)
        self.ahead = None if self.where is None else Ahead(self.where)
        self._start, self._depth = len(team.kernel.lines), 2  # of the statements of an element
        self.reads: set[str] = set()
        self.writes: set[str] = set()
        self.near: set[str] = set()
        self.goal = ""
        self._walked: tuple[str, ...] = ()
        self.uses: dict[Value, Multiplied] = {}
        self._own: tuple[str, ...] | None = None
        self._changed: list[str] = []
        self._heads: tuple[str, ...] = ()

    def step(self) -> str:
        return self.team.way.step

    def index(self, type: Type, place: str) -> list[str]:
        if self._own is None:
            sizes, count = [self.kernel.size(size) for size in type.shape], len(self.team.heads)
            names = along(type.axes)
            heads = self.parted(sizes[:count], "head", names[:count])
            features = self.parted(sizes[count:], "f", names[count:])
            self._heads = tuple(heads)
            self._own = (*(["row"] if type.batch else []), *heads, *features)
        return list(self._own)

    def get(self, value: Value, index: Sequence[str]) -> str:
        if value in self.team.tiled and self.homes(value) is None:
            return self._sum(value, tuple(index))
        return super().get(value, index)

    def walks(self, names: Sequence[str]) -> None:
        self._walked = tuple(names)

    def read(self, value: Value, home: Home, index: tuple[str, ...]) -> str:
        if home.array in self.team.totals:
            return self._total(value, self.team.totals[home.array], index)
        if home.array in self.team.owners:
            self._stay(value, index)
            owner = self.team.owners[home.array]
            own = self._is_own(owner, value.type, index)
            if not own:
                (self.near if self._beside(owner, value.type, index) else self.reads).add(home.array)
            if value.type.batch and index[0] != "row":
                self.team.alone = True
            (self.touched.own if own else self.touched.anyhow).add(home.array)
            place = self.flat(value.type, index)
            text = f"{self.pointer(home, value)}[{place}]"
            if home.array in self.team.exchanged:
                seen, turned = self.team.seen(home.array)
                text = f"{seen}.get({turned}, {self._where(value, *index[:1])}, {place})"
            elif home.index:
                return super().read(value, home, index)
            if own and self.where is not None and home.array in self.team.holdable:
                text = f"first ? {self.team.hold(home, value.type, self.where).name} : {text}"
            return self.computed(value, home, text)
        if not home.index:
            return super().read(value, home, index)
        return self._sequence(value, home, index)

    def _is_own(self, owner: Owner | None, type: Type, index: tuple[str, ...]) -> bool:
        """Whether an element is the one that the thread is at, and of the same threads."""
        if self.place is None or self._own is None or owner != self.place.owner:
            return False
        return self._telling(type, index) == self._telling(self.place.type, self._own)

    def _beside(self, owner: Owner | None, type: Type, index: tuple[str, ...]) -> bool:
        """Whether another thread of the same block has made an element: of as many features a block has the same ones,
        and a thread or a warp makes each."""
        if self.place is None or self._own is None:
            return False
        beside = self.place.beside(self._own, self._walked)
        if beside is None or owner is None or owner.parts not in ("", A_WARP):
            return False
        alike = owner_of(beside[0], len(self.team.heads)) == replace(owner, parts="")
        return alike and self._telling(type, index) == self._telling(*beside)

    def _telling(self, type: Type, index: Sequence[str]) -> list[str]:
        """Of the index of an element what tells the threads that have it."""
        telling = wide(type.axes, len(self.team.heads))
        return [*index[: type.batch], *(index[type.batch + axis] for axis in telling)]

    def _total(self, value: Value, total: Total, index: tuple[str, ...]) -> str:
        """A value that the block has made for itself."""
        self._stay(value, index)
        if value.type.batch and index[0] != "row":
            self.team.alone = True
        self.near.add(total.name)
        number = f"{factor(index[0])} - team.first" if value.type.batch else ""
        if self.team.heads:
            heads = [self.kernel.size(axis.size) for axis in self.team.heads]
            own = index[value.type.batch :][: len(heads)]
            head = f"{factor(place_of(own, heads))} - team.first_head"
            number = f"({number}) * team.heads + {head}" if number else head
        return total.get(number or "0")

    def anticipate(self, value: Value, like: Type, index: Sequence[str]) -> None:
        if self.where is not None:  # sequences are asked for in front of branches only
            self.operand(value, like, index)

    def _sequence(self, value: Value, home: Home, index: tuple[str, ...]) -> str:
        """An element of this step's, from memory that is slower than a step."""
        kernel, more = self.kernel, f"more{self.team.way.number}"
        pointer, place = self.pointer(home, value), self._placed(value, home, self.flat(value.type, index))
        after = self.flat(value.type.with_(time=True), (f"{self.step()}_next", *index))
        after = f"prefetch_l2(&{pointer}[{after}]);"
        text, ahead = f"{pointer}[{place}]", None
        asked = self.team.asked < MOST_AHEAD
        if self.ahead is not None and asked and kernel.depth == self._depth and not home.nullable:
            type = number_of(home, value.type)
            ahead = self.ahead.add(kernel, self._start, type, pointer, place, f"if ({more}) {after}")
        if ahead is None:
            kernel.line(f"if ({more}) {after}")
            return self.computed(value, home, text)
        self.team.asked += 1
        kernel.line(f"if ({more} && !first) {after}")
        return self.computed(value, home, f"first ? {ahead} : {text}")

    def write(self, value: Value, home: Home, place: str, element: str) -> None:
        if self.goal:
            self.kernel.spans |= self.definitions[value].spans
            return self.kernel.line(f"{self.goal} = {element};")
        self.writes.add(home.array)
        kernel = self.kernel
        (self.touched.written.append if kernel.depth == self._depth else self.touched.anyhow.add)(home.array)
        held = self.team.held.get(home.array)
        if held is None and home.array not in self.team.exchanged:
            return super().write(value, home, place, element)
        element = self.stored(value, home, element)
        kernel.spans |= self.definitions[value].spans
        if held is not None:
            kernel.line(f"const {held.type} {held.following} = {element};")
            self._changed.append(f"if (first) {held.name} = {held.following};")
            element = held.following
        if home.array in self.team.exchanged:
            seen, turned = self.team.seen(home.array)
            return kernel.line(f"{seen}.put({turned}, {self._where(value, 'row')}, {place}, {element});")
        return kernel.line(f"if (!first) {self.pointer(home, value, written=True)}[{place}] = {element};")

    def finish(self) -> None:
        """The last statements of an element: what registers hold becomes that of the next step."""
        for line in self._changed:
            self.kernel.line(line)

    def left(self, value: Value, row: str, place: str, stride: str) -> str:
        """The left operand of a product, from a place in a row on, as an initialiser."""
        home = self.homes(value)
        assert home is not None
        if home.array in self.team.exchanged:
            seen, turned = self.team.seen(home.array)
            return f"{seen}.left({turned}, {self._where(value, row)}, {place})"
        return f"{{{self.pointer(home, value)} + {place}, {stride}, -1}}"

    def _where(self, value: Value, row: str = "0") -> str:
        """The row and the head of an element that threads exchange."""
        return f"{row if value.type.batch else '0'}, {'head' if self.team.heads else '0'}"

    def _stay(self, value: Value, index: tuple[str, ...]) -> None:
        """Raises Coupled where an element of the loop's own is not of the head that the thread is at."""
        features = index[value.type.batch :]
        if features[: len(self.team.heads)] != self._heads or len(self._heads) < len(self.team.heads):
            raise Coupled

    def _sum(self, value: Value, index: tuple[str, ...]) -> str:
        """An element of a product: the sum that the block has computed for one of its slots."""
        found = self.kernel.known(value, index)
        if found is not None:
            return found
        place = self.place
        if place is None or not place.share or place.parts or not place.type.batch or index[0] != "row":
            raise Unfused(value)
        self._stay(value, index)
        tiled, share = self.team.tiled[value], place.share
        if value not in self.uses:
            number = len(self.team.multiplied) + len(self.uses) + 1
            behind = self.kernel.numbered(*NAMES, number=number)
            features = product(place.type.shape[place.heads :])
            self.uses[value] = Multiplied(number, behind, value, tiled, features, share)
        use = self.uses[value]
        self.kernel.spans |= self.definitions[value].spans
        sizes = [self.kernel.size(tiled.sizes[letter]) for letter in tiled.out]
        column = place_of(index[1 + place.heads :], sizes)
        slot = use.slot(self._formula(value, column))
        at = f"{many(slot, share)} + j" if slot else "j"
        name = self.kernel.bind("real", value.name or "product", f"sum_{use.behind}(r, {at})")
        return self.kernel.remember(value, index, name)

    def _formula(self, value: Value, text: str) -> str:
        """A whole number as an expression of the feature `f` and of sizes. Raises Unfused where it depends on more."""

        def replaced(match: re.Match[str]) -> str:
            name = match[0]
            if name in self.kernel.formulas:
                return f"({_NAME.sub(replaced, self.kernel.formulas[name])})"
            if name == "f" or name in self.kernel.symbols:
                return name
            raise Unfused(value)

        return _NAME.sub(replaced, text)
