"""`python -m rnnc`, and what the console script `rnnc` calls."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Run the command line on `sys.argv`; the result is the exit status."""
    gc.set_threshold(100_000)  # trees and programs live to the end: looking for garbage among them costs a tenth
    try:
        from rnnc.cli.app import run  # inside, so that Ctrl-C is quiet from the first import on
    except KeyboardInterrupt:
        return 130
    return run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
