"""Dropout in formulas, where `dropout#3(…)` tells one call of a text from others. A call draws one mask, whoever reads
it, and the mask has the name of an equation."""

from __future__ import annotations

import re

from rnnc.importing.equations import Equations

_CALL = re.compile(r"\bdropout#(\d+)\(")


def one_each(network: Equations, text: str, *, inside: bool = False) -> str:
    """A formula in which every call has an equation of its own; but for one call that stands alone in it, where it is
    not put `inside` another formula."""
    if len(_CALL.findall(text)) == 1 and not inside:
        return _CALL.sub("dropout(", text)
    while (found := _innermost(text)) is not None:
        start, end = found
        call = text[start:end]
        if call == text and not inside:
            return _CALL.sub("dropout(", text)
        text = text.replace(call, network.equation("d", _CALL.sub("dropout(", call)))
    return text


def _innermost(text: str) -> tuple[int, int] | None:
    """Where the first call stands that has no other one inside."""
    for found in _CALL.finditer(text):
        end, depth = found.end(), 1
        while depth:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        if not _CALL.search(text, found.end(), end):
            return found.start(), end
    return None
