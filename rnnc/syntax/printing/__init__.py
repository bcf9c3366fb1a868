"""Syntax trees as text: canonical source, and what is written for people and tests."""
