"""The grammar made ready: LALR tables and the patterns of the tokens, both made by Lark from `grammar/rnn.lark`.

Making them takes longer than compiling a file, and so does importing Lark. They are therefore plain data, kept as JSON
in the user's cache directory under a name that holds everything they depend on; Lark is needed when they are not there.
A cache that cannot be read or written costs time and nothing else.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnc.resources import resource_text
from rnnc.syntax.spelling.slips import DISGUISED

_FORMAT = "1"  # of the cached data

# Tried in this order: a docstring is no empty string, `c'` no `c`; punctuation follows, longest first.
_PATTERNS = ("DOC", "STRING", "NUMBER", "PRIMED", "NAME", "NEWLINE")


@dataclass(frozen=True)
class Rule:
    """One alternative of a rule. `inlined` are its parts that are lists of parts themselves; `gaps[i]` is the number
    of optional parts that are missing before part i, `gaps[size]` after the last; `node` names the builder's method,
    None where the parts are a list for the rule around; a transparent rule vanishes if it has a single part."""

    origin: str
    size: int
    inlined: Sequence[int]
    gaps: Sequence[int]
    node: str | None
    is_transparent: bool


@dataclass(frozen=True)
class Tables:
    """What parsing needs. An action is the state to go to or, negative, -1 minus the number of the rule to reduce.
    `reserved` and `keywords` map words to terminals, `spelling` terminals to what is written."""

    states: Sequence[Mapping[str, int]]
    starts: Mapping[str, int]
    ends: Mapping[str, int]
    rules: Sequence[Rule]
    token: re.Pattern[str]
    punctuation: Mapping[str, str]
    reserved: Mapping[str, str]
    keywords: Mapping[str, str]
    spelling: Mapping[str, str]


@functools.cache
def tables() -> Tables:
    """The tables of the language, made or loaded once per process."""
    grammar = resource_text("grammar/rnn.lark")
    cache = _cache_file(grammar)
    data = _load(cache)
    if data is None:
        data = _make(grammar)
        _store(cache, data)
    return _ready(data)


def _ready(data: dict[str, Any]) -> Tables:
    literal: dict[str, tuple[str, int]] = data["literals"]
    words = {text: name for text, (name, _) in literal.items() if text.isidentifier()}
    punctuation = {text: name for text, (name, _) in literal.items() if text not in words}
    signs = "|".join(re.escape(sign) for sign in sorted(punctuation, key=len, reverse=True))
    alternatives = [f"(?:{data['ignored']})+", f"(?P<SLIP>{DISGUISED})"]
    alternatives += [f"(?P<{name}>{data['patterns'][name]})" for name in _PATTERNS]
    alternatives.append(f"(?P<PUNCTUATION>{signs})")
    return Tables(
        states=data["states"],
        starts=data["starts"],
        ends=data["ends"],
        rules=[Rule(*rule) for rule in data["rules"]],
        token=re.compile("|".join(alternatives)),
        punctuation=punctuation,
        reserved={text: name for text, name in words.items() if literal[text][1]},
        keywords={text: name for text, name in words.items() if not literal[text][1]},
        spelling={name: text for text, (name, _) in literal.items()},
    )


# --- made by Lark ------------------------------------------------------------------------------------------


def _make(grammar: str) -> dict[str, Any]:
    """The tables as plain data."""
    import lark  # takes its time, and is needed only where there is no cache

    parser: Any = lark.Lark(grammar, parser="lalr", start=["file", "expression"], keep_all_tokens=True)
    table = parser.parse_interactive(start="file").parser_state.parse_conf.parse_table
    numbers = {rule: number for number, rule in enumerate(parser.rules)}
    order = {state: number for number, state in enumerate(table.states)}

    def encoded(action: Any, argument: Any) -> int:
        return order[argument] if action.name == "Shift" else -1 - numbers[argument]

    terminals = parser.terminals
    patterns = {terminal.name: terminal.pattern.to_regexp() for terminal in terminals}
    return {
        "states": [{name: encoded(*entry) for name, entry in row.items()} for row in table.states.values()],
        "starts": {name: order[state] for name, state in table.start_states.items()},
        "ends": {name: order[state] for name, state in table.end_states.items()},
        "rules": [_rule(rule) for rule in parser.rules],
        "patterns": {name: patterns[name] for name in _PATTERNS},
        "ignored": "|".join(patterns[name] for name in parser.ignore_tokens),
        "literals": {t.pattern.value: [t.name, t.priority] for t in terminals if t.pattern.type == "str"},
    }


def _rule(rule: Any) -> list[Any]:
    """The fields of a `Rule` of Lark's."""
    origin, symbols = rule.origin.name, rule.expansion
    missing = "".join(str(int(is_missing)) for is_missing in rule.options.empty_indices) or "0" * len(symbols)
    gaps = [len(run) for run in missing.split("0")]
    inlined = [at for at, symbol in enumerate(symbols) if not symbol.is_term and symbol.name.startswith("_")]
    node = None if origin.startswith("_") else rule.alias or origin
    return [origin, len(symbols), inlined, gaps, node, bool(rule.options.expand1 and not rule.alias)]


# --- the cache ---------------------------------------------------------------------------------------------


def _cache_file(grammar: str) -> Path | None:
    """Where the tables of this grammar are kept; None where there is no place for them."""
    key = hashlib.sha256(f"{_FORMAT}\0{grammar}".encode()).hexdigest()[:24]
    try:
        return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnc" / f"grammar-{key}.json"
    except RuntimeError:  # no home
        return None


def _load(cache: Path | None) -> dict[str, Any] | None:
    """What is in the cache; None where it holds nothing, or not what was put there."""
    try:
        digest, _, text = cache.read_bytes().partition(b"\n") if cache else (b"", b"", b"")
    except OSError:
        return None
    return json.loads(text) if hashlib.sha256(text).hexdigest().encode() == digest else None


def _store(cache: Path | None, data: dict[str, Any]) -> None:
    """Fill the cache, whole or not at all: other processes may be reading or writing it now."""
    if cache is None:
        return
    text = json.dumps(data, separators=(",", ":")).encode()
    fresh = cache.with_name(f"{cache.name}.{os.getpid()}")
    try:
        cache.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
        fresh.replace(cache)
    except OSError:
        return
