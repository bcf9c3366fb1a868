"""Comparisons with the live cells of TensorFlow and Keras: a recording made on the spot, by a process of its own.

`request` turns what a layout declares into a case; `recorder` has the process record cases; `report` compares.
`child` is that process: it, `tf_cells` and `keras_layers` import nothing else of rnnc but `constructors`.
"""
