"""What docs/architecture.md lists is what the code has: operations, passes, parts, the contract, tolerances."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from types import ModuleType

import pytest

import rnnc
from rnnc.ir.operations import TABLE
from rnnc.passes import AFTER, BEFORE
from rnnc.passes.manager import Pass, pass_names
from rnnc.passes.memory import plan_memory
from rnnc.verify import report
from rnnc.verify.live.report import TOLERANCES
from rnnc.verify.proving import differences
from tests.docs.pages import ROOT, page
from tests.house.test_layers import FOLDERS, LAYERS
from tests.ir.cases import CASES

PAGE = page("architecture.md")
SIGNATURE = re.compile(r"(\w+)\(([^);]*)(?:; ([^)]*))?\)")


def _section(heading: str) -> str:
    level = heading.split(" ")[0]
    (found,) = re.findall(rf"^{re.escape(heading)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    return found


def _first_cells(section: str) -> list[str]:
    """What stands in code in the first column of tables, but for their heads."""
    rows = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row)]


OPERATIONS = {re.split(r"\W", code)[0]: code for code in _first_cells(_section("## Operations"))}


def test_every_operation_is_listed_once() -> None:
    codes = _first_cells(_section("## Operations"))
    assert sorted(re.split(r"\W", code)[0] for code in codes) == sorted(TABLE)


@pytest.mark.parametrize("name", sorted(name for name, code in OPERATIONS.items() if "(" in code))
def test_signatures_are_those_of_the_operations(name: str) -> None:
    match = SIGNATURE.fullmatch(OPERATIONS[name])
    assert match is not None
    arguments = [argument.strip() for argument in match[2].split(",") if argument.strip()]
    attributes = [attribute.strip() for attribute in (match[3] or "").split(",") if attribute.strip()]
    for case in (case for case in CASES if case.name == name):
        assert "…" in arguments or len(arguments) == len(case.args)
        assert sorted(attributes) == sorted(case.attrs)
    optional = tuple(place for place, argument in enumerate(arguments) if argument.endswith("?"))
    assert optional == TABLE[name].optional


@pytest.mark.parametrize("name", sorted(name for name, code in OPERATIONS.items() if "(" not in code))
def test_what_has_no_signature_has_neither_attributes_nor_optional_arguments(name: str) -> None:
    assert not TABLE[name].optional
    assert not any(case.attrs for case in CASES if case.name == name)


@pytest.mark.parametrize(("word", "passes"), [("BEFORE", BEFORE), ("AFTER", AFTER)])
def test_the_lists_of_passes_are_those_that_run(word: str, passes: tuple[Pass, ...]) -> None:
    (listed,) = re.findall(rf"^- `{word}`: ([^:]*):", PAGE, re.MULTILINE)
    assert listed.split(", ") == [step.name for step in passes]


def test_every_pass_is_explained_once() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", _section("## Passes"), re.MULTILINE)
    assert sorted(rows) == sorted({*pass_names((*BEFORE, *AFTER)), plan_memory.name})


def test_the_parts_stand_in_the_order_of_their_layers() -> None:
    """A part is listed after everything that it may import."""
    listed = [code.rstrip("/") for code in _first_cells(_section("## Parts and their dependencies"))]
    ranks = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
    assert sorted(listed) == sorted(ranks)
    order = [ranks[part] for part in listed]
    assert order == sorted(order)


def test_folders_are_listed_in_the_order_of_their_imports() -> None:
    rows = re.findall(r"^\| `([\w/]+)/` \| (.*) \|$", _section("## Folders of parts"), re.MULTILINE)
    assert len(rows) > 4
    for part, listed in rows:
        folders = re.findall(r"`(\w+)/`", listed)
        assert folders == list(FOLDERS[part.replace("/", ".")]) or "#" in listed


@pytest.fixture(scope="module")
def module() -> ModuleType:
    return rnnc.compile(ROOT / "examples" / "lstm.rnn")


def test_the_functions_are_those_of_a_module(module: ModuleType) -> None:
    signatures = re.findall(r"^\| `(\w+)\((.*)\)` \|", _section("## The contract of a module"), re.MULTILINE)
    assert [name for name, _ in signatures] == [
        *("init_params", "pack", "step", "forward", "backward", "from_layout", "to_layout", "grads_to_layout")
    ]
    for name, signature in signatures:
        assert str(inspect.signature(getattr(module, name))).replace("'", '"') == f"({signature})"
    trained, plain = (inspect.signature(getattr(module, name)) for name in ("forward_train", "forward"))
    assert trained == plain


def test_the_keys_of_spec_are_those_of_a_module(module: ModuleType) -> None:
    (listed,) = re.findall(r"`SPEC` has the keys (.*?)\.\n", PAGE, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", listed)) == set(module.SPEC)


def test_tolerances_are_those_of_the_proofs() -> None:
    section = _section("## Proofs")
    shown = {
        float(number)
        for number in re.findall(r"\| ([\d.e; -]+)[^|]*\|$", section, re.MULTILINE)
        for number in number.split(";")
    }
    live = {number for tolerance in TOLERANCES.values() for number in (tolerance.of_values, tolerance.gradients)}
    assert shown == {report.ROUNDING, *report.TOLERANCE.values(), differences.TOLERANCE, *live}


def test_files_that_are_named_exist() -> None:
    folders = [ROOT, *(path for path in (ROOT / "rnnc").rglob("*") if path.is_dir()), ROOT / "rnnc"]
    names = set(re.findall(r"`((?:[\w.]+/)*[\w.]+\.(?:py|rnn|lark|md|jinja))`", PAGE))
    missing = [name for name in sorted(names) if not any((Path(folder) / name).exists() for folder in folders)]
    assert missing == []
