"""The version of the compiler: part of every generated module's head."""

__version__ = "0.2.0"
