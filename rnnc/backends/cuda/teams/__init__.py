"""Loops on the device: one kernel for all steps, in which teams of blocks share the rows of the batch."""
