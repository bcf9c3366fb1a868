# A part of every generated TensorFlow module: names that are not defined here are defined in the others.


def _differentiable(call, loop):
    """The forward program, whose derivatives are the backward program, whose own derivatives are TensorFlow's.

    Both run with loops that read their sequences without a copy, which TensorFlow would differentiate in time of the
    steps squared. So it differentiates both programs, run once more with loops that it is made for.
    """
    if SPEC["exposed"]:
        raise ValueError("custom_gradient: the derivatives of exposed equations are TensorFlow's alone")
    names = [f"param:{name}" for name, about in SPEC["parameters"].items() if about["trained"]]
    known = {name: call.parameters.arrays[name[6:]] for name in names}
    for role in ("input", "state"):
        for name, about in SPEC[role + "s"].items():
            if about["dtype"] == "float" and call.given[f"{role}:{name}"] is not None:
                known[f"{role}:{name}"] = call.given[f"{role}:{name}"]
    outputs = [f"output:{name}" for name in SPEC["outputs"]] + [f"state:{name}" for name in SPEC["states"]]
    if not known:
        return _run("train", call, loop)
    fast, back = (_sliced, _sliced_in_time) if loop is _dynamic else (loop, loop)

    def run(program, tensors, loop, **more):
        here = dict(zip(known, tensors))
        arrays = {name: here.get(f"param:{name}", array) for name, array in call.parameters.arrays.items()}
        given = {name: here.get(name, tensor) for name, tensor in call.given.items()}
        return _run_with(program, _Packed(arrays, _borrowed), call, dict(given, **more), loop)

    def backward(tensors, tape, cotangents, loop):
        # A scope of its own, at the root: in graphs of TensorFlow 1 a name with "gradients" twice loses gradients.
        with tf.name_scope(SPEC["name"] + "_backward/"):
            found = run("backward", tensors, loop, **tape, **cotangents)
        return [found[f"gradient:{name}"] for name in known]

    @tf.custom_gradient
    def values(*tensors):
        found = run("train", tensors, fast)
        floats = [f"cotangent:{name}" for name in outputs if found[name].dtype.is_floating]
        tape = _tape(found)
        end = len(known) + len(tape)

        @tf.custom_gradient
        def first(*given):
            here, kept, cotangents = given[: len(known)], given[len(known) : end], given[end:]

            def again(*given):
                here, cotangents = given[: len(known)], dict(zip(floats, given[len(known) :]))
                return backward(here, _tape(run("train", here, loop)), cotangents, loop)

            def second(*directions):
                with tf.name_scope(SPEC["name"] + "_second/"):
                    by = _slopes(again, here + cotangents, directions)
                return by[: len(known)] + [None] * len(kept) + by[len(known) :]

            return backward(here, dict(zip(tape, kept)), dict(zip(floats, cotangents)), back), second

        def gradient(*cotangents):
            wanted = [d for name, d in zip(outputs, cotangents) if f"cotangent:{name}" in floats]
            return first(*tensors, *tape.values(), *wanted)

        return [tf.identity(found[name]) for name in outputs], gradient

    return dict(zip(outputs, values(*known.values())))


def _tape(found):
    return {name: tensor for name, tensor in found.items() if name.startswith("tape:")}


def _slopes(function, tensors, directions):
    """TensorFlow's derivatives of a function by its arguments, as a list: along directions of its results."""
    tensors = [tf.identity(tensor) for tensor in tensors]
    if not tf.executing_eagerly():
        return tf.gradients(function(*tensors), tensors, list(directions))
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        results = function(*tensors)
    return tape.gradient(results, tensors, list(directions))
