"""Damaged text by hand, as much as one likes: `python -m benchmarks.fuzz_text --count 200000 --seed 0 --jobs 2`.

Anything but diagnostics, and anything that takes too long, is a failure; its text is saved beside where this runs.
"""

from __future__ import annotations

import sys
import traceback

from benchmarks.fuzzing import Found, arguments, run
from tests.support.choices import Seeded
from tests.support.damaged_text import damaged, options_for, survives


def check(seeds: range) -> Found:
    found = Found(len(seeds))
    for seed in seeds:
        choices = Seeded(seed)
        text, options = damaged(choices), options_for(choices)
        try:
            compiled, refused = survives(text, options)
        except Exception as error:
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = f"{type(error).__name__} in {place.name}: {error}"
            found.failures.append((seed, kind.splitlines()[0][:120], f"{text}\n# options {options}\n"))
            continue
        found.done["texts"] += 1
        found.done["texts with options"] += bool(options)
        found.done["definitions compiled"] += compiled
        found.done["texts or definitions with diagnostics"] += refused
    return found


if __name__ == "__main__":
    sys.exit(run("text", check, arguments(__doc__.splitlines()[0] if __doc__ else "", count=20_000), ".rnn"))
