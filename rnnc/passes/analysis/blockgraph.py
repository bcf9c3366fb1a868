"""One block as a graph that may be rewired: nodes are taken out and put in, and the order is found again at the end.

Because a value is known by its identity, a new node may define the very value that a removed one defined: whoever reads
it need not be touched.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence

from rnnc.ir.operations import TABLE
from rnnc.ir.program import NO_SPANS, AttrValue, Node, Op, Spans, Value, reads


class BlockGraph:
    """The nodes of a block. `results` are the values that the block hands out."""

    def __init__(self, nodes: Sequence[Node], results: Iterable[Value]) -> None:
        self.results = frozenset(results)
        self._place: dict[Node, float] = {}
        self._producer: dict[Value, Node] = {}
        self._readers: dict[Value, dict[Node, None]] = {}
        self._reads: dict[Node, tuple[Value, ...]] = {}
        for place, node in enumerate(nodes):
            self.insert(node, float(place))

    def __iter__(self) -> Iterator[Node]:
        """The nodes by place: a snapshot, so that the graph may change meanwhile."""
        return iter(sorted(self._place, key=self._place.__getitem__))

    def __contains__(self, node: Node) -> bool:
        return node in self._place

    def ops(self, name: str) -> list[Op]:
        """The operations of a name, by place."""
        return [node for node in self if isinstance(node, Op) and node.name == name]

    def producer(self, value: Value) -> Node | None:
        """The node of this block that defines a value."""
        return self._producer.get(value)

    def producing_op(self, value: Value, name: str) -> Op | None:
        """The operation of this block that defines a value, if it has that name."""
        node = self._producer.get(value)
        return node if isinstance(node, Op) and node.name == name else None

    def readers(self, value: Value) -> tuple[Node, ...]:
        """The nodes that read a value, by place."""
        return tuple(sorted(self._readers.get(value, ()), key=self._place.__getitem__))

    def place(self, node: Node) -> float:
        """Where a node stands among the others (a wish: dependencies come first)."""
        return self._place[node]

    def is_used(self, value: Value) -> bool:
        """Whether anything reads a value."""
        return value in self.results or bool(self._readers.get(value))

    def only_reader(self, value: Value) -> Node | None:
        """The one node that reads a value, if nothing else does."""
        readers = self._readers.get(value, {})
        if value in self.results or len(readers) != 1:
            return None
        (reader,) = readers
        return reader if self._reads[reader].count(value) == 1 else None

    def insert(self, node: Node, place: float) -> None:
        """Put a node in, at a place."""
        self._place[node] = place
        self._reads[node] = tuple(reads(node))
        for value in self._reads[node]:
            self._readers.setdefault(value, {})[node] = None
        for out in node.outs:
            self._producer[out] = node

    def remove(self, node: Node) -> None:
        """Take a node out. Its values must be defined by another before the order is asked for, or be unused."""
        del self._place[node]
        for value in self._reads.pop(node):
            self._readers[value].pop(node, None)
        for out in node.outs:
            if self._producer.get(out) is node:
                del self._producer[out]

    def ops_at(
        self,
        place: float,
        name: str,
        *args: Value,
        defines: tuple[Value, ...] | None = None,
        spans: Spans = NO_SPANS,
        hint: str = "",
        **attrs: AttrValue,
    ) -> tuple[Value, ...]:
        """Add an operation that shall stand at a place; `defines` are existing values that are to be its outputs."""
        types = TABLE[name].infer([arg.type for arg in args], attrs)
        outs = defines if defines is not None else tuple(Value(type_, hint) for type_ in types)
        if tuple(out.type for out in outs) != tuple(types):
            raise ValueError(f"{name} gives {[str(t) for t in types]}, not {[str(out.type) for out in outs]}")
        self.insert(Op(name, args, outs, tuple(sorted(attrs.items())), spans), place)
        return outs

    def op_at(
        self,
        place: float,
        name: str,
        *args: Value,
        defines: Value | None = None,
        spans: Spans = NO_SPANS,
        hint: str = "",
        **attrs: AttrValue,
    ) -> Value:
        """Add an operation with one output."""
        outs = None if defines is None else (defines,)
        (result,) = self.ops_at(place, name, *args, defines=outs, spans=spans, hint=hint, **attrs)
        return result

    def depends(self, values: Iterable[Value], on: Iterable[Value]) -> bool:
        """Whether any of the values is one of `on`, or computed from one inside this block."""
        targets = set(on)
        seen: set[Value] = set()
        pending = list(values)
        while pending:
            value = pending.pop()
            if value in targets:
                return True
            if value in seen:
                continue
            seen.add(value)
            node = self._producer.get(value)
            if node is not None:
                pending.extend(self._reads[node])
        return False

    def drop_unused(self, nodes: Iterable[Node]) -> None:
        """Remove those of the nodes whose outputs nothing reads (last first, so that chains go)."""
        for node in sorted(nodes, key=self._place.__getitem__, reverse=True):
            if not any(self.is_used(out) for out in node.outs):
                self.remove(node)

    def nodes(self) -> tuple[Node, ...]:
        """All nodes, every one after those that it reads from, otherwise by place."""
        order = {node: index for index, node in enumerate(self)}
        waiting: dict[Node, int] = {}
        followers: dict[Node, list[Node]] = {}
        for node in order:
            sources = {self._producer[value] for value in self._reads[node] if value in self._producer}
            waiting[node] = len(sources)
            for source in sources:
                followers.setdefault(source, []).append(node)
        ready = [order[node] for node, count in waiting.items() if count == 0]
        heapq.heapify(ready)
        by_index = list(order)
        result: list[Node] = []
        while ready:
            node = by_index[heapq.heappop(ready)]
            result.append(node)
            for follower in followers.get(node, ()):
                waiting[follower] -= 1
                if waiting[follower] == 0:
                    heapq.heappush(ready, order[follower])
        if len(result) != len(order):
            raise ValueError("the nodes of a block read from one another in a circle")
        return tuple(result)
