"""What Keras calls activations, and what descriptions call them: whoever reads its calls or files, or calls it."""

from __future__ import annotations

from collections.abc import Mapping

# By the names of Keras 3.
ACTIVATIONS: Mapping[str, str] = {
    **{name: name for name in (
        "tanh", "sigmoid", "relu", "relu6", "leaky_relu", "elu", "selu", "softplus", "softsign", "silu", "swish",
        "gelu", "mish", "log_sigmoid", "hard_tanh", "celu", "hard_silu", "hard_shrink", "soft_shrink", "tanh_shrink",
        "squareplus", "sparse_plus", "sparse_sigmoid", "softmax", "log_softmax",
    )},
    "hard_swish": "hard_silu",
    "linear": "identity",
    "exponential": "exp",
    # functions that `rnnc import` writes out
    "hard_sigmoid": "keras_hard_sigmoid",
    "sparsemax": "keras_sparsemax",
    "glu": "glu",
}  # fmt: skip
OLDER: Mapping[str, str] = {**ACTIVATIONS, "hard_sigmoid": "hard_sigmoid"}  # of Keras 1 and 2
# By the names of descriptions: of several names of Keras the first.
CALLED: Mapping[str, str] = {ours: theirs for theirs, ours in reversed(ACTIVATIONS.items())} | {"swish": "silu"}
