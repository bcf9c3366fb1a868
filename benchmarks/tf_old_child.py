"""What benchmarks/tf_old.py runs under TensorFlow 1.15: `tf_old_child.py FOLDER`. Syntax of Python 3.6.

The folder holds NAME_tf.py and NAME_full.npz, NAME_lengths.npz. Prints versions, then a row of a table for each NAME.
"""

import glob
import importlib.util
import os
import platform
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow.compat.v1 as tf

WAYS = (("dynamic", True), ("dynamic", False), ("static", False))
TOLERANCE = 1e-10


def load(path):
    spec = importlib.util.spec_from_file_location("module", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bare(names, found):
    found = [found[name] for name in names]
    return found[0] if len(found) == 1 else dict(zip(names, found))


def errors(module, arrays, driver, own):
    """The errors of outputs, final states and gradients, by name."""
    spec = module.SPEC
    with tf.Graph().as_default():
        tensors, feed = {}, {}
        for name, array in arrays.items():
            role = name.split(":")[0]
            if role == "param":
                tensors[name] = tf.constant(array)
            elif role in ("input", "state", "mask", "lengths"):  # rows and, where the driver can, steps are not known
                kind = spec["inputs"] if role == "input" else {}
                steps = role == "input" and kind[name[6:]]["sequence"]
                shape = [None] + list(array.shape[1:])
                if steps:
                    shape = [len(array) if driver == "static" else None, None] + list(array.shape[2:])
                if role == "mask":
                    shape = list(array.shape)
                feed[tf.placeholder(array.dtype, shape)] = array
                tensors[name] = list(feed)[-1]
        given = {"time_major": True, "driver": driver, "custom_gradient": own}
        masks = {name: tensors["mask:" + name] for name in spec["masks"]}
        if masks:
            given.update(training=True, masks=masks)
        outputs, state = module.forward(
            {name: tensors["param:" + name] for name in spec["parameters"]},
            bare(list(spec["inputs"]), {name: tensors["input:" + name] for name in spec["inputs"]}),
            bare(list(spec["states"]), {name: tensors["state:" + name] for name in spec["states"]})
            if spec["states"]
            else None,
            tensors.get("lengths"),
            **given,
        )
        found = {}
        for role, names, values in (("output", spec["outputs"], outputs), ("state", spec["states"], state)):
            named = values if isinstance(values, dict) else dict(zip(names, [values])) if len(names) else {}
            found.update({"result:%s:%s" % (role, name): named[name] for name in names})
        loss = [
            tf.reduce_sum(found[name.replace("cotangent", "result")] * array)
            for name, array in arrays.items()
            if name.startswith("cotangent:")
        ]
        wanted = [name for name in arrays if name.startswith("gradient:")]
        gradients = tf.gradients(tf.add_n(loss), [tensors[name[9:]] for name in wanted])
        for name, gradient in zip(wanted, gradients):
            found[name] = tf.zeros_like(tensors[name[9:]]) if gradient is None else tf.convert_to_tensor(gradient)
        with tf.Session() as session:
            found = session.run(found, feed)
    return {name: error(value, arrays[name]) for name, value in found.items()}


def error(a, b):
    if a.shape != b.shape or not np.isfinite(a).all():
        return float("inf")
    return float(np.abs(a.astype(float) - b).max() / max(1.0, np.abs(b).max())) if b.size else 0.0


def main():
    folder, failed = sys.argv[1], 0
    versions = tf.__version__, platform.python_version(), np.__version__
    print("TensorFlow %s, Python %s, NumPy %s" % versions, flush=True)
    for path in sorted(glob.glob(os.path.join(folder, "*_tf.py"))):
        name, count, largest = os.path.basename(path)[:-6], 0, []
        module = load(path)
        for driver, own in WAYS:
            worst = [0.0]
            for case in ("full", "lengths"):
                with np.load("%s_%s.npz" % (path[:-6], case)) as arrays:
                    found = errors(module, dict(arrays.items()), driver, own)
                count += len(found)
                for key, value in found.items():
                    if value > TOLERANCE:
                        failed += 1
                        print("%s, %s, %s, own %s: %s %.1e" % (name, driver, case, own, key, value), file=sys.stderr)
                worst += found.values()
            largest.append("%.0e" % max(worst))
        print("| %s | %d | %s |" % (name, count, " | ".join(largest)), flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
