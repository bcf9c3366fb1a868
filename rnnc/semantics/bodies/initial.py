"""What a parameter begins with, held against its axes."""

from __future__ import annotations

from rnnc.diagnostics import Diagnostics
from rnnc.ir.program import Axis
from rnnc.semantics.bodies.frames import Parameter


def check_initial(p: Parameter, axes: tuple[Axis, ...], inputs: tuple[int, ...], diagnostics: Diagnostics) -> None:
    """Report given values that are not as many as the axes hold, and a matrix where there is none.

    `inputs`: which axes of a weight are inputs.
    """
    if p.init.kind == "values":
        _check_values(p, axes, diagnostics)
    elif p.init.kind in ("identity", "orthogonal") and len(axes) < 2:
        of = "a vector" if axes else "one number"
        message = f"`{p.init.kind}` fills a matrix, and `{p.name}` is {of}"
        diagnostics.error("E227", message, p.span, fix="`ones`, `uniform(-0.1, 0.1)`, a number, …", use=p.use)
    elif p.init.kind == "identity" and _is_kernel(p):
        message = f"`identity` fills a matrix, and `{p.name}` is the kernel of a convolution"
        diagnostics.error("E227", message, p.span, fix="`orthogonal`, `glorot_uniform`, …", use=p.use)
    elif p.init.kind == "identity" and len(axes) > 2 and not inputs:
        message = f"`identity` fills a matrix, and `{p.name}` has {len(axes)} axes"
        fix = "a list of numbers, row by row, fills any array"
        diagnostics.error("E227", message, p.span, fix=fix, use=p.use)


def _is_kernel(p: Parameter) -> bool:
    return any(node.op == "kernel" for node in p.nodes.values())


def _check_values(p: Parameter, axes: tuple[Axis, ...], diagnostics: Diagnostics) -> None:
    n = 1
    for axis in axes:
        if axis.size.constant is None:
            given = " ".join(f"-D {name}=…" for name in sorted(axis.size.symbols))
            fix = f"give what decides it: `{given}`, or a size at the declaration"
            message = f"`{p.name}` has given values, so its sizes must be known"
            diagnostics.error("E227", message, p.span, fix=fix, use=p.use)
            return
        n *= axis.size.constant
    if n != len(p.init.numbers):
        message = f"`{p.name}` holds {n} numbers, but {len(p.init.numbers)} are given"
        diagnostics.error("E227", message, p.span, use=p.use)
