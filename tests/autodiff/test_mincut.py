from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnc.autodiff.mincut import UNBOUNDED, cheapest_cut


def test_of_equally_cheap_cuts_the_nearest_to_what_is_wanted() -> None:
    costs = {"a": 2, "b": 2, "c": 3}
    assert cheapest_cut(costs, [("a", "b"), ("b", "c")], ["a"], ["c"]) == ["b"]


def test_one_base_instead_of_its_pieces() -> None:
    costs = {"z": 4, "p": 1, "q": 1, "r": 1}
    pieces = [("z", "p"), ("z", "q"), ("z", "r")]
    assert cheapest_cut(costs, pieces, ["z"], ["p", "q"]) == ["p", "q"]
    assert cheapest_cut({**costs, "z": 2}, pieces, ["z"], ["p", "q", "r"]) == ["z"]


def test_what_cannot_be_cut_is_an_error() -> None:
    with pytest.raises(ValueError, match="separates"):
        cheapest_cut({"a": UNBOUNDED, "b": UNBOUNDED}, [("a", "b")], ["a"], ["b"])


@given(st.data())
def test_no_cut_is_cheaper(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 6))
    costs = {n: data.draw(st.integers(0, 5)) for n in range(count)}
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    edges = data.draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    sources = data.draw(st.lists(st.sampled_from(range(count)), unique=True))
    sinks = data.draw(st.lists(st.sampled_from(range(count)), unique=True))
    cut = cheapest_cut(costs, edges, sources, sinks)

    def separates(chosen: set[int]) -> bool:
        reached = {s for s in sources if s not in chosen}
        for a, b in sorted(edges):  # vertices are in topological order
            if a in reached and b not in chosen:
                reached.add(b)
        return reached.isdisjoint(sinks)

    every = (set(c) for k in range(count + 1) for c in itertools.combinations(range(count), k))
    cheapest = min(sum(costs[n] for n in chosen) for chosen in every if separates(chosen))
    assert separates(set(cut))
    assert sum(costs[n] for n in cut) == cheapest
