"""The rules of the pass `fold`: what an operation on certain values is worth, without computing it."""
