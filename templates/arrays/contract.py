# A part of modules for libraries of arrays; `xp` becomes the name of the library. Other names are defined elsewhere.


def pack(params):
    """Do once what depends on parameters alone. Every function takes the result in place of `params`.

    Later changes of the arrays do not reach it.
    """
    return params if isinstance(params, _Packed) else _Packed(params, _copied, _written)


def forward(params, x, state=None, lengths=None, *, time_major=False, training=False, seed=None, masks=None):
    """Run whole sequences. Returns (outputs, final state).

    x: [batch, time, ...] ([time, batch, ...] with `time_major`); state: [batch, ...], zero or the cell's own initial
    values where it is not given; lengths: int[batch], how many steps of each row are valid. Inputs, states and outputs
    are arrays where there is one of them, and dicts by name where there are several.
    """
    call = _Call("forward", params, x, state, lengths, time_major, training, seed, masks)
    return call.results(_run(call.parameters, call, call.given))


def forward_train(params, x, state=None, lengths=None, *, time_major=False, training=False, seed=None, masks=None):
    """Like `forward`. Returns (outputs, final state, tape); the tape goes to `backward`, once."""
    call = _Call("train", params, x, state, lengths, time_major, training, seed, masks)
    found = _run(call.parameters, call, call.given)
    return (*call.results(found), _Tape((call, {name: a for name, a in found.items() if name.startswith("tape:")})))


def backward(params, tape, d_outputs, d_final=None):
    """Gradients of sum(outputs * d_outputs) + sum(final state * d_final).

    Returns {"x": like x, "state": like the state, "params": {name: array}}. A cotangent that is None is zero.
    Arrays may be parts of one, side by side: not contiguous, and none a part of another.
    """
    if not isinstance(tape, _Tape):
        raise TypeError(f"tape should come from forward_train, and is {type(tape).__name__}")
    call, saved = tape.look()

    def run(parameters, call, given):
        tape.look(take=True)
        return _run(parameters, call, given, "backward")

    return call.gradients(params, saved, d_outputs, d_final, run)


def step(params, x, state=None, *, training=False, seed=None, masks=None):
    """Run one step: x [batch, ...]. Returns (outputs, next state)."""
    if "step" not in _PACK:
        raise TypeError(f"{SPEC['name']} cannot run step by step: {SPEC['no_step']}")
    call = _Call("step", params, x, state, None, True, training, seed, masks)
    return call.results(_run(call.parameters, call, call.given))


def _run(parameters, call, given, program=None):
    """The results of a program, that of the call unless another is named."""
    program = program or call.program
    prepared = _prepared(program, parameters, call.sizes, call.dtype)
    return _execute(program, prepared, call.sizes, call.steps, call.rows, call.dtype, given)
