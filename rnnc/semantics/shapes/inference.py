"""Finding every shape of a body: forwards along the arguments, backwards from what is declared, and by guesses.

1. Forwards: a node whose arguments are known gets its shape by the rule of its operation. Only the users of a node that
   has just become known are tried.
2. When that stalls, backwards: a known result (a state's declared axes) gives unknown arguments their shape. Only nodes
   on the frontier are tried: known or declared themselves, with an unknown argument. Then 1 again.
   A result does not decide where a known argument has fewer axes: that is an error, since both may be meant.
3. When that stalls too, guesses. First backwards past what takes none: in `h' = z + sum(d, k)`, with a `d` that is
   made of `z`, an unknown `z` has the axes of the state. Then: an unknown argument of an elementwise operation has the
   shape of its known neighbour. Then 1 again.

The order of the equations decides nothing: what all say of the unknown is collected before anything is taken, and where
no axes suit all, that is an error (`proposals.py`).
"""

from __future__ import annotations

from rnnc.semantics.shapes.lower import subset
from rnnc.semantics.shapes.nodes import RULES, Graph, Node, ShapeError
from rnnc.semantics.shapes.proposals import HOLES, Proposed, chosen, independent, users_first
from rnnc.semantics.shapes.shaped import Shape, show

BESIDE = ("elementwise", "random")  # operations of which an unknown argument has the axes of a known one


def infer_all(graph: Graph) -> None:
    """Settle every node that can be; the others stay without a shape. Reports what does not fit."""
    _Inference(graph).run()


class _Inference:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.place = {node: i for i, node in enumerate(graph.nodes)}
        self.users: dict[Node, list[Node]] = {}
        for node in graph.nodes:
            for arg in node.args:
                self.users.setdefault(arg, []).append(node)
        self.frontier = {n for n in graph.nodes if "declared" in n.attrs or n.shape is not None}
        self.guesses = dict.fromkeys(n for n in graph.nodes if RULES[n.op].guess is not None and not n.settled)

    def run(self) -> None:
        graph = self.graph
        graph.news.clear()
        for node in graph.nodes:
            self._forward(node)
        self._forwards()
        while self._backwards() or self._guess_behind() or self._doubt() or self._guess_any():
            self._forwards()
        self._recheck()

    def _forwards(self) -> None:
        """From everything that is new on to all that follows from it."""
        news = self.graph.news
        while news:
            node = news.pop()
            self.frontier.add(node)
            self.guesses.pop(node, None)
            for user in self.users.get(node, ()):
                self._forward(user)

    def _forward(self, node: Node) -> None:
        if not node.settled:
            self.graph.spend(node)
            self.graph.forward(node)

    def _backwards(self) -> bool:
        """From the frontier back to what takes axes. Is anything new?"""
        return self._sweep(self._waiting(), {})

    def _sweep(self, known: list[Node], proposed: Proposed, *, doubtful: bool = False) -> bool:
        """From nodes that are known, or have a proposal, backwards: users before what they are made of, so that all has
        been said of a node before it tells its arguments.

        What is on the way hears later, from its arguments; only where nothing is reached that takes axes it keeps those
        that it was given. `doubtful`: these are guesses."""
        graph, given = self.graph, list[Node]()
        graph.collect(proposed)
        for node in users_first([*known, *proposed]):
            if node.shape is None and "declared" not in node.attrs and not node.poisoned:
                try:
                    node.shape = chosen(graph, node, proposed.get(node, ()), doubtful=doubtful)
                except ShapeError as error:
                    graph.report(node, error)
                if node.shape is None or node.poisoned:
                    continue
                given.append(node)
            if RULES[node.op].backward is not None and _waits(node):
                self._tell(node)
        graph.collect(None)
        kept = [n for n in given if RULES[n.op].takes == "own" or n.op in HOLES]
        for node in set(given).difference(kept) if kept else ():
            if not node.poisoned:
                node.shape = None
        graph.news += kept or given
        return bool(graph.news)

    def _waiting(self) -> list[Node]:
        """The frontier, in the order of the text, without what can tell nothing any more."""
        self.frontier = {n for n in self.frontier if RULES[n.op].backward is not None and _waits(n)}
        return sorted(self.frontier, key=self.place.__getitem__)

    def _tell(self, node: Node) -> None:
        """Let a node tell its arguments."""
        rule = RULES[node.op].backward
        assert rule is not None
        self.graph.spend(node)
        try:
            rule(self.graph, node)
        except ShapeError as error:
            self.graph.report(node, error)

    def _guess_behind(self) -> bool:
        """Shapes that go backwards if what can take none is passed by."""
        self.graph.is_bold = True
        try:
            return self._backwards()
        finally:
            self.graph.is_bold = False

    def _doubt(self) -> bool:
        """Report the first argument that a known result does not decide, because its neighbours have fewer axes."""
        for node in self._waiting():
            rule = RULES[node.op].doubt
            found = rule(self.graph, node) if rule is not None else None
            if found is not None:
                self.graph.report(*found)
                return True
        return False

    def _guess_any(self) -> bool:
        """One kind of guess: what is unknown has the axes of what it meets, and what is made of such waits for that. Is
        anything new?"""
        beside, others = self._guessed(beside=True), self._guessed(beside=False)
        return self._guess(others, beside) or self._sweep([], beside, doubtful=True) or self._guess(others, {})

    def _guess(self, proposed: Proposed, before: Proposed) -> bool:
        """All other guesses, first those that hang on no other, nor on those `before`. Is anything new?"""
        for node in independent({**before, **proposed}):
            if node in proposed and node not in before:
                self._take(node, proposed[node])
        return bool(self.graph.news)

    def _take(self, node: Node, proposed: list[Shape]) -> None:
        try:
            shape = chosen(self.graph, node, proposed)
            if shape is not None:
                self.graph.settle(node, shape)
        except ShapeError as error:
            self.graph.report(node, error)

    def _guessed(self, *, beside: bool) -> Proposed:
        """What can be guessed: of operations whose unknown arguments have the axes of known ones, or of others."""
        graph = self.graph
        proposed: Proposed = {}
        graph.collect(proposed)
        for node in self.guesses:
            rule = RULES[node.op].guess
            if rule is None or (node.op in BESIDE) != beside or node.settled or any(a.poisoned for a in node.args):
                continue
            graph.spend(node)
            try:
                rule(graph, node)
            except ShapeError as error:
                graph.report(node, error)
        graph.collect(None)
        return proposed

    def _recheck(self) -> None:
        """Nodes that got their shape from behind must still agree with their own rule. From behind comes the order of
        axes in which a node is read; its own is that of its rule, and so on for what is made of it."""
        for _ in self.graph.nodes:
            if not self._turned():
                break

    def _turned(self) -> bool:
        """Check every node once. Did one get its axes in another order?"""
        turned = False
        for node in self.graph.nodes:
            if node.poisoned or node.shape is None or any(a.poisoned or a.shape is None for a in node.args):
                continue
            try:
                shape = RULES[node.op].shape(self.graph, node)
                if shape is None or shape == node.shape:
                    continue
                if not self.graph.equal(node.shape, shape):
                    own, wanted = (self.graph.resolve_all(s) for s in (shape, node.shape))
                    if len(own) != len(wanted) or subset(self.graph, own, wanted) is None:
                        message = f"this gives {show(own)}, but where it is read {show(wanted)} is wanted"
                        raise ShapeError("E301", message)
                    node.shape, turned = shape, True
                self.graph.settle(node, shape)
            except ShapeError as error:
                self.graph.report(node, error)
        return turned


def _waits(node: Node) -> bool:
    """Could a shape still go from this node to an argument?"""
    return not node.poisoned and any(a.shape is None for a in node.args) and not any(a.poisoned for a in node.args)
