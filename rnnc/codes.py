"""Every diagnostic of the compiler: its stable code and what it is about, in one line.

The layers own ranges: E1xx syntax, E2xx names and values, E3xx shapes and types, E4xx structure, E5xx weight layouts,
W9xx warnings. A code keeps its meaning for ever; one that is no longer given is not used again.
"""

from __future__ import annotations

SYNTAX: dict[str, str] = {
    # files and characters
    "E100": "the file cannot be read",
    "E101": "the file is too large",
    "E102": "the file is not UTF-8 text",
    "E103": "a character that the language does not have",
    "E104": "a character that looks like one of the language's but is another",
    "E105": "an invisible or control character",
    # words, numbers, strings
    "E110": "a string or docstring is not closed",
    "E111": "an unknown escape in a string",
    "E112": "strings are written in double quotes",
    "E113": "a number that is written wrongly",
    "E114": "a number that is too large",
    "E115": "a prime that follows no name",
    # brackets and lines
    "E120": "a bracket is not closed",
    "E121": "a bracket closes nothing",
    "E122": "a bracket is closed by one of another kind",
    "E123": "two statements on one line",
    "E124": "a semicolon",
    "E125": "an expression goes on at the next line without brackets",
    "E126": "nesting that is too deep",
    # spellings of other languages
    "E130": "an operator of another language",
    "E131": "a word of another language",
    "E132": "a colon before a block",
    "E133": "`=` where `==` is meant, or the other way round",
    "E134": "`:` where `=` is meant",
    "E135": "comparisons in a chain",
    # statements
    "E140": "a keyword that is spelt wrongly",
    "E141": "something is missing",
    "E142": "something that the grammar does not allow here",
    "E143": "a `for` without `in`",
    "E144": "a statement that belongs elsewhere",
    "E145": "a declaration without axes or with labels where indices stand",
    "E146": "an unknown word after `:` or `order`",
}

CODES: dict[str, str] = {**SYNTAX}
