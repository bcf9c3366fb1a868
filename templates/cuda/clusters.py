# A part of every generated CUDA module that has loops on the device: clusters of blocks, which CuPy does not know.

# How many blocks a cluster may have, the most first: what some devices have room for when asked, and what all that have
# clusters do.
_CLUSTERS = 16, 8
_NON_PORTABLE = 14  # the driver's number for a function's permission to be launched in larger ones
_DIMENSION = 4  # and of the attribute of a launch that is the size of its clusters


class _Attribute(ctypes.Structure):
    """CUlaunchAttribute: the size of clusters."""

    _fields_ = (("name", ctypes.c_uint64), ("size", ctypes.c_uint * 3), ("rest", ctypes.c_uint * 13))


class _Config(ctypes.Structure):
    """CUlaunchConfig."""

    _fields_ = (
        *(("grid", ctypes.c_uint * 3), ("block", ctypes.c_uint * 3), ("shared", ctypes.c_uint)),
        *(("stream", ctypes.c_void_p), ("attributes", ctypes.POINTER(_Attribute)), ("count", ctypes.c_uint)),
    )


def _room_for(kernel, team):
    """Whether the device runs clusters of a team's size; large ones only where all run at once: else smaller ones do
    better."""
    return _active_clusters(kernel, team) >= (team.teams if team.blocks > _CLUSTERS[-1] else 1)


def _active_clusters(kernel, team):
    """How many clusters of a team's size the device runs at once; of the usual sizes 1 where the driver is too old to
    say."""
    if team.blocks > _CLUSTERS[-1]:
        try:
            cp.cuda.driver.funcSetAttribute(kernel.kernel.ptr, _NON_PORTABLE, 1)
        except Exception:  # a driver's error, of a class that CuPy keeps for itself
            return 0
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        ask = driver.cuOccupancyMaxActiveClusters
    except (OSError, AttributeError):
        return 0 if team.blocks > _CLUSTERS[-1] else 1
    attribute = _Attribute(_DIMENSION, (team.blocks, 1, 1))
    grid, block = (team.blocks * team.teams, 1, 1), (team.threads, 1, 1)
    config = _Config(grid, block, team.shared, None, ctypes.pointer(attribute), 1)
    count = ctypes.c_int(0)
    status = ask(ctypes.byref(count), ctypes.c_void_p(kernel.kernel.ptr), ctypes.byref(config))
    return 0 if status else count.value
