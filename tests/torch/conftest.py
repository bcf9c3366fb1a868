"""Without PyTorch there is nothing to test here: it is in none of the extras that tests need."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["test_*.py"]
