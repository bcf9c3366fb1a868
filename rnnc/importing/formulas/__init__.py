"""Expressions over tensors, in the words of the language."""
