# A part of every generated CUDA module: products of matrices, by cuBLAS.


_HANDLES = threading.local()


def _product(a, b, out):
    """out = a @ b, for arrays [..., rows, columns].

    By cuBLAS itself: CuPy's products are refused while a stream is captured, make float32 of stacks of float16, know no
    stacks of bfloat16, and decide once for a process whether float32 is rounded. They stand in where the library is not
    found behind them, or does not take a call.
    """
    stream = cp.cuda.get_current_stream()
    if _Blas.works:
        try:
            blas = _own(_HANDLES, _Blas)
            blas.enter(stream, False)
            a, b = (array if _fits(array) else cp.ascontiguousarray(array) for array in (a, b))
            found = out if _fits(out) else cp.empty(out.shape, out.dtype)
            blas.product(a, b, found)
            if found is not out:
                out[...] = found
            return
        except (AttributeError, OSError, RuntimeError) as error:
            if stream.is_capturing():
                raise
            _Blas.works = False
            warnings.warn(f"products are CuPy's, which cannot be captured: {error}", stacklevel=4)
    if out.flags.c_contiguous:
        cp.matmul(a, b, out=out)
    else:
        out[...] = cp.matmul(a, b)


def _multiplied(a, b):
    """The same, in an array of its own."""
    out = cp.empty((*a.shape[:-1], b.shape[-1]), a.dtype)
    _product(a, b, out)
    return out


def _own(kept, make):
    """What this thread has for the present device, made when it is first asked for; `kept` is the thread's."""
    found = kept.__dict__.setdefault("of", {})
    key = cp.cuda.Device().id
    if key not in found:
        found[key] = make()
    return found[key]


# What cuBLAS calls a dtype, what it adds up in, and the type of factors.
_KINDS = {
    "float16": (2, 68, ctypes.c_float),
    "bfloat16": (14, 68, ctypes.c_float),
    "float32": (0, 68, ctypes.c_float),
    "float64": (1, 70, ctypes.c_double),
}
_HALVES = 2, 14
_ADDED_IN_FULL = 16  # CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION, beside any other mode
_TF32 = 77  # what float32 is added up in where it may be rounded before


def _may_be_rounded():
    """Whether products may round float32 to TF32: where CuPy looks, too, but for a later change."""
    return os.environ.get("CUPY_TF32", "0") != "0"


class _Blas:
    """The functions of cuBLAS themselves, with the handle that CuPy has for this thread and device."""

    works = True

    def __init__(self):
        self.library = ctypes.CDLL(cp.cuda.cublas.__file__)  # what that is linked with is found through it
        modes = "cublasGetMathMode", "cublasSetMathMode"
        for name in (
            "cublasSetStream_v2",
            "cublasSetWorkspace_v2",
            "cublasGemmEx",
            "cublasGemmStridedBatchedEx",
            *modes,
        ):
            getattr(self.library, name)  # but not on Windows: better known at once
        self.handle = ctypes.c_void_p(cp.cuda.get_cublas_handle())
        self.room = None

    def enter(self, stream, room=True):
        """Products go to a stream. `room`: with memory of their own, else cuBLAS makes it part of a graph."""
        self.check(self.library.cublasSetStream_v2(self.handle, ctypes.c_void_p(stream.ptr)))
        if room:
            if self.room is None:
                self.room = cp.empty((32 if _capability()[0] >= 9 else 4) << 20, np.uint8)
            place, size = ctypes.c_void_p(_address(self.room)), ctypes.c_size_t(self.room.size)
            self.check(self.library.cublasSetWorkspace_v2(self.handle, place, size))

    def product(self, a, b, out):
        """out = a @ b, without any memory but theirs."""
        if not a.size or not b.size:  # nothing is summed
            out.fill(0)
            return
        if _lying(out)[0]:
            a, b, out = (array.swapaxes(-1, -2) for array in (b, a, out))
        kind, compute, number = _KINDS[str(out.dtype)]
        if kind == 0 and _may_be_rounded():
            compute = _TF32
        stacked = out.ndim > 2
        rows, columns = out.shape[-2:]
        matrices = []
        for array in (b, a, out):  # cuBLAS has columns side by side: what we call out, is its transpose there
            turned, leading = _lying(array)
            apart = [ctypes.c_longlong(_apart(array))] if stacked else []
            matrices.append((turned, (ctypes.c_void_p(_address(array)), kind, leading, *apart)))
        (turn_b, right), (turn_a, left), (_, result) = matrices
        one, zero = ctypes.byref(number(1)), ctypes.byref(number(0))
        before = self.exact() if kind in _HALVES else None
        head = self.handle, turn_b, turn_a, columns, rows, a.shape[-1], one
        tail = [out.size // (rows * columns)] * stacked + [compute, -1]
        multiply = self.library.cublasGemmStridedBatchedEx if stacked else self.library.cublasGemmEx
        try:
            self.check(multiply(*head, *right, *left, zero, *result, *tail))
        finally:
            if before is not None:
                self.check(self.library.cublasSetMathMode(self.handle, before))

    def exact(self):
        """Sums of halves that several blocks have parts of are put together in float32, too; the mode before, which
        comes back, since CuPy has the handle."""
        before = ctypes.c_int()
        self.check(self.library.cublasGetMathMode(self.handle, ctypes.byref(before)))
        if before.value & _ADDED_IN_FULL:
            return None
        self.check(self.library.cublasSetMathMode(self.handle, before.value | _ADDED_IN_FULL))
        return before

    def check(self, status):
        if status:
            raise RuntimeError(f"cuBLAS reports the status {status}")


def _fits(array):
    """Whether cuBLAS can have matrices as they lie."""
    try:
        _lying(array), _apart(array)
    except ValueError:
        return False
    return True


def _lying(matrix):
    """Whether the rows of a matrix, and not its columns, have gaps, and how many numbers the gaps are apart."""
    (rows, columns), (down, across) = matrix.shape[-2:], matrix.strides[-2:]
    if across == matrix.itemsize or columns == 1:
        return 0, max(down // matrix.itemsize, columns, 1)
    if down == matrix.itemsize or rows == 1:
        return 1, max(across // matrix.itemsize, rows, 1)
    raise ValueError("a matrix has neither rows nor columns without gaps")


def _apart(matrices):
    """How many numbers matrices are apart; their axes are one in memory."""
    axes = [(n, stride) for n, stride in zip(matrices.shape[:-2], matrices.strides[:-2]) if n > 1] or [(1, 0)]
    if any(axes[k - 1][1] != axes[k][0] * axes[k][1] for k in range(1, len(axes))):
        raise ValueError("matrices are not equally far apart")
    return axes[-1][1] // matrices.itemsize
