# A part of every generated CUDA module that has loops on the device: clusters of blocks, which CuPy does not know.

# How many blocks a cluster may have: where a device has room for so many and is asked, and wherever there are clusters.
_LARGEST, _PORTABLE = 16, 8
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


def _active_clusters(kernel, team):
    """How many clusters of a team's size the device runs at once; of the usual sizes as many as there are teams, where
    the driver is too old to say."""
    if team.blocks > _PORTABLE:
        try:
            cp.cuda.driver.funcSetAttribute(kernel.kernel.ptr, _NON_PORTABLE, 1)
        except Exception:  # a driver's error, of a class that CuPy keeps for itself
            return 0
    try:
        driver = ctypes.CDLL("nvcuda.dll" if os.name == "nt" else "libcuda.so.1")
        ask = driver.cuOccupancyMaxActiveClusters
    except (OSError, AttributeError):
        return 0 if team.blocks > _PORTABLE else team.teams
    attribute = _Attribute(_DIMENSION, (team.blocks, 1, 1))
    grid, block = (team.blocks * team.teams, 1, 1), (team.threads, 1, 1)
    config = _Config(grid, block, team.shared, None, ctypes.pointer(attribute), 1)
    count = ctypes.c_int(0)
    status = ask(ctypes.byref(count), ctypes.c_void_p(kernel.kernel.ptr), ctypes.byref(config))
    return 0 if status else count.value
