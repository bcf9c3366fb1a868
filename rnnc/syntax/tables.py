"""The grammar made ready: LALR tables and the pattern of the tokens, both from `grammar/rnn.lark`.

Building the tables takes about as long as compiling a file, so they are kept in the user's cache directory, under a
name that holds everything they depend on. A cache that cannot be read or written costs time and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lark
from lark.lexer import TerminalDef

from rnnc.resources import resource_text
from rnnc.syntax.build import Builder
from rnnc.syntax.slips import DISGUISED

# Tried in this order: a docstring is no empty string, `c'` no `c`; punctuation follows, longest first.
_PATTERNS = ("DOC", "STRING", "NUMBER", "PRIMED", "NAME", "NEWLINE")


@dataclass(frozen=True)
class Tables:
    """What parsing needs: `reserved` and `keywords` map words to terminals, `spelling` terminals to words."""

    parser: lark.Lark
    token: re.Pattern[str]
    punctuation: Mapping[str, str]
    reserved: Mapping[str, str]
    keywords: Mapping[str, str]
    spelling: Mapping[str, str]


@functools.cache
def tables() -> Tables:
    """The tables of the language, built or loaded once per process."""
    parser = _parser(resource_text("grammar/rnn.lark"))
    terminals: dict[str, TerminalDef] = {terminal.name: terminal for terminal in parser.terminals}
    literal = {t.pattern.value: t for t in terminals.values() if t.pattern.type == "str"}
    words = {text: t for text, t in literal.items() if text.isidentifier()}
    punctuation = {text: t.name for text, t in literal.items() if text not in words}
    blank = "|".join(t.pattern.to_regexp() for name, t in terminals.items() if name.startswith("__IGNORE"))
    alternatives = [f"(?:{blank})+", f"(?P<SLIP>{DISGUISED})"]
    alternatives += [f"(?P<{name}>{terminals[name].pattern.to_regexp()})" for name in _PATTERNS]
    signs = "|".join(re.escape(sign) for sign in sorted(punctuation, key=len, reverse=True))
    alternatives.append(f"(?P<PUNCTUATION>{signs})")
    return Tables(
        parser=parser,
        token=re.compile("|".join(alternatives)),
        punctuation=punctuation,
        reserved={text: t.name for text, t in words.items() if t.priority},
        keywords={text: t.name for text, t in words.items() if not t.priority},
        spelling={t.name: text for text, t in literal.items()},
    )


def _parser(grammar: str) -> lark.Lark:
    """Lark's parser for the grammar, from the cache where that is possible."""
    options: dict[str, Any] = {
        "parser": "lalr",
        "start": ["file", "expression"],
        "keep_all_tokens": True,
        "maybe_placeholders": True,
        "transformer": Builder(),
    }
    # Lark itself overlooks a cache file that is damaged, half written or not writable, and builds the tables.
    return lark.Lark(grammar, cache=_cache_file(grammar) or False, **options)


def _cache_file(grammar: str) -> str | None:
    """Where the tables of this grammar, Lark and Python are kept; None where there is no place for them."""
    key = hashlib.sha256(f"{grammar}\0{lark.__version__}\0{sys.version}".encode()).hexdigest()[:24]
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnc"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # no place that can be written, no home
        return None
    return str(folder / f"grammar-{key}")
