"""Libraries that read other people's files: imported when they are needed."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

from rnnc.verify.errors import VerifyError
from rnnc.weights.table import UNREADABLE

EXTRAS = {"tensorflow": "tf"}  # which extra of this package brings a library; the others come with `weights`


def library(name: str, what: str) -> Any:
    """The module of that name. Raises VerifyError (E811) that says what to install."""
    if name == "tensorflow":
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # no greetings on the terminal
    try:
        return import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        fix = f"pip install {package}, or pip install 'rnnc[{EXTRAS.get(package, 'weights')}]'"
        raise VerifyError(UNREADABLE, f"{what} need the library {package}: {error}", fix=fix) from error
