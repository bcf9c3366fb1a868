"""What the programs that run random checks by hand share: workers, progress, and the report of a run."""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np

from rnnc.diagnostics import DiagnosticError
from rnnc.version import __version__
from tests.support.choices import Choices, Replayed, Seeded, minimised

RESULTS = Path(__file__).parent / "results"
STRETCH = 50  # seeds that a worker takes at once
Source = TypeVar("Source")


def _today() -> date:
    return datetime.now().astimezone().date()


@dataclass
class Found:
    """What a stretch of seeds gave: counts of what was done, and failures (seed, kind, text to keep)."""

    seeds: int = 0
    done: Counter[str] = field(default_factory=Counter[str])
    failures: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])


def search(
    seeds: range, draw: Callable[[Choices], Source], check: Callable[[Source, int], Counter[str]], tries: int
) -> Found:
    """Check the sources of some seeds: `check` counts what was done. One that fails is drawn again, smaller, as long as
    it fails alike."""

    def outcome(choices: Choices, seed: int) -> Counter[str] | str:
        try:
            return check(draw(choices), seed)
        except DiagnosticError as error:
            return f"{error.diagnostics[0].code} {error.diagnostics[0].message}"
        except Exception as error:
            return f"{type(error).__name__} {error}"

    def alike(choices: Choices, seed: int, kind: str) -> bool:
        found = outcome(choices, seed)
        return isinstance(found, str) and found.startswith(kind[:20])

    found = Found(len(seeds))
    for seed in seeds:
        choices = Seeded(seed)
        done = outcome(choices, seed)
        if isinstance(done, Counter):
            found.done += done
            continue
        fewer = minimised(choices.made, partial(alike, seed=seed, kind=done), tries)
        text = f"{draw(Replayed(fewer))}\n# seed {seed}: {done}\n"
        found.failures.append((seed, done.splitlines()[0][:120], text))
    return found


def arguments(description: str, count: int, **flags: str) -> argparse.Namespace:
    """The command line; `flags` are switches besides those of every such program, with what they do."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--count", type=int, default=count, help="how many are drawn")
    parser.add_argument("--seed", type=int, default=0, help="the first seed: later runs go on where one ended")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--record", action="store_true", help=f"append the figures to a file in {RESULTS.name}/")
    for flag, help in flags.items():
        parser.add_argument(f"--{flag.replace('_', '-')}", action="store_true", help=help)
    return parser.parse_args()


def run(title: str, check: Callable[[range], Found], options: argparse.Namespace, suffix: str) -> int:
    """Check all seeds; failing texts go to files. The exit status: 1 where something failed."""
    end = options.seed + options.count
    stretches = [range(at, min(at + STRETCH, end)) for at in range(options.seed, end, STRETCH)]
    began, total = time.perf_counter(), Found()
    with TemporaryDirectory() as cache:  # compiled kernels of random cells are of no use later
        os.environ["XDG_CACHE_HOME"] = cache
        for found in _until_interrupted(_results(check, stretches, options.jobs)):
            total.seeds += found.seeds
            total.done += found.done
            for seed, kind, text in found.failures:
                total.failures.append((seed, kind, text))
                path = Path(f"fuzz_{title.split()[0]}_{seed}{suffix}")
                path.write_text(text, encoding="utf-8")
                print(f"\nseed {seed}: {kind}: see {path}", flush=True)
            rate = total.seeds / (time.perf_counter() - began)
            print(f"\r{total.seeds}/{options.count}, {rate:.1f}/s, {len(total.failures)} failed", end="", flush=True)
    seconds = time.perf_counter() - began
    print()
    lines = _report(title, options, total, seconds)
    print("\n".join(lines))
    if options.record:
        path = RESULTS / f"fuzz_{_today().isoformat()}.md"
        path.parent.mkdir(exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n\n")
    return 1 if total.failures else 0


def _results(check: Callable[[range], Found], stretches: list[range], jobs: int) -> Iterator[Found]:
    if jobs == 1:
        yield from map(check, stretches)
    else:
        with multiprocessing.get_context("spawn").Pool(jobs) as pool:
            yield from pool.imap(check, stretches)  # in order: a later run can go on where this one ended


def _until_interrupted(results: Iterator[Found]) -> Iterator[Found]:
    """Ctrl-C ends a run early; what was done until then is reported."""
    with contextlib.suppress(KeyboardInterrupt):
        yield from results


def _report(title: str, options: argparse.Namespace, total: Found, seconds: float) -> list[str]:
    kinds = Counter(kind for _, kind, _ in total.failures)
    return [
        f"## {title}, {_today().isoformat()}",
        "",
        f"rnnc {__version__}, Python {platform.python_version()}, NumPy {np.__version__}, processes: {options.jobs};",
        f"seeds {options.seed} up to {options.seed + total.seeds} in {seconds:.0f} s, {total.seeds / seconds:.1f}/s.",
        "",
        *(f"- {what}: {number}" for what, number in sorted(total.done.items())),
        f"- failures: {len(total.failures)}",
        *(f"  - {kind}: {number}" for kind, number in sorted(kinds.items())),
    ]
