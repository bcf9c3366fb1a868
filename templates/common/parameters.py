# A part of every generated module: names that are not defined here are defined in the others.


def init_params(*, seed=0, dtype="float32", **sizes):
    """Initial parameters. Each has a generator of its own, so that one more or less changes none of the others."""
    dtype = _floating(dtype)
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise TypeError(f"init_params: seed should be a whole number from 0 on, and is {seed!r}")
    for name in sizes:
        if name not in SPEC["sizes"]:
            raise TypeError(f"init_params: unknown size {name!r}{_suggestion(name, SPEC['sizes'])}")
    for name in _PARAMETER_SIZES:
        if name not in sizes:
            raise TypeError(f"init_params: the size {name!r} is missing; there are: {', '.join(_PARAMETER_SIZES)}")
    numbers = tuple(sizes.get(name) for name in SPEC["sizes"])
    for name, number in sizes.items():
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or number < 0:
            raise TypeError(f"init_params: the size {name!r} should be a whole number, and is {number!r}")
    shapes = _parameter_axes(numbers)
    return {name: _initial(seed, about, shapes[name]).astype(dtype) for name, about in SPEC["parameters"].items()}


def _initial(seed, about, shape):
    """One parameter in float64."""
    kind, *numbers = about["init"]
    random = np.random.Generator(np.random.PCG64((seed, about["stream"])))
    if kind == "zeros":
        return np.zeros(shape)
    if kind == "ones":
        return np.ones(shape)
    if kind == "constant":
        return np.full(shape, numbers[0])
    if kind == "values":
        return np.array(numbers, np.float64).reshape(shape)
    if kind == "identity":
        places, rows, columns = _matrices(shape, about["fan_in_axes"])
        return np.tile(numbers[0] * np.eye(rows, columns), (places, 1, 1)).reshape(shape)
    if kind == "uniform":
        return random.uniform(*numbers, shape)
    if kind == "exponential_uniform":
        return np.exp(random.uniform(*numbers, shape))
    if kind == "normal":
        return random.normal(*numbers, shape)
    if kind == "truncated_normal":
        mean, deviation = numbers
        return mean + deviation * _truncated(random, shape)
    if kind == "orthogonal":
        places, rows, columns = _matrices(shape, about["fan_in_axes"])
        return numbers[0] * np.stack([_orthogonal(random, rows, columns) for _ in range(places)]).reshape(shape)
    scale = _scale(about, shape)
    if kind.endswith("_uniform"):
        limit = np.sqrt(3.0 * scale)
        return random.uniform(-limit, limit, shape)
    return np.sqrt(scale) / 0.87962566103423978 * _truncated(random, shape)  # the deviation after the cut is 1


def _scale(about, shape):
    """The variance of a parameter that is drawn by the name of a family."""
    fan_in = int(np.prod([shape[axis] for axis in about["fan_in_axes"] or range(len(shape) - 1)], dtype=np.int64))
    fan_out = max(int(np.prod(shape, dtype=np.int64)) // max(fan_in, 1), 1)
    fan_in = max(fan_in, 1)
    family = about["init"][0].partition("_")[0]
    return {"glorot": 2.0 / (fan_in + fan_out), "he": 2.0 / fan_in, "lecun": 1.0 / fan_in}[family]


def _truncated(random, shape):
    """Standard normal numbers, drawn again where they are more than two deviations out."""
    found = random.standard_normal(shape)
    far = np.abs(found) > 2
    while far.any():
        found[far] = random.standard_normal(int(far.sum()))
        far = np.abs(found) > 2
    return found


def _matrices(shape, inputs):
    """How many matrices of how many rows and columns an array holds: one for each place before the inputs."""
    first, end = (inputs[0], inputs[-1] + 1) if inputs else (0, len(shape) - 1)
    return tuple(int(np.prod(part, dtype=np.int64)) for part in (shape[:first], shape[first:end], shape[end:]))


def _orthogonal(random, rows, columns):
    """A matrix with orthonormal rows or columns, whichever are fewer."""
    q, r = np.linalg.qr(random.standard_normal((max(rows, columns), min(rows, columns))))
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if rows >= columns else q.T
