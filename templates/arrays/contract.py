# A part of modules for libraries of arrays; `xp` becomes the name of the library. Other names are defined elsewhere.


class _Packed:
    """Checked parameters with what depends on them alone; a program's share is prepared when it is first asked for.

    `taken` turns a value into an array.
    """

    __slots__ = ("arrays", "dtype", "prepared", "sizes")

    def __init__(self, params, taken):
        if not hasattr(params, "items"):
            raise TypeError(
                f"params should be a dict of arrays or what pack() returned, and is {type(params).__name__}"
            )
        self.arrays = {}
        for name, array in params.items():
            if name not in SPEC["parameters"]:
                raise KeyError(f"params: unknown parameter {name!r}{_suggestion(name, SPEC['parameters'])}")
            self.arrays[name] = taken(array)
        for name, about in SPEC["parameters"].items():
            if name not in self.arrays:
                raise KeyError(f"params: parameter {name!r} is missing{_suggestion(name, params)}")
            _check_rank(f"params[{name!r}]", self.arrays[name], (), about["axes"])
        self.dtype = _common_dtype(self.arrays)
        self.sizes = _sizes(_shapes(self.arrays), None)
        _check_parameters(self.arrays, self.sizes)
        self.prepared = {}

    def program(self, name, sizes, dtype):
        """What the loops of a program use."""
        key = _PACK[name], sizes, dtype
        if key not in self.prepared:
            self.prepared[key] = _prepare(name, self.arrays, sizes, dtype)
        return self.prepared[key]


class _Tape:
    """What forward_train leaves for one call of backward."""

    __slots__ = ("_content",)

    def __init__(self, content):
        self._content = [content]

    def take(self):
        try:
            return self._content.pop()
        except IndexError:
            raise ValueError("tape: backward has used this tape already; call forward_train again") from None


def pack(params):
    """Do once what depends on parameters alone. Every function takes the result in place of `params`.

    Later changes of the arrays do not reach it.
    """
    return _Packed(params, _copied)


def forward(params, x, state=None, lengths=None, *, time_major=False, training=False, seed=None, masks=None):
    """Run whole sequences. Returns (outputs, final state).

    x: [batch, time, ...] ([time, batch, ...] with `time_major`); state: [batch, ...], zero or the cell's own initial
    values where it is not given; lengths: int[batch], how many steps of each row are valid. Inputs, states and outputs
    are arrays where there is one of them, and dicts by name where there are several.
    """
    call = _Call("forward", params, x, state, lengths, time_major, training, seed, masks)
    return call.results(call.run())


def forward_train(params, x, state=None, lengths=None, *, time_major=False, training=False, seed=None, masks=None):
    """Like `forward`. Returns (outputs, final state, tape); the tape goes to `backward`, once."""
    call = _Call("train", params, x, state, lengths, time_major, training, seed, masks)
    found = call.run()
    return (*call.results(found), _Tape((call, {name: a for name, a in found.items() if name.startswith("tape:")})))


def backward(params, tape, d_outputs, d_final=None):
    """Gradients of sum(outputs * d_outputs) + sum(final state * d_final).

    Returns {"x": like x, "state": like the state, "params": {name: array}}. A cotangent that is None is zero.
    """
    if not isinstance(tape, _Tape):
        raise TypeError(f"tape should come from forward_train, and is {type(tape).__name__}")
    call, saved = tape.take()
    return call.gradients(params, saved, d_outputs, d_final)


def step(params, x, state=None, *, training=False, seed=None, masks=None):
    """Run one step: x [batch, ...]. Returns (outputs, next state)."""
    if "step" not in _PACK:
        raise TypeError(f"{SPEC['name']} cannot run step by step: {SPEC['no_step']}")
    call = _Call("step", params, x, state, None, True, training, seed, masks)
    return call.results(call.run())
