# A part of every generated CUDA module: names that are not defined here are defined in the others.


LENGTHS = np.int32
REALS = {"float16": "float", "bfloat16": "float", "float32": "float", "float64": "double"}
FLOATS = tuple(REALS)
ITEMS = {**REALS, "float16": "f16", "bfloat16": "bf16"}  # as arrays hold them
_HOST = 1, 3  # DLPack's numbers for memory of the host, the second one for what the device can read, too
_OF_EACH_THREAD = 2  # the address of the stream that each thread has another one of
_BUILT, _BUILDING = {}, threading.Lock()
_OPTIONS = ("--std=c++17", "--fmad=false")  # sums are contracted where kernels say so, and nowhere else


def _named_dtype(dtype):
    """A dtype by its name, which NumPy knows but for one."""
    if str(dtype) == "bfloat16":
        try:
            from ml_dtypes import bfloat16 as dtype
        except ImportError as error:
            raise ImportError("bfloat16 needs ml_dtypes: pip install ml_dtypes") from error
        if int(cp.__version__.split(".")[0]) < 14:
            raise ImportError(f"bfloat16 needs CuPy 14, and this is {cp.__version__}: pip install -U cupy-cuda12x")
    return np.dtype(dtype)


def _borrowed(value):
    """An array on the device: without a copy where the value is on it already, whichever library it is of.

    DLPack comes first, since it says on which stream a value is waited for.
    """
    held = _of_host(value)
    if held is not None:
        _named_dtype(held.dtype)  # which this CuPy may not have
        return cp.asarray(held)
    if isinstance(value, cp.ndarray):
        return value
    return cp.from_dlpack(value) if hasattr(value, "__dlpack_device__") else cp.asarray(value)


def _of_host(value):
    """What the host holds, as an array of NumPy; None for arrays on the device, and for what is no array yet."""
    if isinstance(value, cp.ndarray):
        return None
    if isinstance(value, np.ndarray):
        return value
    on_host = hasattr(value, "__dlpack_device__") and value.__dlpack_device__()[0] in _HOST
    return np.from_dlpack(value) if on_host else None


def _entered(array, given, program):
    """An array without gaps; for training one of the call's own, which the tape may keep."""
    return cp.array(array, order="C") if program == "train" else cp.ascontiguousarray(array)


def _copied(value):
    return cp.array(_borrowed(value))


def _on_host(value):
    """A small array of the caller for the host to look at; the device is waited for only where that has it."""
    held = np.asarray(value) if isinstance(value, list | tuple) else _of_host(value)
    return cp.asnumpy(_borrowed(value)) if held is None else held


def _prepared(program, parameters, sizes, dtype):
    """What the loops of a program use, on which device it is, and when it is there.

    Within a capture it is a part of the graph, computed at each launch of it and never before, so nobody else gets it.
    """
    key = _PACK[program], sizes, dtype
    found = parameters.prepared.get(key)
    if found is None:
        _check_device({f"params[{name!r}]": array for name, array in parameters.arrays.items()})
        if parameters.written is not None:
            parameters.written.reach()
        whole = {name: cp.ascontiguousarray(array) for name, array in parameters.arrays.items()}
        made = _PACK[program](whole, sizes, dtype, _launcher(dtype))
        written = None if parameters.written is None else _written()
        found = cp.cuda.Device().id, made, written
        if written is not None:
            found = parameters.prepared.setdefault(key, found)  # that of the first thread, as long as they live
    return found


def _execute(program, prepared, sizes, steps, rows, dtype, given):
    """The results of a program."""
    device, prepared, written = prepared
    if device != cp.cuda.Device().id:
        raise ValueError(f"params were packed on device {device}, and the current one is {cp.cuda.Device().id}")
    _check_device(given)
    if written is not None:
        written.reach()
    return _RUN[program](prepared, sizes, steps, rows, dtype, given, _launcher(dtype))


def _written():
    """When the arrays that were made last are there; None within a capture, where that is at no time."""
    stream = cp.cuda.get_current_stream()
    return None if stream.is_capturing() else _Written(stream)


class _Written:
    """When some arrays are there: what reads them on another stream than the one that writes them comes later."""

    def __init__(self, stream):
        self.event, self.later = stream.record(cp.cuda.Event(disable_timing=True)), {}
        self._note(stream)

    def reach(self):
        """What the current stream gets from now on comes after them; the host waits for nothing.

        Its order holds in captures, too, but none can wait for what was outside of it.
        """
        stream = cp.cuda.get_current_stream()
        known = self.later.get(stream.ptr)
        if known is not None and known() is not None:
            return
        if not stream.is_capturing():
            stream.wait_event(self.event)
        elif not self._is_done():
            what = "params were packed on another stream, which may not have written them yet, and a capture cannot"
            raise RuntimeError(f"{what} wait for it: call once before, on the stream that captures")
        self._note(stream)

    def _note(self, stream):
        if stream.ptr != _OF_EACH_THREAD:
            self.later[stream.ptr] = weakref.ref(stream)  # another stream may have its address once it is gone

    def _is_done(self):
        try:
            return self.event.done
        except RuntimeError:  # captures that are not relaxed do not let anybody ask
            return False


def _check_device(arrays):
    """Kernels read arrays of the present device; a device cannot read those of any other one."""
    present = cp.cuda.Device().id
    for name, array in arrays.items():
        if array is not None and _device_of(array) != present:
            there = _device_of(array)
            raise ValueError(f"{name} is on device {there}, and the current one is {present}: `with Device({there}):`")


def _device_of(array):
    return array.device.id


def _launcher(dtype):
    """What launches kernels for a dtype on the present device."""
    rounded = str(dtype) == "float32" and _may_be_rounded() and _capability()[0] >= 8
    return _launcher_of("tf32" if rounded else str(dtype))


def _launcher_of(numbers):
    """The same for numbers by their name, which is that of a dtype, or "tf32": float32 that products may round."""
    key = cp.cuda.Device().id, numbers
    if key not in _BUILT:
        _BUILT[key] = _Launch(*key)
    return _BUILT[key]


def _attributes():
    """Those of the present device; CuPy asks the driver for all of them, each time."""
    key = cp.cuda.Device().id, "attributes"
    if key not in _BUILT:
        _BUILT[key] = cp.cuda.Device().attributes
    return _BUILT[key]


def _capability():
    """The compute capability of the present device: major and minor. It is none of CuPy's attributes."""
    digits = cp.cuda.Device().compute_capability
    return int(digits[:-1]), int(digits[-1])


class _Launch:
    """Launches kernels on one device, for numbers of one name."""

    def __init__(self, device, numbers):
        attributes, (major, minor) = _attributes(), _capability()
        if major < 7:
            needed = "kernels need a GPU of compute capability 7.0 (Volta) or newer"
            raise RuntimeError(f"{needed}, and device {device} has {major}.{minor}")
        self.key, self.item = (device, numbers), _ITEMS[numbers]
        clusters = _LARGEST if major >= 9 else 0
        self.room = _Room(attributes["MultiProcessorCount"], attributes["MaxSharedMemoryPerBlockOptin"], clusters)
        self.plans = {}

    def __call__(self, name, threads, *arguments):
        """A kernel over `threads` elements."""
        if threads:
            kernel, grid, passed = self.prepared(name, threads, arguments)
            kernel((grid,), (_THREADS,), passed)

    def prepared(self, name, threads, arguments):
        """The kernel, how many blocks run it, and what it gets."""
        grid = min(-(-threads // _THREADS), 32 * self.room.multiprocessors)
        return _kernel(*self.key, name), grid, tuple(map(_passed, arguments))

    def tiles(self, name, tiles, *arguments):
        """A kernel that multiplies matrices."""
        if tiles.blocks:
            kernel, grid, passed = self.prepared(name, tiles.blocks * _THREADS, arguments)
            kernel((grid,), (_TILE_THREADS,), passed, shared_mem=_TILE_BYTES)

    def product(self, a, b, out):
        """A product of matrices."""
        _product(a, b, out)

    def multiplied(self, a, b):
        """The same, in an array of its own."""
        return _multiplied(a, b)

    def steps(self, *loop, **how):
        """A loop, step by step."""
        return _steps(self, *loop, **how)

    def team(self, name, rows, loop):
        """How the blocks of the device run a loop; None where the host runs it, step by step."""
        key = name, rows, loop
        if key not in self.plans:
            self.plans[key] = team = self._planned(name, rows, loop) if rows else None
            if team is None and rows and _STRATEGY not in ("auto", "step"):
                what = f"{name}: the device has no room for the strategy {_STRATEGY}: step by step"
                warnings.warn(what, stacklevel=4)
        return self.plans[key]

    def together(self, name, rows, loop, loops):
        """How they run several loops as one; None where that costs more than one loop after the other."""
        key = name, rows, loop
        if key not in self.plans:
            self.plans[key] = self._planned(name, rows, loop) if rows and self._is_less(rows, loop, loops) else None
        return self.plans[key]

    def _is_less(self, rows, loop, loops):
        """Whether a loop is expected to cost no more than others one after the other, before any kernel is compiled."""
        joint, apart = self._expected(rows, loop), [self._seconds(rows, one) for one in loops]
        return joint is not None and (None in apart or joint.seconds <= sum(apart))

    def _seconds(self, rows, loop):
        """Those of a step, in any way that the strategy allows; None where there is none."""
        team = self._expected(rows, loop)
        if team is None and _STRATEGY == "auto":
            return _step_cost(self.item, rows, loop, self.room.multiprocessors)
        return team and team.seconds

    def _expected(self, rows, loop):
        """The team of a loop, if all clusters fit and its kernel does not spill."""
        return self._plan(rows, loop, max(_REGISTERS, default=0))

    def _plan(self, rows, loop, registers, crowd=None):
        return _team_plan(_STRATEGY, self.room, self.item, rows, loop, registers, crowd)

    def _planned(self, name, rows, loop):
        crowd = {}  # of each size, how many clusters run at once, where that has turned out to be fewer than wanted
        while True:
            team = self._without_spills(name, rows, loop, crowd)
            if team is None or not team.clustered:
                break
            at_once = _active_clusters(self._loop(name, team), team)
            if at_once >= team.teams:
                break
            crowd[team.blocks] = at_once
        if team is not None and team.blocks > 1 and not team.clustered:  # all blocks must be there at once
            kernel = self._loop(name, team)
            fit = cp.cuda.driver.occupancyMaxActiveBlocksPerMultiprocessor(kernel.kernel.ptr, team.threads, team.shared)
            team = team if fit * self.room.multiprocessors >= team.blocks * team.teams else None
        return team

    def _without_spills(self, name, rows, loop, crowd):
        return _team_without_spills(
            lambda registers: self._plan(rows, loop, registers, crowd),
            lambda team: self._loop(name, team).local_size_bytes > 0,
            lambda team: self._loop(name, team).num_regs,
        )

    def _loop(self, name, team):
        kernel = _kernel(*self.key, name, team.blocks if team.clustered else 1, team.kept)
        if team.shared > 48 << 10:  # what every kernel may have; plans and threads share the kernel, so it may have all
            kernel.max_dynamic_shared_size_bytes = self.room.shared
        return kernel

    def loop(self, name, team, *arguments):
        """A whole loop as one kernel."""
        together = team.blocks > 1 and not team.clustered  # blocks meet at a counter of their team
        counters = cp.zeros(32 * team.teams, np.uint32) if together else None
        numbers = (team.blocks, team.rows, team.heads, int(team.clustered), *team.numbers, *team.copies)
        real = np.float64 if self.item.bytes == 8 else np.float32
        parts = cp.empty(team.parts, real) if team.parts else None
        passed = (*map(_passed, (*arguments, counters, parts)), *map(np.int32, numbers))
        launched = self._loop(name, team).kernel
        grid, block = (team.blocks * team.teams,), (team.threads,)
        # Not the module's own word for it, for which CuPy 12 and 13 link a library that only the toolkit has.
        launched(grid, block, passed, shared_mem=team.shared, enable_cooperative_groups=together)


def _kernel(device, dtype, name, cluster=1, kept=()):
    """A kernel; those of its program are compiled when the first one is asked for, but a loop's for itself. `kept`:
    what stays in registers."""
    key = device, dtype, name, cluster, kept
    if key not in _BUILT:
        program = _text_of(name)
        with _BUILDING:
            whole = device, dtype, program, cluster, kept
            module = _BUILT.get(whole)
            if module is None:
                module = cp.RawModule(code=_code(dtype, program, cluster, kept), options=_OPTIONS)
                _BUILT[whole] = module
            _BUILT[key] = module.get_function(name)
    return _BUILT[key]


def _text_of(name):
    """The text that a kernel is in: of its program, or its own."""
    return name if name in _KERNELS else name.rpartition("_")[0]


def _code(dtype, program, cluster=1, kept=()):
    """The kernels of a text, with all that they call. `cluster`: how many blocks are one; `kept`: what registers
    hold of the weights of each product of one of the kernels, as registers.cuh says."""
    item = ITEMS.get(dtype, "tf32" if "_loop_" in program else "float")  # elsewhere the library multiplies
    types = f"typedef {REALS.get(dtype, 'float')} real;\ntypedef {item} item;"
    kernels = _KERNELS[program]
    if cluster > 1:
        kernels = kernels.replace("__launch_bounds__", f"__cluster_dims__({cluster}, 1, 1) __launch_bounds__")
    teams = f"{_TEAMS}\n{_JOINING}\n{_IN_REGISTERS}\n{_EXCHANGE}" if "_loop_" in program else ""
    teams += _MULTIPLY if "multiply_tiles<" in kernels else ""
    if kernels.count("= multiply<") > _FEW_PRODUCTS and not any(deep for _, _, deep, _, _ in kept):
        teams = teams.replace("__device__ void", "__device__ __attribute__((noinline)) void")
    if any(deep for _, _, deep, _, _ in kept):
        for number, (heads, wide, deep, part, rest) in enumerate(kept, start=1):
            held = f"static constexpr int heads = {heads}, wide = {wide}, deep = {deep}, part = {part};"
            held += f" static constexpr bool rest = {rest}, staged = false;"
            teams += f"template <> struct InRegisters<{number}> {{ {held} }};\n"
    return f"{_PRELUDE}\n{types}\n{_MATH}\n{teams}\n{kernels}"


def _passed(argument):
    """What a kernel gets: arrays, whole numbers of 64 bits, and no address for what is absent."""
    if argument is None:
        return np.uint64(0)
    return np.int64(argument) if isinstance(argument, int) else argument
