"""Comparisons with the live cells of other libraries: a recording made on the spot, by a process of its own.

`request` turns what a layout declares into a case; `recorder` has the process record cases; `report` compares.
`child` is that process: it and the four that run a library (`tf_cells`, `keras_layers`, `torch_modules`, `onnx_nodes`)
import little else of rnnc.
"""
