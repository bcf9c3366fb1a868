"""A description as mathematics: formulas, and how they are typeset in LaTeX and MathML."""
