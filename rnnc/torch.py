"""`as_torch(module)`: a generated module of NumPy or CUDA as an `nn.Module` of PyTorch, with autograd.

This file needs PyTorch, NumPy and the generated module; it imports nothing of the compiler.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any, Literal, cast

import numpy as np

try:
    torch: Any = import_module("torch")
except ModuleNotFoundError as error:
    raise ImportError("as_torch needs PyTorch: pip install 'rnnc[torch]'") from error
Tensor = Any  # torch.Tensor

TARGETS = ("numpy", "cuda")


def as_torch(
    module: ModuleType,
    *,
    params: Mapping[str, Any] | None = None,
    layout: Literal["auto"] | str | None = "auto",
    batch_first: bool = True,
    seed: int = 0,
    dtype: Any = None,
    device: Any = None,
    **sizes: int,
) -> Any:
    """A generated module as an `nn.Module`, which is called as `net(x, state=None, lengths=None, *, seed=None,
    masks=None)` and returns (outputs, final state).

    - `params`: arrays by rnnc's names, float32 or float64, as the module's `init_params` and `from_layout` give them;
      without them `init_params(seed=seed, dtype=dtype, **sizes)`. `dtype`: of PyTorch, or its name; float32 without it.
    - `layout`: under whose names and in whose arrangement parameters are kept: "auto" is PyTorch's own
      (`weight_ih_l0`) where the module has a layout `torch` and trains all of its parameters. None, and "auto"
      elsewhere: rnnc's names with a `:` for each dot.
    - `batch_first`: sequences are [batch, time, *axes], else [time, batch, *axes]; states are [batch, *axes] always.

    Arguments and results are tensors where there is one input, state or output, and dicts by name where there are
    several. All floats have the type of the parameters (under autocast they get it), and all tensors their device:
    `device`, or where the module computes.

    Raises TypeError (a module of another target, a wrong type), ValueError (a wrong device), KeyError (no such layout).
    """
    target = getattr(module, "SPEC", {}).get("target")
    if target not in TARGETS:
        said = f"a module for {target!r}" if target else f"{module!r}, which rnnc did not write"
        raise TypeError(f"as_torch takes a module that rnnc wrote for {' or '.join(TARGETS)}, and is given {said}")
    if params is None:
        name = "float32" if dtype is None else str(dtype).removeprefix("torch.")
        params = cast("Mapping[str, Any]", module.init_params(seed=seed, dtype=name, **sizes))
    elif sizes:
        raise TypeError(f"as_torch: sizes follow from params; {', '.join(sizes)} cannot be given as well")
    dtype = getattr(torch, dtype, dtype) if isinstance(dtype, str) else dtype
    return cast("Any", Recurrent(module, params, layout, batch_first)).to(device=device or _place(module), dtype=dtype)


class Recurrent(torch.nn.Module):
    """What `as_torch` returns."""

    def __init__(self, module: ModuleType, params: Mapping[str, Any], layout: str | None, batch_first: bool) -> None:
        torch.nn.Module.__init__(self)
        self.batch_first = batch_first
        self._generated = _Generated(module)
        about = module.SPEC["parameters"]
        module.pack(params)  # which checks them
        params = {name: np.array(params[name]) for name in about}
        trained = [name for name in about if about[name]["trained"]]
        self._layout, arrays = _arranged(module, params, layout, len(trained) == len(about))
        self._names: dict[str, str] = {}  # by their paths here
        for name, array in arrays.items():
            path = name if self._layout is not None else self._attribute(name)
            self._names[path] = name
            *scopes, own = path.split(".")
            holder = cast("Any", self)
            for scope in scopes:
                if not hasattr(holder, scope):
                    holder.add_module(scope, torch.nn.Module())
                holder = getattr(holder, scope)
            tensor = torch.from_numpy(np.array(array, order="C"))  # a layout's may be a transposed view
            if self._layout is not None or name in trained:
                holder.register_parameter(own, torch.nn.Parameter(tensor))
            else:
                holder.register_buffer(own, tensor)

    def _attribute(self, name: str) -> str:
        """A name without dots, which no other name becomes and nn.Module has no use for."""
        found = name.replace(".", ":")
        return f"{found}:" if hasattr(self, found) else found

    def forward(
        self,
        x: Any,
        state: Any = None,
        lengths: Any = None,
        *,
        seed: int | None = None,
        masks: Mapping[str, Tensor] | None = None,
    ) -> tuple[Any, Any]:
        """Run whole sequences. `lengths`: whole numbers [batch]. Returns (outputs, final state).

        In training mode random masks are drawn from `seed`, without one from a seed that torch's generator gives.
        Raises TypeError, ValueError and KeyError as the generated module does, and for tensors on another device.
        """
        module: Any = self._generated.module
        spec = module.SPEC
        if torch.jit.is_tracing():
            raise RuntimeError(f"{spec['name']} is no graph of PyTorch: a trace would keep this call's numbers for all")
        params = self._parameters_by_name()
        inputs = _by_name("x", x, spec["inputs"])
        states = {} if state is None else _by_name("state", state, spec["states"])
        kind = _kind([*params.values(), *inputs.values(), *states.values()])
        kind.check_place(module)
        inputs = {name: kind.taken(_shown("x", name, spec["inputs"]), t) for name, t in inputs.items()}
        states = {name: kind.taken(_shown("state", name, spec["states"]), t) for name, t in states.items()}
        params = {name: kind.taken(f"the parameter {name}", parameter) for name, parameter in params.items()}
        how: dict[str, Any] = {"time_major": not self.batch_first, "training": self.training and bool(spec["masks"])}
        if masks is not None:
            how["masks"] = {name: _array(kind.taken(f"masks[{name!r}]", mask).clone()) for name, mask in masks.items()}
        if how["training"]:
            drawn = seed is None and not spec["masks"].keys() <= (masks or {}).keys()
            how["seed"] = int(torch.randint(2**62, ())) if drawn else seed
        lengths = lengths.detach().cpu().numpy() if isinstance(lengths, torch.Tensor) else lengths
        lengths = None if lengths is None else np.array(lengths)  # a copy, as of masks, since the caller may change it
        call = _Call(module, list(params), list(inputs), list(states), isinstance(x, Mapping), lengths, how, kind)
        tensors = [*params.values(), *inputs.values(), *states.values()]
        if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors):
            found = _Differentiable.apply(call, *tensors)
        else:
            found, _ = call.run(module.forward, tensors)
        return call.unpacked(found)

    def export_params(self) -> dict[str, Any]:
        """Copies of all parameters as NumPy arrays by rnnc's names, for the functions of generated modules."""
        with torch.no_grad():
            return {name: tensor.cpu().numpy().copy() for name, tensor in self._parameters_by_name().items()}

    def extra_repr(self) -> str:
        """`LSTM, numpy, layout torch`"""
        spec = self._generated.module.SPEC
        return f"{spec['name']}, {spec['target']}" + (f", layout {self._layout}" if self._layout else "")

    def _parameters_by_name(self) -> dict[str, Tensor]:
        """By rnnc's names. Arrays of a layout are taken apart by operations of PyTorch, which give them gradients."""
        module: Any = self._generated.module
        given = {name: reduce(getattr, path.split("."), cast("Any", self)) for path, name in self._names.items()}
        if self._layout is None:
            return given
        found: dict[str, Tensor] = {}
        library = SimpleNamespace(transpose=_transpose, reshape=torch.reshape)  # from_layout itself knows arrays only
        layout = module._layout(self._layout)
        for name, (_, tree) in layout["arrays"](layout["sizes"](given)).items():
            module._take_apart(tree, given[name], found, library)
        return {name: found[name].contiguous() for name in module.SPEC["parameters"]}


@dataclass(frozen=True)
class _Generated:
    """A generated module inside an nn.Module, which is copied and pickled: the module itself is neither."""

    module: ModuleType

    def __post_init__(self) -> None:
        """`torch.compile` calls `forward` as it is. (As a decorator this would import the compiler, for seconds.)"""
        cast("Any", Recurrent).forward = torch.compiler.disable(Recurrent.forward)

    def __deepcopy__(self, memo: object) -> _Generated:
        return self

    def __reduce__(self) -> tuple[Callable[[str], _Generated], tuple[str]]:
        name = self.module.__name__
        if sys.modules.get(name) is not self.module:
            said = f"the module {name} was not imported by its name, so it cannot be pickled"
            raise TypeError(f"{said}: save state_dict()")
        return _imported, (name,)


def _imported(name: str) -> _Generated:
    return _Generated(import_module(name))


@dataclass(frozen=True)
class _Kind:
    """The type and the device of a call's floats."""

    dtype: Any
    device: Any

    def check_place(self, module: Any) -> None:
        """Raises TypeError and ValueError where the module does not compute like that."""
        spec, wanted = module.SPEC, _place(module)
        if self.dtype not in (torch.float32, torch.float64):
            said = f"the parameters are {self.dtype}; {spec['name']}"
            raise TypeError(f"{said} computes in float32 (.float()) or float64")
        if self.device.type != wanted:
            raise ValueError(
                f"the parameters are on {self.device}, and a module for {spec['target']} computes on {wanted}:"
                f" .to({wanted!r}){'' if wanted == 'cuda' else ', or a module compiled with --target cuda'}"
            )

    def taken(self, what: str, tensor: Tensor) -> Tensor:
        """A tensor of the right type and device. Raises TypeError and ValueError, which name it."""
        if not isinstance(tensor, torch.Tensor):
            raise TypeError(f"{what} should be a tensor, and is {type(tensor).__name__}")
        if torch.autograd.forward_ad.unpack_dual(_in_memory(what, tensor)).tangent is not None:
            raise TypeError(
                f"{what} has a tangent: derivatives go backwards only, by .backward() or torch.autograd.grad"
            )
        if tensor.device != self.device:
            raise ValueError(f"{what} is on {tensor.device}, and the parameters are on {self.device}")
        if not tensor.is_floating_point() or tensor.dtype == self.dtype:
            return tensor
        if torch.is_autocast_enabled(self.device.type):
            return tensor.to(self.dtype)
        raise TypeError(
            f"{what} is {tensor.dtype}, and the parameters are {self.dtype}: .to({self.dtype}) makes it fit"
        )


@dataclass
class _Call:
    """One call of a generated module: what tensors in a row mean, and what else it is given."""

    module: Any
    params: list[str]
    inputs: list[str]
    states: list[str]
    dicts: bool  # inputs come as a dict, and so do their gradients
    lengths: Any
    how: dict[str, Any]
    kind: _Kind

    def run(self, entry: Callable[..., tuple[Any, ...]], tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Any]]:
        """Outputs and then final states, by `forward` or `forward_train`; and the tape, where there is one."""
        spec = self.module.SPEC
        with _current(self.kind.device):
            outputs, state, *tape = entry(*self._arguments(tensors), **self.how)
            found = _by_name("outputs", outputs, dict.fromkeys(self._outputs))
            states = _by_name("state", state, spec["states"]) if spec["states"] else {}
            return [_tensor(array) for array in (*found.values(), *states.values())], tape

    def backward(self, params: Sequence[Tensor], tape: Any, slopes: Sequence[Tensor | None]) -> list[Tensor | None]:
        """Gradients of parameters, inputs and given states from those of outputs and final states."""
        spec = self.module.SPEC
        arrays = [None if slope is None else _array(_in_memory("a gradient", slope)) for slope in slopes]
        d_outputs = dict(zip(spec["outputs"], arrays, strict=False))  # what is exposed has none
        d_final = dict(zip(spec["states"], arrays[len(self._outputs) :], strict=True))
        with _current(self.kind.device):
            found = self.module.backward(self._by_name(self.params, params), tape, d_outputs, d_final or None)
            inputs = found["x"] if self.dicts else {self.inputs[0]: found["x"]}
            states = _by_name("state", found["state"], spec["states"]) if spec["states"] else {}
            rows = (self.params, found["params"]), (self.inputs, inputs), (self.states, states)
            return [None if g is None else _tensor(g) for names, arrays in rows for g in map(arrays.get, names)]

    def is_differentiable(self, index: int) -> bool:
        """Whether a result has a cotangent: floats that are no exposed equations."""
        spec = self.module.SPEC
        about = [*(spec["outputs"].get(name) for name in self._outputs), *spec["states"].values()][index]
        return about is not None and about["dtype"] == "float"

    def unpacked(self, tensors: Sequence[Tensor]) -> tuple[Any, Any]:
        """Results as the contract has them."""
        outputs = dict(zip(self._outputs, tensors, strict=False))
        return _bare(outputs), _bare(dict(zip(self.module.SPEC["states"], tensors[len(outputs) :], strict=True)))

    @property
    def _outputs(self) -> list[str]:
        return [*self.module.SPEC["outputs"], *self.module.SPEC["exposed"]]

    def _by_name(self, names: Sequence[str], tensors: Sequence[Tensor]) -> dict[str, Any]:
        return dict(zip(names, map(_array, tensors), strict=True))

    def _arguments(self, tensors: Sequence[Tensor]) -> tuple[Any, Any, Any, Any]:
        ends = len(self.params), len(self.params) + len(self.inputs)
        inputs = self._by_name(self.inputs, tensors[ends[0] : ends[1]])
        states = self._by_name(self.states, tensors[ends[1] :])
        x = inputs if self.dicts else inputs[self.inputs[0]]
        return self._by_name(self.params, tensors[: ends[0]]), x, _bare(states) if states else None, self.lengths


class _Differentiable(torch.autograd.Function):
    """A call with a tape."""

    @staticmethod
    def forward(ctx: Any, call: _Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        results, ctx.tape = call.run(call.module.forward_train, tensors)
        ctx.call = call
        ctx.save_for_backward(*tensors)  # autograd notices where these are changed meanwhile, and when they may go
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(t for i, t in enumerate(results) if not call.is_differentiable(i)))
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor | None) -> tuple[Tensor | None, ...]:
        call, given = ctx.call, ctx.saved_tensors
        tape, ctx.tape = ctx.tape, None  # a tape is used once: with retain_graph the call is made again
        (tape,) = tape or call.run(call.module.forward_train, given)[1]
        found = call.backward(given[: len(call.params)], tape, slopes)
        found = [g if wanted else None for g, wanted in zip(found, ctx.needs_input_grad[1:], strict=True)]
        if torch.is_grad_enabled():  # create_graph
            found = _Slopes.apply(call.module.SPEC["name"], len(found), *found, *given, *slopes)
        return None, *found


class _Slopes(torch.autograd.Function):
    """Gradients, which depend on all sources, so that they are no constants to anybody. How they do is not known."""

    @staticmethod
    def forward(ctx: Any, name: str, count: int, *tensors: Tensor | None) -> tuple[Tensor | None, ...]:
        ctx.name = name
        return tuple(None if tensor is None else tensor.view_as(tensor) for tensor in tensors[:count])

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor | None) -> tuple[Tensor | None, ...]:
        raise RuntimeError(f"{ctx.name} has no second derivatives: its gradients are a program of the generated module")


def _arranged(
    module: Any, params: Mapping[str, Any], layout: str | None, all_trained: bool
) -> tuple[str | None, dict[str, Any]]:
    """The layout that is used, and parameters as it has them. Raises KeyError and ValueError where it does not fit."""
    if layout == "auto" and all_trained:
        with contextlib.suppress(KeyError, ValueError):  # there is none, or a variant has lost it
            return "torch", dict(module.to_layout("torch", params))
    if layout is None or layout == "auto":
        return None, dict(params)
    if not all_trained:
        raise ValueError(f"{module.SPEC['name']} has fixed parameters, which no layout tells from others: layout=None")
    return layout, dict(module.to_layout(layout, params))


def _place(module: Any) -> str:
    """The device on which a module computes: where a simulator runs its kernels, `cp` has NumPy's arrays."""
    return "cuda" if module.SPEC["target"] == "cuda" and module.cp.ndarray is not np.ndarray else "cpu"


def _transpose(tensor: Tensor, order: Sequence[int]) -> Tensor:
    return tensor.permute(*map(int, order))


def _kind(values: Sequence[Any]) -> _Kind:
    """Those of the first float; without floats those of the first tensor, in float32."""
    tensors = [value for value in values if isinstance(value, torch.Tensor)] or [torch.empty(0)]
    first = next((tensor for tensor in tensors if tensor.is_floating_point()), None)
    return _Kind(torch.float32, tensors[0].device) if first is None else _Kind(first.dtype, first.device)


def _by_name(what: str, value: Any, table: Mapping[str, Any]) -> dict[str, Any]:
    """Values by name in the order of a table; a bare one where there is one name. Raises TypeError and KeyError."""
    if not isinstance(value, Mapping):
        if len(table) != 1:
            wanted = f"a dict with {', '.join(table)}" if table else "nothing"
            raise TypeError(f"{what}: expected {wanted}, got {type(value).__name__}")
        return {next(iter(table)): value}
    given = cast("Mapping[str, Any]", value)
    if given.keys() != table.keys():
        raise KeyError(f"{what}: expected the names {', '.join(table)}, got {', '.join(map(str, given))}")
    return {name: given[name] for name in table}


def _bare(values: dict[str, Any]) -> Any:
    return next(iter(values.values())) if len(values) == 1 else values


def _shown(what: str, name: str, table: Mapping[str, Any]) -> str:
    return what if len(table) == 1 else f"{what}[{name!r}]"


def _in_memory(what: str, tensor: Tensor) -> Tensor:
    """The tensor. Raises TypeError where it is none that an array can be made of."""
    try:
        if not tensor.is_nested:
            tensor.detach().data_ptr()
            return tensor
    except RuntimeError:
        pass
    raise TypeError(f"{what} is no array in memory, as with torch.func, vectorize=True, sparse and nested tensors")


def _array(tensor: Tensor) -> Any:
    """What the generated module takes, of the same memory: an array of NumPy, or the tensor on its device."""
    tensor = tensor.detach().resolve_neg()
    return tensor.numpy() if tensor.device.type == "cpu" else tensor


def _tensor(array: Any) -> Tensor:
    if not isinstance(array, np.ndarray):
        return torch.from_dlpack(array)
    whole = cast("np.ndarray[Any, Any]", array)
    usable = whole.flags.writeable and all(stride >= 0 for stride in whole.strides)
    return torch.from_numpy(whole if usable else np.array(whole, order="C"))


@contextlib.contextmanager
def _current(device: Any) -> Generator[None]:
    """The device and PyTorch's current stream on it, as CuPy's too."""
    if device.type != "cuda":
        yield
        return
    cuda = cast("Any", import_module("cupy")).cuda
    stream = _Stream(torch.cuda.current_stream(device).cuda_stream)
    theirs = getattr(cuda.Stream, "from_external", None)  # of CuPy 14, which warns of what came before
    with cuda.Device(device.index), theirs(stream) if theirs else cuda.ExternalStream(stream.address):
        yield


@dataclass(frozen=True)
class _Stream:
    """A stream as libraries tell one another of it."""

    address: int

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.address
