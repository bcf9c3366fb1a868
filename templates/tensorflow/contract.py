# A part of every generated TensorFlow module: names that are not defined here are defined in the others.

# Graph code as it stands: AutoGraph would take as long to rewrite these functions as TensorFlow takes to trace them.
_as_it_is = tf.autograph.experimental.do_not_convert


@_as_it_is
def pack(params):
    """Do once what depends on parameters alone. Every function takes the result in place of `params`.

    The result belongs to the graph, and to the gradient tape, in which it was made.
    """
    packed = _packed(params)
    if packed.dtype is not None and None not in packed.sizes:
        for prepare in _PACK.values():
            if prepare not in packed.prepared:
                packed.prepared[prepare] = prepare(packed.arrays, packed.sizes, tf.as_dtype(packed.dtype))
    return packed


@_as_it_is
def forward(
    params,
    x,
    state=None,
    lengths=None,
    *,
    time_major=False,
    training=False,
    seed=None,
    masks=None,
    driver="dynamic",
    custom_gradient="auto",
):
    """Run whole sequences. Returns (outputs, final state).

    x: [batch, time, ...] ([time, batch, ...] with `time_major`); state: [batch, ...], zero or the cell's own initial
    values where it is not given; lengths: int[batch], how many steps of each row are valid. Inputs, states and outputs
    are tensors where there is one of them, and dicts by name where there are several. Arrays, variables and tensors
    go in, tensors come out; numbers of rows and steps need not be known while a graph is built.

    driver: "dynamic" makes one loop of a graph, "static" writes every step out (the number of steps must be known).
    custom_gradient: True takes the derivatives that rnnc has worked out, which are faster; False TensorFlow's own, also
    by fixed parameters. "auto" takes those of rnnc with the dynamic driver, unless equations are exposed; with the
    static one the tensors of every step have gradients too. seed: an integer, or an integer tensor, so that a
    graph draws other masks in every run.
    """
    custom_gradient = _is_own(custom_gradient, driver)
    program = "train" if custom_gradient else "forward"
    with tf.name_scope(SPEC["name"]):
        call = _Call(program, params, x, state, lengths, time_major, training, seed, masks)
        loop = _driver(driver)
        return call.results(_differentiable(call, loop) if custom_gradient else _run(program, call, loop))


@_as_it_is
def forward_train(
    params, x, state=None, lengths=None, *, time_major=False, training=False, seed=None, masks=None, driver="dynamic"
):
    """Like `forward`. Returns (outputs, final state, tape); the tape goes to `backward`, once."""
    with tf.name_scope(SPEC["name"]):
        call, loop = _Call("train", params, x, state, lengths, time_major, training, seed, masks), _driver(driver)
        found = _run("train", call, loop)
        return call.results(found) + (_Tape((call, loop, _tape(found))),)


@_as_it_is
def backward(params, tape, d_outputs, d_final=None):
    """Gradients of sum(outputs * d_outputs) + sum(final state * d_final), as rnnc has worked them out.

    Returns {"x": like x, "state": like the state, "params": {name: tensor}}. A cotangent that is None is zero.
    """
    if not isinstance(tape, _Tape):
        raise TypeError(f"tape should come from forward_train, and is {type(tape).__name__}")
    call, loop, saved = tape.look()

    def run(parameters, call, given):
        tape.look(take=True)
        return _run_with("backward", parameters, call, given, loop)

    with tf.name_scope(SPEC["name"] + "_backward"):
        return call.gradients(params, saved, d_outputs, d_final, run)


@_as_it_is
def step(params, x, state=None, *, training=False, seed=None, masks=None):
    """Run one step: x [batch, ...]. Returns (outputs, next state)."""
    if "step" not in _PACK:
        raise TypeError(f"{SPEC['name']} cannot run step by step: {SPEC['no_step']}")
    with tf.name_scope(SPEC["name"]):
        call = _Call("step", params, x, state, None, True, training, seed, masks)
        return call.results(_run("step", call, None))


def _is_own(custom_gradient, driver):
    """Whether the derivatives are rnnc's."""
    if custom_gradient not in (True, False, "auto"):
        raise ValueError(f'custom_gradient should be True, False or "auto", and is {custom_gradient!r}')
    return driver == "dynamic" and not SPEC["exposed"] if custom_gradient == "auto" else custom_gradient


def _driver(name):
    drivers = {"dynamic": _dynamic, "static": _static}
    if name not in drivers:
        raise ValueError(f"driver should be one of {', '.join(drivers)}, and is {name!r}")
    return drivers[name]


def _run(program, call, loop):
    return _run_with(program, call.parameters, call, call.given, loop)


def _run_with(program, parameters, call, given, loop):
    """Run a program on checked tensors."""
    dtype, prepare = tf.as_dtype(call.dtype), _PACK[program]
    prepared = parameters.prepared.get(prepare)
    if prepared is None:
        prepared = prepare(parameters.arrays, call.sizes, dtype)
    return _RUN[program](prepared, call.sizes, call.steps, call.rows, dtype, given, loop)
