"""Executes weight layouts on arrays: import, export, and gradients back to the foreign arrays.

Import is affine: every leaf of an arrangement takes its region of the foreign array, undoes scale and offset, and a
parameter is the sum over its leaves. Gradients of foreign arrays are the transpose of that; export is a right
inverse: the first leaf of a parameter carries it, later ones carry zeros.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from rnnc.ir.layout import Affine, Arrangement, Cat, ForeignArray, Leaf, Reshaped, Transposed, Unused, WeightLayout
from rnnc.ir.model import Model
from rnnc.ir.size import Size
from rnnc.verify.arrays import Array, Arrays, DTypeLike, reshape
from rnnc.verify.errors import VerifyError, near_misses
from rnnc.verify.sizes import Equation, shape_equations


def find_layout(model: Model, name: str) -> WeightLayout:
    """The layout of that name, complete. E802 where the model has none, or where a variant has lost entries."""
    for layout in model.layouts:
        if layout.name == name:
            if layout.missing:
                raise VerifyError(
                    "E802",
                    f"the layout {name!r} does not fit {model.name}: {', '.join(layout.missing)}",
                    notes=["an entry names a parameter that is gone, or no entry names the parameter"],
                    fix="give the variant a layout of its own",
                )
            return layout
    names = [layout.name for layout in model.layouts]
    known = f"it has {', '.join(names)}" if names else "it declares none"
    raise VerifyError("E802", f"{model.name} has no layout {name!r}{near_misses(name, names)}; {known}")


def layout_equations(layout: WeightLayout, arrays: Mapping[str, Array]) -> Iterator[Equation]:
    """What the shapes of foreign arrays say about open sizes. E802: an array is missing or has another rank."""
    _check_names(layout, arrays)
    for foreign in layout.arrays:
        actual = arrays[foreign.name].shape
        if len(actual) != len(foreign.shape):
            declared = ", ".join(str(s) for s in foreign.shape)
            raise VerifyError("E802", f"{foreign.name!r} has shape {actual}; the layout says [{declared}]")
        yield from shape_equations(foreign.name, foreign.shape, actual)


def import_arrays(model: Model, layout: WeightLayout, arrays: Mapping[str, Array], sizes: Mapping[str, int]) -> Arrays:
    """Parameters (contract names and shapes) from foreign arrays. Dtypes are those of the foreign arrays."""
    _check_names(layout, arrays)
    shapes = parameter_shapes(model, sizes)
    params: Arrays = {}
    for foreign in layout.arrays:
        _check_shape(foreign, arrays[foreign.name].shape, sizes)
        for name, piece in _take_apart(foreign.value, arrays[foreign.name], shapes, sizes):
            params[name] = params[name] + piece if name in params else piece
    return {name: np.ascontiguousarray(params[name]) for name in shapes if name in params}


def export_arrays(model: Model, layout: WeightLayout, params: Mapping[str, Array], sizes: Mapping[str, int]) -> Arrays:
    """Foreign arrays from parameters, such that importing them gives the parameters back."""
    shapes = parameter_shapes(model, sizes)
    _check_parameters(model, params, shapes)
    carried: set[str] = set()

    def leaf(name: str) -> Array:
        if name in carried:
            return np.zeros_like(params[name])
        carried.add(name)
        return params[name]

    dtype = np.result_type(*params.values()) if params else np.dtype(np.float32)
    return {
        foreign.name: np.ascontiguousarray(
            _put_together(foreign.value, leaf, lambda item, node: item * node.scale + node.offset, sizes, dtype, True)
        )
        for foreign in layout.arrays
    }


def foreign_gradients(
    model: Model, layout: WeightLayout, gradients: Mapping[str, Array], sizes: Mapping[str, int]
) -> Arrays:
    """Gradients of foreign arrays from those of trained parameters (zeros for fixed ones): import's transpose."""
    shapes = parameter_shapes(model, sizes)
    dtype = np.result_type(*gradients.values()) if gradients else np.dtype(np.float32)
    fixed = {p.name: np.zeros(shapes[p.name], dtype) for p in model.parameters if not p.trained}
    gradients = {**fixed, **gradients}
    _check_parameters(model, gradients, shapes)
    return {
        foreign.name: np.ascontiguousarray(
            _put_together(
                foreign.value, gradients.__getitem__, lambda item, node: item / node.scale, sizes, dtype, False
            )
        )
        for foreign in layout.arrays
    }


def parameter_shapes(model: Model, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The shape of every parameter for given sizes."""
    return {p.name: tuple(a.size.evaluate(sizes) for a in p.axes) for p in model.parameters}


def _take_apart(
    node: Arrangement, foreign: Array, shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]
) -> Iterator[tuple[str, Array]]:
    """What every leaf receives from its region of `foreign`."""
    match node:
        case Leaf(name):
            yield name, foreign
        case Unused():
            return
        case Cat(axis, items):
            widths = [_shape(item, shapes, sizes)[axis] for item in items]
            for item, part in zip(items, np.split(foreign, np.cumsum(widths)[:-1], axis=axis), strict=True):
                yield from _take_apart(item, part, shapes, sizes)
        case Transposed(item, order):
            yield from _take_apart(item, np.transpose(foreign, np.argsort(order)), shapes, sizes)
        case Reshaped(item, _, inner):
            yield from _take_apart(item, reshape(foreign, *_numbers(inner, sizes)), shapes, sizes)
        case Affine(item, scale, offset):
            yield from _take_apart(
                item, (foreign - foreign.dtype.type(offset)) / foreign.dtype.type(scale), shapes, sizes
            )


def _put_together(
    node: Arrangement,
    leaf: Callable[[str], Array],
    affine: Callable[[Array, Affine], Array],
    sizes: Mapping[str, int],
    dtype: DTypeLike,
    fill_unused: bool,
) -> Array:
    """The foreign array of an arrangement whose leaves and affine nodes mean what the two functions say."""

    def build(node: Arrangement) -> Array:
        match node:
            case Leaf(name):
                return leaf(name)
            case Unused(shape, value):
                return np.full(_numbers(shape, sizes), value if fill_unused else 0.0, dtype)
            case Cat(axis, items):
                return np.concatenate([build(item) for item in items], axis=axis)
            case Transposed(item, order):
                return np.transpose(build(item), order)
            case Reshaped(item, shape, _):
                return reshape(build(item), *_numbers(shape, sizes))
            case Affine(item):
                return affine(build(item), node)

    return build(node)


def _shape(node: Arrangement, shapes: Mapping[str, tuple[int, ...]], sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an arrangement's foreign array."""
    match node:
        case Leaf(name):
            return shapes[name]
        case Unused(shape):
            return _numbers(shape, sizes)
        case Cat(axis, items):
            parts = [_shape(item, shapes, sizes) for item in items]
            joined = list(parts[0])
            joined[axis] = sum(part[axis] for part in parts)
            return tuple(joined)
        case Transposed(item, order):
            inner = _shape(item, shapes, sizes)
            return tuple(inner[axis] for axis in order)
        case Reshaped(_, shape, _):
            return _numbers(shape, sizes)
        case Affine(item):
            return _shape(item, shapes, sizes)


def _numbers(shape: Sequence[Size], sizes: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(size.evaluate(sizes) for size in shape)


def _check_names(layout: WeightLayout, arrays: Mapping[str, Array]) -> None:
    wanted = [foreign.name for foreign in layout.arrays]
    missing = [name for name in wanted if name not in arrays]
    if missing:
        listed = ", ".join(f"{name!r}{near_misses(name, arrays)}" for name in missing)
        raise VerifyError("E802", f"the layout {layout.name!r} needs the array {listed}")
    extra = sorted(set(arrays) - set(wanted))
    if extra:
        listed = ", ".join(f"{name!r}{near_misses(name, wanted)}" for name in extra)
        raise VerifyError("E802", f"the layout {layout.name!r} knows no array {listed}")


def _check_shape(foreign: ForeignArray, actual: tuple[int, ...], sizes: Mapping[str, int]) -> None:
    expected = _numbers(foreign.shape, sizes)
    if actual != expected:
        declared = ", ".join(str(s) for s in foreign.shape)
        raise VerifyError("E802", f"{foreign.name!r} has shape {actual}; [{declared}] is {expected}")


def _check_parameters(model: Model, arrays: Mapping[str, Array], shapes: Mapping[str, tuple[int, ...]]) -> None:
    for name, shape in shapes.items():
        if name not in arrays:
            raise VerifyError("E802", f"{model.name} has a parameter {name!r}, which is not given")
        if arrays[name].shape != shape:
            raise VerifyError("E802", f"parameter {name!r} has shape {arrays[name].shape}; it should be {shape}")
