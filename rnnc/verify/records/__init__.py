"""Recorded arrays: what a record says, which parameters its variables are, and modules compared with it."""
