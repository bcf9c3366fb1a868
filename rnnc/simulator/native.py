"""The structures that the runtime and Python share; `templates/cuda/cpu/state.h` has the same ones."""

from __future__ import annotations

import ctypes


class Parameter(ctypes.Structure):
    """One parameter of a kernel."""

    _fields_ = (
        ("kind", ctypes.c_char),
        ("pointer", ctypes.c_bool),
        ("constant", ctypes.c_bool),
        ("bytes", ctypes.c_uint),
    )


class Entry(ctypes.Structure):
    """A kernel in its library."""

    _fields_ = (
        ("call", ctypes.c_void_p),
        ("parameters", ctypes.POINTER(Parameter)),
        ("count", ctypes.c_uint),
    )


class Range(ctypes.Structure):
    """A stretch of the host's memory."""

    _fields_ = (
        ("host", ctypes.c_void_p),
        ("bytes", ctypes.c_size_t),
        ("alignment", ctypes.c_uint32),
        ("granule", ctypes.c_uint32),
        ("written", ctypes.c_uint32),
        ("argument", ctypes.c_uint32),
    )


class Argument(ctypes.Structure):
    """One argument of a launch."""

    _fields_ = (("range", ctypes.c_int32), ("offset", ctypes.c_uint64), ("value", ctypes.c_void_p))


class Report(ctypes.Structure):
    """What went wrong."""

    _fields_ = (
        ("kind", ctypes.c_int32),
        ("block", ctypes.c_uint32 * 3),
        ("thread", ctypes.c_uint32 * 3),
        ("place", ctypes.c_uint32),
        ("other", ctypes.c_uint32),
        ("message", ctypes.c_char * 4096),
    )


class Launch(ctypes.Structure):
    """One launch."""

    _fields_ = (
        ("grid", ctypes.c_uint32 * 3),
        ("block", ctypes.c_uint32 * 3),
        ("cluster", ctypes.c_uint32),
        ("cooperative", ctypes.c_uint32),
        ("shared_bytes", ctypes.c_uint64),
        ("schedule", ctypes.c_uint32),
        ("seed", ctypes.c_uint64),
        ("race", ctypes.c_uint32),
        ("seconds", ctypes.c_double),
        ("ranges", ctypes.c_uint32),
        ("arguments", ctypes.c_uint32),
        ("range", ctypes.POINTER(Range)),
        ("argument", ctypes.POINTER(Argument)),
        ("switches", ctypes.c_uint64),
    )
