"""Proofs: modules against the interpreter, in every precision and way, and what never changes their results."""
