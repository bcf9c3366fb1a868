"""Expressions: names, operators, arguments of calls."""
