"""Calls of other libraries as descriptions: `LSTMCell(128, use_peepholes=True)`, layers of Keras and of PyTorch.

    text ──script──▶ statements ──evaluate──▶ calls, bound to signatures ──tables──▶ pieces ──write──▶ text of a `.rnn`

No library is imported and nothing is executed. What a constructor computes stands in the library of cells
(`examples/`); the tables here only say which of its cells that is, and which of its parameters each argument becomes.
"""
