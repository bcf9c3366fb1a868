"""Orders in which wrappers may have drawn the masks of sites that have one name: `state` of several layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

# A site with what its mask is called in the layout (`multi_rnn_cell/cell_0/state:1`), and whether it is drawn per step.
Site = tuple[str, str, bool]
Wrappers = Sequence[list[Site]]
Order = Callable[[Wrappers], Wrappers]


def as_declared(wrappers: Wrappers) -> Wrappers:
    """Outer wrappers before inner ones."""
    return wrappers


def as_drawn(wrappers: Wrappers) -> Wrappers:
    """As TensorFlow draws them: those of a whole sequence when the wrapper is made, inner wrappers first; then those of
    every step."""
    late = [wrapper for wrapper in wrappers if wrapper[0][2]]
    return [*_inner_first([wrapper for wrapper in wrappers if wrapper not in late]), *late]


def as_turned(wrappers: Wrappers) -> Wrappers:
    """The other way around."""
    return wrappers[::-1]


ORDERS: tuple[Order, ...] = (as_declared, as_drawn, as_turned)


def ordered(sites: Sequence[Site], order: Order) -> list[str]:
    """Sites by name, those of several wrappers in an order."""
    wrappers: list[list[Site]] = []
    for site in sites:
        if wrappers and _goes_on(wrappers[-1][-1], site):
            wrappers[-1].append(site)
        else:
            wrappers.append([site])
    return [name for wrapper in order(wrappers) for name, _, _ in wrapper]


def _inner_first(wrappers: Wrappers) -> Wrappers:
    """Wrappers that stand before those in them, behind these."""
    found: list[list[Site]] = []
    around: list[list[Site]] = []
    for wrapper in wrappers:
        while around and not _is_inside(wrapper[0], around[-1][0]):
            found.append(around.pop())
        around.append(wrapper)
    return [*found, *reversed(around)]


def _is_inside(site: Site, other: Site) -> bool:
    """Whether the scope of a site is that of another, which stands before it, or one in that."""
    scope = _scope(other)
    return not scope or f"{_scope(site)}/".startswith(f"{scope}/")


def _goes_on(site: Site, after: Site) -> bool:
    """Whether two sites are of one wrapper: `state:0` and `state:1`."""
    first, second = (each[1].rpartition(":")[2] for each in (site, after))
    is_numbered = first.isdecimal() and second.isdecimal()
    is_alike = _scope(site) == _scope(after) and site[2] == after[2]
    return is_alike and is_numbered and int(first) < int(second)


def _scope(site: Site) -> str:
    return site[1].rpartition("/")[0]
