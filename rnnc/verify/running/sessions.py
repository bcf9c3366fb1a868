"""How graphs of a few small numbers are run."""

from __future__ import annotations

from typing import Any


def plain_session(tf: Any) -> Any:
    """The configuration of a session on one thread that takes a graph as it is: improving it takes longer than it."""
    config = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    config.graph_options.rewrite_options.disable_meta_optimizer = True
    return config
