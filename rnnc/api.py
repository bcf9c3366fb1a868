"""The Python interface: `rnnc.compile`, `rnnc.describe`, `rnnc.check`."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import cast

from rnnc.compiler import check as check_source
from rnnc.compiler import compile_source, names_in
from rnnc.diagnostics import Diagnostic, Source
from rnnc.pictures.description import Description
from rnnc.runtime import load_module
from rnnc.syntax.source import read_source, source_from_text, split_name


def compile(
    path_or_text: str | os.PathLike[str],
    target: str = "numpy",
    *,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    save: str = "all",
    expose: str | Iterable[str] = (),
    no_passes: str | Iterable[str] = (),
    **parameters: object,
) -> ModuleType:
    """Compile a cell or network and import the module.

    `path_or_text` is the path of a `.rnn` file (also `FILE:NAME`) or the description itself, which imports files from
    the current folder. Compile-time parameters are keyword arguments (`units=128`); those whose names are taken here go
    into `options`. `expose` and `no_passes` are names: several, or one text of them (`"i,f"`). Warns of what of a
    request could not be done (the `strategy` of CUDA's loops). Raises `rnnc.DiagnosticError` where the description is
    wrong, and TypeError where a parameter is given twice, or is no value of the language.
    """
    source, own_name = _source(path_or_text, name)
    compiled = compile_source(
        source,
        own_name,
        _together(options, parameters),
        target=target,
        save=save,
        expose=_several("expose", expose),
        no_passes=frozenset(_several("no_passes", no_passes)),
    )
    for note in compiled.notes:
        warnings.warn(note, stacklevel=2)
    return load_module(compiled.text, compiled.unit.model.name)


def describe(
    path_or_text: str | os.PathLike[str],
    *,
    name: str | None = None,
    options: Mapping[str, object] | None = None,
    **parameters: object,
) -> Description:
    """A cell or network for people: a notebook shows its drawing and its equations.

    Arguments are those of `compile`. The result has `svg()`, `latex()`, `mathml()` and `html()`, which return text.
    Raises `rnnc.DiagnosticError` where the description is wrong.
    """
    source, own_name = _source(path_or_text, name)
    return Description(source, own_name, _together(options, parameters))


def check(path_or_text: str | os.PathLike[str]) -> list[Diagnostic]:
    """Everything that is wrong with a description: of every definition, in the order of the text."""
    return check_source(_source(path_or_text)[0])


def _several(what: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str):
        return tuple(names_in(given))
    if isinstance(given, Iterable):
        names = tuple(cast("Iterable[object]", given))
        if all(isinstance(name, str) for name in names):
            return cast("tuple[str, ...]", names)
    raise TypeError(f"{what} is names, several or one text of them, not {given!r}")


def _together(options: object, parameters: Mapping[str, object]) -> dict[str, object]:
    if not isinstance(options, Mapping | None):
        raise TypeError(f"options are parameters by name, a dict, not {type(options).__name__}")
    given = cast("Mapping[str, object]", options or {})
    twice = sorted(given.keys() & parameters.keys())
    if twice:
        raise TypeError(f"{', '.join(twice)}: given as a keyword argument and in options")
    return {**given, **parameters}


def _source(path_or_text: object, name: object = None) -> tuple[Source, str | None]:
    """The text, and the name of the definition, which may be that of `FILE:NAME`. One line without a brace is a path,
    unless there is nothing in it."""
    if not isinstance(name, str | None):
        raise TypeError(f"name is that of a definition, a text, not {name!r}")
    if not isinstance(path_or_text, str | os.PathLike):
        raise TypeError(f"a description is its text or the path of a file, not {type(path_or_text).__name__}")
    if not isinstance(path_or_text, str):
        return read_source(cast("os.PathLike[str]", path_or_text)), name
    if "\n" in path_or_text or "{" in path_or_text or not path_or_text.strip():
        return source_from_text("<text>", path_or_text), name
    path, own = split_name(path_or_text)
    return read_source(path), name or own
