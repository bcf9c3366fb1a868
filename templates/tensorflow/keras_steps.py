# A part of every generated TensorFlow module: names that are not defined here are defined in the others.
#
# Keras' masks: a step that is masked is not computed, the state stays and the output of the step before it stands
# there. So the valid steps of each row are moved to its front, computed as a shorter row, and moved back.


def _one_mask(mask):
    """Of masks for several inputs, which should be the same, the first."""
    if hasattr(mask, "items"):
        mask = list(mask.values())
    if isinstance(mask, (list, tuple)):
        mask = next((one for one in mask if one is not None), None)
    return mask


def _step_mask(mask, x):
    """bool [batch, time], or None."""
    mask = _one_mask(mask)
    if mask is None:
        return None
    mask = tf.cast(mask, tf.bool)
    leads = _leads_of({name: tensor.shape for name, tensor in x.items()})
    _check_shape("mask", mask, list(zip(("batch", "time"), leads)), (), ())
    mask.set_shape(leads)
    return mask


def _leads_of(shapes):
    """The numbers of rows and steps in shapes of inputs by name, None where they are not known."""
    rows = [next(iter(shape)) for shape in shapes.values()]
    steps = [tuple(shape)[1] for name, shape in shapes.items() if SPEC["inputs"][name]["sequence"]]
    known = [next((number for number in numbers if number is not None), None) for numbers in (rows, steps)]
    return known[0], known[1]


def _backwards(x, table):
    return {name: tf.reverse(tensor, [1]) if table[name]["sequence"] else tensor for name, tensor in x.items()}


def _valid_first(x, mask):
    """Sequences with the valid steps of each row in front, in their order, and how many those are."""
    steps = tf.shape(mask)[1]
    order = tf.argsort(tf.where_v2(mask, 0, steps) + tf.range(steps), axis=1)
    order.set_shape(mask.shape)
    moved = {
        name: tf.gather(tensor, order, axis=1, batch_dims=1) if SPEC["inputs"][name]["sequence"] else tensor
        for name, tensor in x.items()
    }
    return moved, tf.reduce_sum(tf.cast(mask, tf.int32), 1)


def _at_all_steps(output, mask, sequences, zeros):
    """An output, computed as above, at every step or at the last one; `zeros`: instead of the step before."""
    place = tf.cumsum(tf.cast(mask, tf.int32), axis=1) - 1  # of the last valid step so far
    there = mask if zeros else place >= 0
    if not sequences:
        place, there = place[:, -1:], there[:, -1:]
    found = tf.gather(output, tf.maximum(place, 0), axis=1, batch_dims=1)
    there = there[(Ellipsis,) + (tf.newaxis,) * (output.shape.ndims - 2)]
    found = tf.where_v2(there, found, tf.zeros_like(found))
    return found if sequences else found[:, 0]


def _kind(tensor):
    return "float" if tensor.dtype.is_floating else "int"
