"""Models from text, and what holds of every model: steps make up the sequence, lengths cut it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rnnc.compiler import model_of
from rnnc.diagnostics import Source
from rnnc.ir.interpreter import Key, evaluate
from rnnc.ir.model import Model
from rnnc.ir.program import DType, Type
from rnnc.ir.verifier import verify
from rnnc.verify.proving.sample import choose_sizes

Array = NDArray[np.generic]
Results = dict[Key, Array]


def model(text: str, name: str | None = None, expose: tuple[str, ...] = (), **options: object) -> Model:
    """The model of one definition in a text."""
    return model_of(Source("<text>", text), name, options, expose=expose)


def cell(body: str, head: str = "units") -> Model:
    """The model of a cell with `input x[input]`, a state `h[units]`, these equations, and the output h'."""
    return model(f"cell Cell({head}) {{\n  input x[input]\n  state h[units]\n{body}\n  output h'\n}}\n")


def parameters(of: Model) -> dict[str, str]:
    """Names and shapes: {"i.x": "[input, units]"}."""
    return {p.name: _shown(tuple(str(a.size) for a in p.axes)) for p in of.parameters}


def states(of: Model) -> dict[str, str]:
    """Names and shapes of states."""
    return {s.name: _shown(tuple(str(a.size) for a in s.type.axes)) for s in of.states}


def outputs(of: Model) -> dict[str, str]:
    """Names and shapes of outputs."""
    return {o.name: _shown(tuple(str(a.size) for a in o.type.axes)) for o in of.outputs}


def _shown(axes: tuple[str, ...]) -> str:
    return f"[{', '.join(axes)}]"


@dataclass
class Run:
    """A model with arrays for everything that it reads."""

    model: Model
    sizes: dict[str, int]
    arrays: dict[Key, Array]
    steps: int
    batch: int

    def forward(self, **changed: Array) -> Results:
        """The sequence; `lengths` and inputs by name may be changed."""
        arrays = dict(self.arrays)
        for name, array in changed.items():
            arrays["lengths" if name == "lengths" else "input", name] = array
        return evaluate(self.model.forward, arrays, sizes=self.sizes)

    def output(self, name: str | None = None) -> Array:
        """One output of the whole sequence (the only one)."""
        found = {key[1]: array for key, array in self.forward().items() if key[0] == "output"}
        return found[name] if name is not None else next(iter(found.values()))

    def chain(self) -> Results:
        """The same by single steps: outputs stacked over time, and the last state."""
        assert self.model.step is not None
        arrays = dict(self.arrays)
        taken: list[Results] = []
        for t in range(self.steps):
            for port in self.model.step.inputs:
                key = (port.role, port.name)
                whole = self.arrays.get(key)
                if whole is not None and self.changes(key):
                    arrays[key] = whole[t]
            known = {(p.role, p.name) for p in self.model.step.inputs}
            found = evaluate(self.model.step, {k: a for k, a in arrays.items() if k in known}, sizes=self.sizes)
            arrays.update({key: a for key, a in found.items() if key[0] == "state"})
            taken.append(found)
        return {key: taken[-1][key] if key[0] == "state" else np.stack([f[key] for f in taken]) for key in taken[0]}

    def changes(self, key: Key) -> bool:
        """Is this another array at every step: an input that is not one per row, or a mask that is drawn anew?"""
        inputs = {("input", i.name) for i in self.model.inputs if i.sequence}
        return key in inputs or any(key == ("mask", m.name) and m.per == "step" for m in self.model.masks)


def run(of: Model, steps: int = 4, batch: int = 3, seed: int = 0, **sizes: int) -> Run:
    """Arrays for a model: noise, masks of zeros and ones, small whole numbers for indices, small sizes."""
    for program in (of.forward, of.step):
        if program is not None:
            verify(program)
    noise = np.random.default_rng(seed)
    chosen = choose_sizes(of, sizes)
    arrays: dict[Key, Array] = {}
    for p in of.parameters:
        shape = tuple(a.size.evaluate(chosen) for a in p.axes)
        given = np.array(p.init.numbers).reshape(shape) if p.init.kind == "values" else None
        arrays["param" if p.trained else "fixed", p.name] = noise.normal(0, 0.5, shape) if given is None else given
    for role, ports in (("input", of.inputs), ("state", of.states)):
        for port in ports:
            lead = (steps, batch) if role == "input" and port.sequence else (batch,)
            arrays[role, port.name] = _random(noise, port.type, lead, chosen)
    for mask in of.masks:
        lead = (steps, batch) if mask.per == "step" else (batch,)
        shape = lead + tuple(a.size.evaluate(chosen) for a in mask.axes)
        arrays["mask", mask.name] = (noise.random(shape) < mask.keep).astype(float)
    return Run(of, chosen, _as_ports(of, arrays), steps, batch)


def _random(noise: np.random.Generator, type: Type, lead: tuple[int, ...], sizes: dict[str, int]) -> Array:
    shape = lead + tuple(a.size.evaluate(sizes) for a in type.axes)
    return noise.integers(0, 2, shape) if type.dtype is DType.INT else noise.normal(0, 1, shape)


def _as_ports(of: Model, arrays: dict[Key, Array]) -> dict[Key, Array]:
    """Only what the program reads (a mask, say, may serve a dropped equation)."""
    known = {(p.role, p.name) for p in of.forward.inputs}
    return {key: a for key, a in arrays.items() if key in known}


def holds(case: Run) -> Results:
    """Check what holds of every model, and give the results: steps make up the sequence, lengths cut it."""
    whole = case.forward()
    assert all(np.isfinite(a).all() for a in whole.values())
    if case.model.step is not None:
        chained = case.chain()
        for key in whole:
            np.testing.assert_allclose(chained[key], whole[key], rtol=1e-12, atol=1e-12, err_msg=str(key))
    _lengths_cut(case)
    return whole


def _lengths_cut(case: Run) -> None:
    """Each row with a length is that row alone, shortened; past its length are zeros."""
    lengths = np.arange(case.batch) % (case.steps + 1)
    cut = case.forward(lengths=lengths)
    timed = {o.name for o in case.model.outputs if o.sequence}
    for row in range(1, case.batch):
        n = int(lengths[row])
        alone = _row(case, row, n).forward()
        for key, array in alone.items():
            if key[0] == "expose" or (key[0] == "output" and key[1] in timed):
                np.testing.assert_allclose(cut[key][:n, row], array[:, 0], rtol=1e-12, atol=1e-12, err_msg=str(key))
                assert not cut[key][n:, row].any()
            else:
                np.testing.assert_allclose(cut[key][row], array[0], rtol=1e-12, atol=1e-12, err_msg=str(key))


def _row(case: Run, row: int, steps: int) -> Run:
    """One row of a case, cut to some steps."""
    arrays: dict[Key, Array] = {}
    for (role, name), array in case.arrays.items():
        timed = case.changes((role, name))
        batched = role in ("input", "state", "mask")
        arrays[role, name] = array[:steps, row : row + 1] if timed else array[row : row + 1] if batched else array
    return Run(case.model, case.sizes, arrays, steps, 1)
