"""What every test shares: how many random examples are drawn, and what happens without a GPU."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# In CI the same examples every time; `make fuzz` draws others, and many. A test that knows its own cost scales
# `settings.default.max_examples` instead of naming a number, so that the profile reaches it.
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile(
    "fuzz", max_examples=2000, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")

MANY_MODULES = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--update-golden` writes what is seen now over what is expected, for people to review the difference."""
    parser.addoption("--update-golden", action="store_true", help="rewrite stored renderings instead of comparing")


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether stored renderings are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect tests that need a GPU where there is none."""
    if not any(item.get_closest_marker("gpu") for item in items) or _has_gpu():
        return
    without = [item for item in items if item.get_closest_marker("gpu")]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if item not in set(without)]


def pytest_collection_finish() -> None:
    """What is imported by then stays for good."""
    _leave_alone()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """So does what a test or its fixtures import."""
    before = len(sys.modules)
    done = yield
    if len(sys.modules) - before > MANY_MODULES:
        _leave_alone()
    return done


def _leave_alone() -> None:
    """Keep all there is out of the garbage collector's way, which goes through the whole of TensorFlow again and again
    otherwise: about half the time of the tests that import it."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000)


def _has_gpu() -> bool:
    smi = shutil.which("nvidia-smi")
    return smi is not None and subprocess.run([smi, "-L"], capture_output=True, check=False).stdout.startswith(b"GPU")
