"""Which Keras a text means, as far as its imports tell: layers are read as those of Keras 3, and older ones differ."""

from __future__ import annotations

from rnnc.importing.python.values import Given, Made, Names, Reference, Remarks

TENSORFLOW, KERAS_2, OLD, KERAS, NEWEST = "tensorflow", "tf_keras", "an old path", "keras", "Keras 3"
# Modules that Keras had before its version 2.4.
_OLD = "recurrent convolutional_recurrent core embeddings wrappers merge cudnn_recurrent advanced_activations"
FIRST = {"recurrent_activation": "hard_sigmoid", "reset_after": False}  # the defaults that have changed since
WHEN = {TENSORFLOW: "in TensorFlow 1", OLD: "before Keras 2.3", KERAS: "before Keras 2.3"}
SLOPE = (
    "`hard_sigmoid` is that of Keras 3, v / 6 + 0.5 between 0 and 1; in Keras 1 and 2 (TensorFlow before 2.16) it is "
    "0.2 * v + 0.5, the language's own `hard_sigmoid`: put that into the description where it is meant"
)


def origin_of(path: str, names: Names) -> str:
    """What the dotted name of a layer tells, when names that are imported are resolved; "" of no layer of Keras."""
    entry = names.get("*")
    if (
        "." not in path and isinstance(entry, Given) and isinstance(entry.value, Reference)
    ):  # `from keras.layers import *`
        path = f"{entry.value.path.removesuffix('*')}{path}"
    front = path.split(".")[:-1]
    if front[:1] == ["tf_keras"]:
        return KERAS_2
    if front[:1] in (["tf"], ["tensorflow"]):
        return TENSORFLOW
    if front[:1] == ["keras"] and not {*_OLD.split()}.isdisjoint(front):
        return OLD
    entries = (each.value for each in names.values() if isinstance(each, Given))
    is_newest = any(isinstance(each, Reference) and f"{each.path}.".startswith("keras.ops.") for each in entries)
    return NEWEST if is_newest or front[:2] == ["keras", "src"] else KERAS


def tell_defaults(made: Made, remarks: Remarks) -> None:
    """What a layer is read with that older ones have otherwise."""
    name, origin = made.constructor.name, made.origin
    if made.constructor.library != "keras" or origin in ("", NEWEST):
        return
    silent = {each: FIRST[each] for each in FIRST if each in made.constructor.parameters and each not in made.arguments}
    if name.startswith("ConvLSTM"):
        when = "before TensorFlow 2.16" if origin == TENSORFLOW else "before Keras 3"
    elif origin in WHEN and (origin != KERAS or "reset_after" in silent):  # of Keras alone nobody knows
        when = WHEN[origin]
    else:
        return
    if silent:
        older = ", ".join(f"{each}={value!r}" for each, value in silent.items())
        what = f"{name} is read with the defaults of Keras 3; {when} they are {older}"
        remarks.add(f"{what}: write them into the call where they are meant")
