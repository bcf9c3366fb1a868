# A part of every generated module: names that are not defined here are defined in the others.


class _Packed:
    """Checked parameters, and under `prepared` what programs make of them alone.

    `taken` turns a value into an array; `written`, if arrays are made here, gives what says when they are there.
    """

    __slots__ = ("arrays", "dims", "dtype", "fitting", "prepared", "sizes", "written")

    def __init__(self, params, taken, written=None):
        if not hasattr(params, "items"):
            raise TypeError(
                f"params should be a dict of arrays or what pack() returned, and is {type(params).__name__}"
            )
        self.arrays = {}
        for name, array in params.items():
            if name not in SPEC["parameters"]:
                raise KeyError(f"params: unknown parameter {name!r}{_suggestion(name, SPEC['parameters'])}")
            if array is None:
                raise TypeError(f"params[{name!r}]: expected an array, got None")
            self.arrays[name] = taken(array)
        for name in SPEC["parameters"]:
            if name not in self.arrays:
                raise KeyError(f"params: parameter {name!r} is missing")
        self.dtype = _common_dtype(self.arrays)  # first: what holds no numbers has no axes either
        for name, about in SPEC["parameters"].items():
            _check_rank(f"params[{name!r}]", self.arrays[name], (), about["axes"])
        self.dims = _all_dims(self.arrays)
        self.sizes = _sizes(self.dims, None)
        self.fitting = set()
        self.check(self.sizes)
        self.prepared = {}
        self.written = written and written()

    def check(self, sizes):
        """Refuse parameters that have other shapes than they should with these sizes; what fits is looked at once."""
        if sizes not in self.fitting:
            _check_parameters(self.arrays, sizes)
            self.fitting.add(sizes)


def _packed(params):
    return params if isinstance(params, _Packed) else _Packed(params, _borrowed)


def _all_dims(arrays):
    return {name: _dims(array) for name, array in arrays.items()}


class _Tape:
    """What forward_train leaves for one call of backward; one whose arguments are refused does not count."""

    __slots__ = ("_content",)

    def __init__(self, content):
        self._content = [content]

    def look(self, take=False):
        try:
            return self._content.pop() if take else self._content[0]
        except IndexError:
            raise ValueError("tape: backward has used this tape already; call forward_train again") from None
