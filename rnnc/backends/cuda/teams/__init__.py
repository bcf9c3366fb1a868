"""Loops on the device: one kernel for all steps, whose blocks are in teams."""
