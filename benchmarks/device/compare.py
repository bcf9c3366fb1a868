"""One row after the other: who takes part, how long they take, and how far off they are."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.device import jax_peers, kernel_peers, ours, torch_peers
from benchmarks.device.case import MODES, Case, Contender, Mode, NotThere, deviation, make_case
from benchmarks.device.floor import Rates, floor
from benchmarks.device.modules import load
from benchmarks.device.report import Figure
from benchmarks.device.rounding import products_in
from benchmarks.device.rows import Row
from benchmarks.device.timing import Clock, Times, in_turn, tried

Build = Callable[[Case], Contender]
CONTENDERS: dict[str, Build] = {
    "rnnc": ours.generated,
    "torch.nn (cuDNN)": torch_peers.layer,
    "torch.compile": torch_peers.compiled,
    "jax.lax.scan": jax_peers.scan,
    "jax (cuDNN)": jax_peers.cudnn,
    "FlashRNN": kernel_peers.flash_rnn,
    "Haste": kernel_peers.haste,
}


@dataclass
class Comparison:
    """What all rows share. `until`: when to stop, by `time.monotonic`; `loaded` gives a module by its name."""

    folder: Path
    clock: Clock
    rates: Rates | None
    budget: float
    until: float
    contenders: dict[str, Build] = field(default_factory=lambda: dict(CONTENDERS))
    loaded: Callable[[Path, str], Any] = load

    def run(self, rows: Sequence[Row], done: Callable[[list[Figure]], None]) -> list[Figure]:
        """All rows in order; `done` gets all figures after each."""
        figures: list[Figure] = []
        for row in rows:
            if time.monotonic() > self.until:
                figures += [self._figure(row, mode, "all", missing="no time was left") for mode in MODES]
            else:
                figures += self.row(row)
                self.clock.tidy()
            done(figures)
        return figures

    def row(self, row: Row) -> list[Figure]:
        """Both modes of one row; its failure is a figure, too."""
        with products_in(row.dtype):
            try:
                case = make_case(row, self.loaded(self.folder, f"{row.module}_cuda"))
            except Exception as error:
                return [self._figure(row, mode, "all", missing=_told(error)) for mode in MODES]
            return [figure for mode in MODES for figure in self._mode(case, mode)]

    def _mode(self, case: Case, mode: Mode) -> list[Figure]:
        built = {name: tried(lambda build=build: build(case)) for name, build in self.contenders.items()}
        running = {name: one for name, one in built.items() if isinstance(one, Contender)}
        errors = self._errors(case, mode, running)
        times = dict(zip(running, in_turn(self.clock, list(running.values()), mode, self.budget), strict=True))
        least = None if self.rates is None else floor(case.row, mode, self.rates)
        found: list[Figure] = []
        for name, one in built.items():
            measured = times.get(name, one)
            if not isinstance(measured, Times):
                found.append(self._figure(case.row, mode, name, missing=_told(measured)))
                continue
            error, own = errors[name], tried(running[name].note)
            notes = [*measured.notes, *(_told(x) if isinstance(x, Exception) else str(x) for x in (own,))]
            notes += [f"no error: {_told(error)}"] if isinstance(error, Exception) else []
            figures = {kind: measured.median(kind) for kind in measured.seconds}
            rounds, exact = len(measured.seconds["wall"]), None if isinstance(error, Exception) else error
            note = "; ".join(filter(None, notes))
            found.append(
                self._figure(case.row, mode, name, **figures, floor=least, rounds=rounds, error=exact, note=note)
            )
        return found

    def _errors(self, case: Case, mode: Mode, running: dict[str, Contender]) -> dict[str, float | Exception]:
        """Of the first steps, as many as float64 has room for."""
        short = case.short()
        reference = tried(lambda: ours.reference(short, mode))
        if isinstance(reference, Exception):
            return dict.fromkeys(running, reference)

        def error(name: str) -> float:
            contender = running[name] if short.row == case.row else self.contenders[name](short)
            return deviation(contender.results(mode, contender.call(mode)()), reference)

        return {name: tried(lambda name=name: error(name)) for name in running}

    def _figure(self, row: Row, mode: Mode, contender: str, **more: Any) -> Figure:
        return Figure(row.network, row.shape, row.dtype, mode, contender, **more)


def _told(error: object) -> str:
    text = str(error).strip().splitlines()
    return text[0] if isinstance(error, NotThere) and text else f"{type(error).__name__}: {text[0] if text else ''}"
