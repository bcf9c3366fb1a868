"""The compiler's table of contents: what happens to a program between its making and its emission.

Passes run in two stages. `BEFORE` runs on the program as written, ahead of differentiation: the derivative of a fused
product is a fused product again, and that of a scan a scan, so what is fused, hoisted and recognised here need not be
found a second time in the backward program, where it is harder to see. `AFTER` runs on each program that is emitted
(inference, training and backward) and mends what differentiation leaves behind: sums with zeros, cotangents that are
computed twice, and weight gradients accumulated step by step.

`outer` and `dot` stand before `fuse` and `hoist`, which see their products then, and before differentiation, which
makes outer products of cotangents. `group` stands before `hoist`, which takes out what it joined; `sink` after `defer`
and `hoist`, once operands are sequences; `scale` after `defer`, which knows sums of products as such only.

A pass may stand in a list more than once; turning it off by name turns off all its runs.
"""

from __future__ import annotations

from rnnc.passes.cse import cse
from rnnc.passes.dce import dce
from rnnc.passes.defer import defer
from rnnc.passes.dot import dot
from rnnc.passes.factor import factor
from rnnc.passes.fold import fold
from rnnc.passes.fuse import fuse
from rnnc.passes.group import group
from rnnc.passes.hoist import hoist
from rnnc.passes.manager import Pass
from rnnc.passes.outer import outer
from rnnc.passes.recurrences import recurrences
from rnnc.passes.scale import scale
from rnnc.passes.sink import sink

BEFORE: tuple[Pass, ...] = (fold, cse, outer, dot, dce, fuse, group, hoist, recurrences, hoist, sink, dce)

AFTER: tuple[Pass, ...] = (fold, cse, outer, dot, dce, factor, defer, scale, group, hoist, sink, dce)
