"""Programs and modules as the TensorFlow target writes them, run eagerly, in functions and in graphs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rnnc.backends.escape import identifier
from rnnc.backends.tensorflow.program import write_program
from rnnc.compiler import Compiled, compile_source
from rnnc.ir.binding import bind
from rnnc.ir.program import Program
from rnnc.resources import resource_text
from rnnc.runtime import load_module
from rnnc.syntax.source import read_source

tf = pytest.importorskip("tensorflow.compat.v1")

Key = tuple[str, str]
Arrays = Mapping[Key, Any]
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
STEPS, ROWS = 5, 4
LENGTHS = np.array([5, 0, 3, 1])

HELPERS: dict[str, Any] = {"np": np, "tf": tf}
for _part in ("helpers", "drivers"):
    exec(compile(resource_text(f"templates/tensorflow/{_part}.py"), _part, "exec"), HELPERS)


def text_of(program: Program, sizes: tuple[str, ...] = (), nullable: frozenset[Key] = frozenset()) -> str:
    """Both functions of a program."""
    written = write_program(program, sizes, nullable=nullable)
    return "\n".join([*written.pack, *written.run])


def runner(
    program: Program,
    arrays: Arrays,
    dtype: str = "float64",
    sizes: Mapping[str, int] | None = None,
    driver: str = "dynamic",
) -> tuple[Callable[[Mapping[Key, Any]], dict[Key, Any]], dict[Key, Any]]:
    """A function from tensors by port to the outputs of a program, and the given arrays as tensors (None: absent)."""
    given = {(p.role, p.name): _prepared(arrays.get((p.role, p.name)), dtype) for p in program.inputs}
    numbers = dict(sizes or {})
    bound = bind([(p, a) for p in program.inputs if (a := given[p.role, p.name]) is not None], numbers)
    absent = frozenset(key for key, array in given.items() if array is None)
    space = dict(HELPERS)
    exec(compile(text_of(program, tuple(numbers), absent), program.name, "exec"), space)
    name, values, dt = identifier(program.name), tuple(numbers.values()), tf.as_dtype(dtype)

    def run(tensors: Mapping[Key, Any]) -> dict[Key, Any]:
        parameters = {p.name: tensors[p.role, p.name] for p in program.inputs_of("param", "fixed")}
        packed = space[f"_pack_{name}"](parameters, values, dt)
        others = {f"{role}:{port}": tensor for (role, port), tensor in tensors.items()}
        found = space[f"_run_{name}"](packed, values, bound.time, bound.batch, dt, others, space[f"_{driver}"])
        return {tuple(key.split(":", 1)): tensor for key, tensor in found.items()}  # type: ignore[misc]

    return run, {key: None if array is None else tf.constant(array) for key, array in given.items()}


def run_program(
    program: Program,
    arrays: Arrays,
    dtype: str = "float64",
    sizes: Mapping[str, int] | None = None,
    driver: str = "dynamic",
) -> dict[Key, Any]:
    """The outputs of a program as arrays; ports without arrays are absent."""
    run, tensors = runner(program, arrays, dtype, sizes, driver)
    return {key: None if tensor is None else tensor.numpy() for key, tensor in run(tensors).items()}


def _prepared(array: Any, dtype: str) -> Any:
    if array is None:
        return None
    array = np.asarray(array)
    return array.astype(dtype) if array.dtype.kind == "f" else array


# --- modules --------------------------------------------------------------------------------------------------------


def compiled(example: str, target: str = "tf", **options: str) -> Compiled:
    """An example, `FILE` or `FILE:NAME`."""
    file, _, name = example.partition(":")
    return compile_source(read_source(EXAMPLES / f"{file}.rnn"), name or None, options, target=target)


def module(example: str, target: str = "tf", **options: str) -> ModuleType:
    found = compiled(example, target, **options)
    return load_module(found.text, found.unit.model.name)


@dataclass
class Scene:
    """An example with numbers: what the NumPy module makes of them is expected of the TensorFlow module.

    `point` are the trained parameters and float inputs, `weights` those of results in a loss, `direction` one in which
    gradients are differentiated again.
    """

    tf: ModuleType
    numpy: ModuleType
    fixed: dict[str, Any]
    point: dict[str, Any]
    inputs: dict[str, Any]
    weights: dict[str, Any]
    direction: dict[str, Any]
    training: dict[str, Any]

    @staticmethod
    def of(example: str, **options: str) -> Scene:
        ours, numpy = module(example, **options), module(example, "numpy", **options)
        rng, spec = np.random.default_rng(0), numpy.SPEC
        sizes = {name: 3 + i for i, name in enumerate(numpy._PARAMETER_SIZES)}
        initial = numpy.init_params(seed=1, dtype="float64", **sizes)
        params = {n: a + 0.1 * rng.standard_normal(a.shape) for n, a in initial.items()}
        trained = {f"param:{n}": a for n, a in params.items() if spec["parameters"][n]["trained"]}
        inputs = {
            name: rng.standard_normal(
                (ROWS, STEPS, *(n if isinstance(n, int) else sizes.get(n, 6) for n in about["shape"]))
            )
            for name, about in spec["inputs"].items()
        }
        training = {"training": True, "seed": 7} if spec["masks"] else {}
        scene = Scene(
            ours,
            numpy,
            {n: a for n, a in params.items() if f"param:{n}" not in trained},
            {**trained, **{f"input:{n}": a for n, a in inputs.items()}},
            inputs,
            {},
            {},
            training,
        )
        outputs = scene.expected(scene.point)[0]
        scene.weights = {n: rng.standard_normal(a.shape) for n, a in outputs.items() if a.dtype.kind == "f"}
        scene.direction = {n: rng.standard_normal(a.shape) for n, a in scene.point.items()}
        return scene

    def expected(self, point: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
        """Outputs and final states by name, and what `gradients` needs."""
        params, inputs = self.split(point)
        outputs, state, tape = self.numpy.forward_train(params, _bare(inputs), None, LENGTHS, **self.training)
        return self.named(outputs, state), (params, tape)

    def gradients(self, point: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the loss, by NumPy."""
        _, (params, tape) = self.expected(point)
        d = {
            role: {n: w for key, w in self.weights.items() for r, n in [key.split(":")] if r == role} for role in ROLES
        }
        outputs, states = d["output"], d["state"]
        d_outputs = outputs if len(self.numpy.SPEC["outputs"]) > 1 else _bare(outputs)
        d_states = states if len(self.numpy.SPEC["states"]) > 1 else _bare(states)
        found = self.numpy.backward(params, tape, d_outputs, d_states)
        x = found["x"] if isinstance(found["x"], dict) else {next(iter(self.inputs)): found["x"]}
        return {**{f"param:{n}": a for n, a in found["params"].items()}, **{f"input:{n}": a for n, a in x.items()}}

    def second(self) -> dict[str, Any]:
        """The derivative of the gradients along `direction`, by differences of NumPy's gradients."""
        far = 1e-5
        ends = [
            self.gradients({n: a + sign * far * self.direction[n] for n, a in self.point.items()}) for sign in (1, -1)
        ]
        return {n: (ends[0][n] - ends[1][n]) / (2 * far) for n in self.point}

    def split(self, point: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Parameters and inputs of a point."""
        params = {**self.fixed, **{n[6:]: a for n, a in point.items() if n.startswith("param:")}}
        return params, {n[6:]: a for n, a in point.items() if n.startswith("input:")}

    def forward(self, point: Mapping[str, Any], lengths: Any = LENGTHS, **how: Any) -> dict[str, Any]:
        """Outputs and final states by name, by TensorFlow."""
        params, inputs = self.split(point)
        return self.named(*self.tf.forward(params, _bare(inputs), None, lengths, **self.training, **how))

    def named(self, outputs: Any, state: Any) -> dict[str, Any]:
        spec, found = self.numpy.SPEC, dict[str, Any]()
        for role, value, table in (("output", outputs, spec["outputs"]), ("state", state, spec["states"])):
            arrays = value if isinstance(value, dict) else {next(iter(table)): value}
            found |= {f"{role}:{n}": a for n, a in arrays.items()}
        return found

    def loss(self, found: Mapping[str, Any]) -> Any:
        return tf.add_n([tf.reduce_sum(found[name] * weight) for name, weight in self.weights.items()])


ROLES = ("output", "state")


def _bare(arrays: Mapping[str, Any]) -> Any:
    return next(iter(arrays.values())) if len(arrays) == 1 else dict(arrays)


def dense(gradients: Sequence[Any], like: Sequence[Any]) -> list[Any]:
    """Gradients as tensors; zeros where there are none."""
    return [tf.zeros_like(x) if g is None else tf.convert_to_tensor(g) for g, x in zip(gradients, like, strict=True)]


def close(found: Mapping[str, Any], expected: Mapping[str, Any], tolerance: float) -> None:
    """Same names, shapes and numbers. `tolerance` is relative to the largest number, at least to 1."""
    assert set(found) == set(expected)
    for name, reference in expected.items():
        array = np.asarray(found[name])
        assert array.shape == reference.shape, name
        scale = max(1.0, float(np.abs(reference).max(initial=0.0)))
        np.testing.assert_allclose(array, reference, rtol=0, atol=tolerance * scale, err_msg=name)
