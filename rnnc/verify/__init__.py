"""Proofs of compiled modules, and comparisons with recorded arrays: what `rnnc verify` does.

`commands` holds the two entries, `verify_source` and `verify_against`; both return a `report.Report`.
"""
