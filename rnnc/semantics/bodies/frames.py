"""What is under construction: parameters of the whole model, the body of one cell or network, frames of names."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rnnc.diagnostics import Diagnostics, Note, Span, Use
from rnnc.ir.model import Initialiser
from rnnc.ir.program import DType, Value
from rnnc.semantics.bodies.twice import called_twice, of_beginning, of_inner, read_again
from rnnc.semantics.problems import Problem
from rnnc.semantics.scopes.values import CellValue, LayerValue, Scope, Users
from rnnc.semantics.scopes.values import Value as SemanticValue
from rnnc.semantics.shapes.lower import Site
from rnnc.semantics.shapes.nodes import Graph, Node
from rnnc.semantics.shapes.shaped import Shape, Shaped
from rnnc.syntax import ast

Indices = tuple[int, ...]


def key_text(name: str, indices: Indices, primed: bool = False) -> str:
    """`ct[0,1]'`: how members are called among parameters, states and equations."""
    return name + (f"[{','.join(map(str, indices))}]" if indices else "") + ("'" if primed else "")


def member_text(name: str, indices: Indices, primed: bool = False) -> str:
    """`ct'[0,1]`: how members are written in the language, for messages."""
    return key_text(name + "'" * primed, indices)


@dataclass(eq=False)
class Parameter:
    """A trained or fixed array. Its node lives in the graph of the body that first names it; a body that shares the
    parameter has a node of its own."""

    name: str
    init: Initialiser
    trained: bool
    span: Span
    place: Span  # where people look for it: a weight of a function at the function's call
    call: Span  # that makes it
    shareable: bool
    fan_in: int | None = None  # how many leading axes are inputs; None: decided by the initialiser's default
    shape: Shape | None = None
    value: Value | None = None
    nodes: dict[Graph, Node] = field(default_factory=dict[Graph, Node])
    use: Use | None = None  # what led to the body that first names it
    lent: str | None = None  # named by `weights = f` alone: the path of `f`


class Registry:
    """All parameters of the model, in the order in which the text names them."""

    def __init__(self, diagnostics: Diagnostics, rounding: str | None = None) -> None:
        self.diagnostics = diagnostics
        self.parameters: dict[str, Parameter] = {}
        self._by_graph: dict[Graph, dict[str, Parameter]] = {}
        self.borrowed: dict[str, str] = {}  # paths of equations with `weights = f`, and that of `f`
        self.weighted: dict[int, bool] = {}  # by definitions of functions: do they have weights?
        self.rounding = rounding
        self.of_beginnings: set[str] = set()  # names of weights that initial values of states are made of

    def rounded(self, keep: float) -> float:
        """A constant as the reference library holds it: TensorFlow has float32 even in float64 graphs."""
        return struct.unpack("f", struct.pack("f", keep))[0] if self.rounding is not None else keep

    def named_in(self, graph: Graph) -> list[Parameter]:
        """The parameters that a body names."""
        return list(self._by_graph.get(graph, {}).values())

    def tables(self, graph: Graph) -> tuple[dict[str, Parameter], dict[str, Parameter]]:
        """All parameters, and those that a body names, each in the order of the text."""
        return self.parameters, self._by_graph.setdefault(graph, {})

    def declare(
        self,
        name: str,
        graph: Graph,
        make: Callable[[], Node],
        *,
        init: Initialiser,
        span: Span,
        place: Span | None = None,
        call: Span | None = None,
        trained: bool = True,
        shareable: bool = False,
        fan_in: int | None = None,
        fix: str | None = None,
        lent: str | None = None,
    ) -> Node:
        """The node of a parameter in this graph. A name stands once, but for shared weights."""
        found = self.parameters.get(name)
        if found is not None and not (shareable or found.shareable):
            notes = [Note("the other one", found.place)]
            again = found.use.to(self.diagnostics.use) if found.use is not None else None
            here = self.diagnostics.use.to(found.use) if self.diagnostics.use is not None else None
            if again is not None and here is not None and again.span != here.span:
                raise called_twice(name, again.span, here.span)
            if again is not None and again.span != found.place == (place or span):
                raise read_again(name, again.span, found.place)
            if found.place == (place or span):  # a member of a comprehension
                notes = []
                fix = "give each member an equation, `r[k] = …`, or share the weights: `linear(…, shared over k)`"
            within = of_inner(found.call, call or place or span)
            if within is None and name in self.of_beginnings:
                within = of_beginning(found.call)
            if within is not None:
                notes = [Note("the other one", found.call)]
            raise Problem(
                "E402",
                f"two weights would be called `{name}`",
                (call if within is not None else None) or place or span,
                notes=notes,
                fix=within or fix or "name one of the calls: `… as rec`",
            )
        if found is None:
            at = place or span
            found = Parameter(name, init, trained, span, at, call or at, shareable, fan_in, use=self.diagnostics.use)
            found.lent = lent
            self.parameters[name] = found
        found.lent = found.lent and lent
        node = found.nodes.get(graph)
        if node is None:
            node = make()
            node.name = name
            found.nodes[graph] = node
            self._by_graph.setdefault(graph, {})[name] = found
            return node
        again = make()  # a shared weight: both uses must agree in shape
        graph.add("same", (node, again), span)
        again.attrs["same"] = node
        return node


@dataclass(eq=False)
class StateSlot:
    """One state of a body: its node (the value before the step) and the equation of its value after it."""

    name: str
    node: Node
    dtype: DType
    init: Node | None
    span: Span
    next: Node | None = None
    carry: Node | None = None  # what is stored instead of `next`, if an outer cell says so

    @property
    def after(self) -> Node | None:
        """What the next step finds."""
        return self.carry or self.next


StateTree = list["StateSlot | StateTree"]


@dataclass(eq=False)
class InstanceState:
    """`use f = …`: what is known of an instance, before and after it is stepped."""

    key: str
    cell: CellValue | LayerValue
    span: Span
    slots: StateTree  # its branch among the body's states
    written: Span  # the cell, as `use` has it
    weights_of: str | None = None  # the instance whose weights it has, where these are not its own
    users: Users = field(default_factory=Users)  # of its weights: also the cells that it is given to
    applied: Span | None = None
    frame: Frame | None = None
    left: dict[StateSlot, Node | None] = field(default_factory=dict[StateSlot, "Node | None"])  # before a carry here
    promised: dict[tuple[str, Indices, bool], Node] = field(default_factory=dict[tuple[str, Indices, bool], Node])
    finals: dict[str, Node] | None = None  # what its states are after its last step, once it has run in a network
    again: Span | None = None  # a further run, in a network
    read: Span | None = None  # where a network reads `finals`


class Body:
    """One step of a cell (inner cells inlined), or the sequence level of a network."""

    def __init__(self, kind: str, graph: Graph, registry: Registry) -> None:
        self.kind = kind  # "cell" | "network"
        self.graph = graph
        self.registry = registry
        self.states: StateTree = []
        self.sink = self.states  # where a state declared now goes: inner cells have a branch of their own
        self.probing = False
        self.found: dict[str, tuple[Node, Span]] = {}  # what steps of inner cells find in their states
        self.sites: dict[str, Site] = {}
        self.step: StateSlot | None = None
        self.state_prefix: str | None = None  # of the outermost cell, once one has been opened
        self.equations: dict[str, Node] = {}  # by full name, for expose, comments and cycles
        self.damaged = False  # a statement was given up, so what others were to tell about shapes is missing

    @property
    def readable(self) -> bool:
        """Nothing was given up: because of an error, or since it hangs on what is not known yet."""
        return not self.damaged and not any(node.poisoned for node in self.graph.nodes)

    def all_states(self) -> list[StateSlot]:
        return list(flat(self.states))


def flat(tree: StateTree) -> Iterator[StateSlot]:
    """States in declared order, those of inner cells where these stand."""
    for entry in tree:
        if isinstance(entry, StateSlot):
            yield entry
        else:
            yield from flat(entry)


class Begins(Protocol):
    """Says what the states of a layer begin as."""

    def of(self, body: Body, prefix: str, graph: Graph) -> dict[StateSlot, Node]:
        """The nodes, in the graph of the network, for the states of a cell that has just been read."""
        ...


@dataclass(frozen=True)
class Around:
    """The layer that a network is, or is a part of, for the layers in it: their states are states of that one too."""

    starts: Begins | None  # what its states begin as
    loops: list[Node]  # of all its cells, in the order in which they run


class Frame:
    """The names of one body, function call or inner cell while it is read."""

    def __init__(self, body: Body, scope: Scope, prefix: str, kind: str, name: str, span: Span) -> None:
        self.body = body
        self.scope = scope  # the outermost scope of this frame: parameters and lets
        self.prefix = prefix  # put in front of names of parameters, states and masks: "f." or "i.ln."
        self.kind = kind  # "cell" | "network" | "fn"
        self.name = name
        self.span = span
        self.members: dict[tuple[str, bool], dict[Indices, Node]] = {}
        self.parts: dict[tuple[str, Indices], SemanticValue] = {}  # equations that give several outputs, or a list
        self.states: dict[tuple[str, Indices], StateSlot] = {}
        self.instances: dict[str, InstanceState] = {}
        self.running: list[str] = []  # instances of a network, one while another is read for what it begins with
        self.instance_families: set[str] = set()  # names of which there are several, with indices
        self.inputs: list[tuple[str, Node]] = []
        self.outputs: list[tuple[str, Node]] = []
        self.pending: dict[Node, tuple[ast.Equation, Scope, Indices]] = {}
        self.places: dict[Node, int] = {}  # of equations in the text; some are read before all are declared
        self.waiting: list[tuple[ast.Use, Scope, StateTree]] = []  # those made of instances further down
        self.equations: list[ReadEquation] = []  # those that have been read, in the order of the text
        self.initials: list[tuple[StateSlot, ast.Declared, Scope]] = []
        self.output_statements: list[tuple[ast.Output, Scope]] = []
        self.carries: list[tuple[ast.Carry, Scope]] = []
        self.layouts: list[tuple[ast.Layout, Scope]] = []
        self.children: dict[str, Frame] = {}  # inner cells and layers by key, for layouts
        self.further_runs: list[tuple[str, Frame]] = []  # of layers that run several times, by the same keys
        self.use: Use | None = None  # what led here
        self.written: tuple[ast.Statement, ...] = ()  # the statements of its body
        self.calls: list[Frame] = []  # of functions that are written in the language
        self.returned: tuple[ast.Return, Scope] | None = None
        self.gates: list[str] = []
        self.state_prefix = prefix  # put in front of states and masks (a shared layer has one prefix, many states)
        self.axes: dict[str, Shaped] = {}  # axes declared here, by the label that stands in the text
        self.sizes: dict[str, list[tuple[ast.Expr, Scope, bool]]] | None = None  # of labels, as expressions have them
        self.callers: set[str] = set()  # labels of a caller's axes that a function knows by names of its own
        self.relabelled: dict[str, str] = {}  # labels of a function that were among those, and what they became
        self.given: list[Node] | None = None  # inputs that an outer body feeds
        self.handed: dict[str, Node] | None = None  # what it hands on to cells that are parameters; None: they ask none
        self.cell: CellValue | None = None
        self.reverse = False  # layers here run from the last step to the first
        self.around: Around | None = None  # where this network is a layer of another
        self.anonymous = False  # no equation owns what is named here
        self.parameters: dict[str, ast.Parameter] = {}  # of the cell or function, by name
        self.texts: Mapping[str, tuple[ast.Expr, Context]] = {}  # what a function's were given, as it is written
        self.lets: dict[str, Span] = {}  # compile-time values, by name
        self.dropped: dict[str, Span] = {}  # names that a variant dropped
        self.broken: set[str] = set()  # names whose definitions could not be read: using them is no further error
        self.missing: set[str] = set()  # words of text that could not be read: each may have been defined there
        self.lost: set[str] = set()  # labels of axes in declarations that could not be read
        self.is_copy = False  # its weights are those of another frame, which says where layouts have them
        self.shareable = False  # weights named here may be named again: a layer or call that is used twice
        self.lent: str | None = None  # weights named here are those of another equation: its path

    @property
    def graph(self) -> Graph:
        return self.body.graph

    def in_this_run(self, name: str) -> str:
        """The full name that something has in this run. (A layer that runs several times has one state for each.)"""
        return self.state_prefix + name[len(self.prefix) :]

    def has_state(self, name: str) -> bool:
        """Is a state declared under this name?"""
        return any(n == name for n, _ in self.states)

    def may_have_had(self, name: str) -> bool:
        """Is this the name of what could not be read, or may it be?"""
        return name in self.broken or name in self.missing

    def held(self, keep: float) -> float:
        """A probability as the reference library holds it here: a cell whose layout says of no constants how they are
        held, or that probabilities are exact, has them as they are, inside of others too."""
        registry = self.body.registry
        layouts = [layout for layout, _ in self.layouts if layout.name == registry.rounding]
        options = {option.name: option.value for layout in layouts for option in layout.options}
        is_exact = layouts and ("constants" not in options or held_word(options.get("probabilities")) == "exact")
        return keep if is_exact else registry.rounded(keep)

    def body_words(self) -> set[str]:
        """Words that mean something here without being defined (for suggestions)."""
        return {"step"} if self.body.kind == "cell" else set()


def held_word(value: ast.Expr | None) -> str | None:
    """A word that says how numbers are held, `"exact"` or `exact`, if it is one."""
    word = value.value if isinstance(value, ast.String) else value.id if isinstance(value, ast.Name) else None
    return word if word in ("exact", "float32") else None


def nameless(frame: Frame) -> Problem:
    """E403: a function's call has weights to name, and no equation to name them after."""
    message = f"`{frame.name}` has weights, which are named after an equation, and this call has none"
    return Problem("E403", message, frame.span, fix=f"give it one: `y = {frame.name}(…)`, then use `y`")


@dataclass(frozen=True, eq=False)
class ReadEquation:
    """An equation, and where its expression stands: whoever shows it reads it there again."""

    node: Node
    statement: ast.Equation
    indices: Indices
    context: Context


@dataclass(frozen=True)
class Owner:
    """Whose weights an expression names: an equation (its target and indices), under the frame's prefix."""

    name: str  # "i", "h" (primes dropped)
    target: ast.Target | None
    indices: Mapping[int, int]  # position → value
    call: str = ""  # "ln." inside a call of a function

    def full(self, frame: Frame, shared: tuple[str, ...] = ()) -> str:
        """`f.fi[0]`: the prefix, the name, and the indices that are not shared over."""
        kept: list[int] = []
        for position, value in self.indices.items():
            expression = self.target.indices[position] if self.target else None
            if expression is None or not (shared and mentions(expression, shared)):
                kept.append(value)
        suffix = f"[{','.join(map(str, kept))}]" if kept else ""
        return f"{frame.prefix}{self.name}{suffix}"


def mentions(expression: object, names: tuple[str, ...]) -> bool:
    """Does an index expression read one of these loop variables?"""
    match expression:
        case ast.Name():
            return expression.id in names
        case ast.Binary():
            return mentions(expression.left, names) or mentions(expression.right, names)
        case ast.Unary():
            return mentions(expression.operand, names)
        case _:
            return False


@dataclass(frozen=True)
class Context:
    """Where an expression stands: its scope, frame, and the equation whose name its weights take."""

    scope: Scope
    frame: Frame
    owner: Owner | None = None
    name: str | None = None  # from `as`

    def with_scope(self, scope: Scope) -> Context:
        return Context(scope, self.frame, self.owner, self.name)

    def named(self, name: str | None) -> Context:
        return Context(self.scope, self.frame, self.owner, name)
