"""docs/gallery is what `make gallery` writes, and its proofs are of the cells as they are now."""

from __future__ import annotations

import pytest

from benchmarks.gallery import PAGES, PROVED, digest, index, load_proofs, pages
from benchmarks.gallery_cells import ENTRIES, Entry

PROOFS = load_proofs()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.slug)
def test_a_page_is_up_to_date(entry: Entry) -> None:
    """Otherwise: `make gallery`."""
    for name, text in pages(PROOFS, [entry]).items():
        assert (PAGES / name).read_text(encoding="utf-8") == text, f"{name}: run `make gallery`"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.slug)
def test_a_proof_is_of_the_cell_as_it_is(entry: Entry) -> None:
    """Otherwise: `make gallery-proofs`."""
    proof = PROOFS[entry.slug]
    assert proof["digest"] == digest(entry), f"{entry.file} has changed: run `make gallery-proofs`"
    for target in PROVED:
        rows = proof["targets"][target]["rows"]
        assert rows
        assert all(passed for *_, passed in rows)


def test_there_are_no_other_pages() -> None:
    names = {path.name for path in PAGES.iterdir()}
    assert (PAGES / "index.md").read_text(encoding="utf-8") == index()
    assert {n for n in names if n.endswith(".md")} == {"index.md", *(f"{e.slug}.md" for e in ENTRIES)}
    shown = "".join(path.read_text(encoding="utf-8") for path in PAGES.glob("*.md"))
    assert {n for n in names if not n.endswith(".md") and f"({n})" not in shown} == set()
