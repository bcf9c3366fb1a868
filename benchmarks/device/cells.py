"""The cells of the comparison: where their descriptions are, and what a step of theirs cannot do without."""

from __future__ import annotations

from dataclasses import dataclass

INVENTED = '''"""A cell that no library has: gates of an LSTM, a candidate that sees how large the state is."""
cell Invented(units) {
  input x[input]
  state c[units], h[units]
  gate f = sigmoid(linear(x, h))
  gate o = sigmoid(linear(x, h))
  n  = tanh(linear(x, h) - 0.5 * c * c)
  c' = f * c + (1 - f) * n
  h' = o * c' / (1 + abs(c'))
  output h'
}
'''


@dataclass(frozen=True)
class Cell:
    """A cell by the name that the results use.

    `columns`: of the input product, for each unit; `products`: of those with the state, one after the other, columns
    for each unit; `values` bind compile-time parameters; `text` stands for a file where there is none.
    """

    name: str
    file: str
    call: str  # with which a network makes one, `H` for the units
    columns: int
    products: tuple[int, ...]
    values: tuple[tuple[str, str], ...] = ()
    text: str = ""


CELLS = {
    cell.name: cell
    for cell in (
        Cell("LSTM", "lstm.rnn", "LSTM(H)", 4, (4,)),
        Cell("GRU", "gru.rnn", "GRU(H, reset = after)", 3, (3,), (("reset", "after"),)),
        Cell("GRU, reset before", "gru.rnn", "GRU(H, reset = before)", 3, (2, 1), (("reset", "before"),)),
        Cell("peephole LSTM", "lstm.rnn", "LSTM(H, peepholes = true)", 4, (4,), (("peepholes", "true"),)),
        Cell("layer-norm LSTM", "layer_norm_lstm.rnn", "LayerNormLSTM(H)", 4, (4,)),
        Cell("IndRNN", "indrnn.rnn:IndRNN", "IndRNN(H)", 1, ()),
        Cell("sLSTM", "xlstm.rnn:SLSTM", "SLSTM(H)", 4, (4,)),
        Cell("invented", "", "Invented(H)", 3, (3,), text=INVENTED),
        Cell("minGRU", "min_gru.rnn:MinGRU", "MinGRU(H)", 2, ()),
        Cell("SRU", "sru.rnn", "SRU(H)", 4, ()),
    )
}
