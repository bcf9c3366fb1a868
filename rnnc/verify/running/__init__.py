"""Modules that are run: where they are placed, how they are called, sessions of TensorFlow."""
