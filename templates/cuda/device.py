# A part of every generated CUDA module: names that are not defined here are defined in the others.


LENGTHS = np.int32
REALS = {"float32": "float", "float64": "double"}
_BUILT, _BUILDING = {}, threading.Lock()


def _borrowed(value):
    """An array on the device: without a copy where the value is on it already, whichever library it is of."""
    if isinstance(value, cp.ndarray):
        return value
    if not hasattr(value, "__cuda_array_interface__") and hasattr(value, "__dlpack_device__"):
        host = isinstance(value, np.ndarray)
        return (
            cp.asarray(value if host else np.from_dlpack(value))
            if value.__dlpack_device__()[0] == 1
            else cp.from_dlpack(value)
        )
    return cp.asarray(value)


def _entered(array, given, program):
    """An array without gaps; for training one of the call's own, which the tape may keep."""
    return cp.array(array, order="C") if program == "train" else cp.ascontiguousarray(array)


def _copied(value):
    return cp.array(_borrowed(value))


def _on_host(value):
    """A small array of the caller for the host to look at."""
    return cp.asnumpy(_borrowed(value))


def _prepare(program, arrays, sizes, dtype):
    """What the loops of a program use."""
    whole = {name: cp.ascontiguousarray(array) for name, array in arrays.items()}
    return _PACK[program](whole, sizes, dtype, _launcher(dtype))


def _execute(program, prepared, sizes, steps, rows, dtype, given):
    """The results of a program."""
    return _RUN[program](prepared, sizes, steps, rows, dtype, given, _launcher(dtype))


def _launcher(dtype):
    """The function that launches kernels for a dtype on the present device."""
    device, dtype = cp.cuda.Device().id, str(dtype)
    if device not in _BUILT:  # CuPy asks the driver for all attributes at once
        _BUILT[device] = 32 * cp.cuda.Device(device).attributes["MultiProcessorCount"]
    most = _BUILT[device]

    def launch(name, threads, *arguments):
        if threads:
            kernel = _kernel(device, dtype, name)
            kernel((min(-(-threads // 256), most),), (256,), tuple(map(_passed, arguments)))

    return launch


def _kernel(device, dtype, name):
    """A kernel; those of its program are compiled when the first one is asked for."""
    key = device, dtype, name
    if key not in _BUILT:
        program = name.rpartition("_")[0]
        with _BUILDING:
            module = _BUILT.get((device, dtype, program))
            if module is None:
                code = "\n".join([_PRELUDE, f"typedef {REALS[dtype]} real;", _MATH, _KERNELS[program]])
                module = cp.RawModule(code=code, options=("--std=c++17",))
                _BUILT[device, dtype, program] = module
            _BUILT[key] = module.get_function(name)
    return _BUILT[key]


def _passed(argument):
    """What a kernel gets: arrays, whole numbers of 64 bits, and no address for what is absent."""
    if argument is None:
        return np.uint64(0)
    return np.int64(argument) if isinstance(argument, int) else argument
