"""The text of a call, read statement by statement and never executed."""
