"""What the shapes of given arrays say: the values of open sizes, the number of steps and of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnc.ir.program import Port
from rnnc.ir.size import Size


@dataclass(frozen=True)
class Binding:
    """Sizes of symbols; T and B, or None where no array has time or batch."""

    sizes: dict[str, int]
    time: int | None
    batch: int | None


@dataclass(frozen=True)
class _Claim:
    """An array's word on one size."""

    size: Size
    number: int
    where: str


def bind(inputs: Sequence[tuple[Port, Any]], given: Mapping[str, int]) -> Binding:
    """Solve for what the arrays of the ports determine. Raises ValueError where two contradict, or nothing decides."""
    sizes, times, batches, stretches = list[_Claim](), list[_Claim](), list[_Claim](), list[_Claim]()
    for port, array in inputs:
        where, type = f"{port.role} {port.name!r}", port.value.type
        if array.ndim != type.rank + type.time + type.batch:
            raise ValueError(f"{where} should be {type}, and has the shape {array.shape}")
        rest = list(array.shape)
        if type.time:  # a tape may hold one entry per stretch of steps, which says nothing about the steps
            (stretches if port.role == "tape" else times).append(_Claim(Size.of("time"), rest.pop(0), where))
        if type.batch:
            batches.append(_Claim(Size.of("batch"), rest.pop(0), where))
        sizes += [_Claim(size, number, where) for size, number in zip(type.shape, rest, strict=True)]
    return Binding(_solve(sizes, given), _one(times or stretches), _one(batches))


def _one(claims: Sequence[_Claim]) -> int | None:
    for claim in claims[1:]:
        if claim.number != claims[0].number:
            raise ValueError(
                f"{claims[0].where} has {claim.size} size {claims[0].number}, but {claim.where} has {claim.number}"
            )
    return claims[0].number if claims else None


def _solve(claims: Sequence[_Claim], given: Mapping[str, int]) -> dict[str, int]:
    known = dict(given)
    open_claims = list(claims)
    while open_claims:
        left = [claim for claim in open_claims if not _settled(claim, known)]
        if len(left) == len(open_claims):
            claim = left[0]
            raise ValueError(f"{claim.where}: cannot tell {', '.join(sorted(claim.size.symbols))} from {claim.size}")
        open_claims = left
    return known


def _settled(claim: _Claim, known: dict[str, int]) -> bool:
    """Use a claim: check it, or learn the one symbol in it. False: it has to wait for others."""
    size = claim.size.substitute({name: Size.of(number) for name, number in known.items()})
    if size.constant is not None:
        if size.constant != claim.number:
            raise ValueError(
                f"{claim.where} should have size {_equation(claim.size, size.constant)}, and has {claim.number}"
            )
        return True
    if size.affine is None:
        return False
    name, factor, offset = size.affine
    number, rest = divmod(claim.number - offset, factor)
    if rest or number < 0:
        raise ValueError(f"{claim.where} has size {claim.number}, which {claim.size} never is")
    known[name] = number
    return True


def _equation(size: Size, number: int) -> str:
    """`2 * units = 8`, or only `8` where the size is a number."""
    return str(number) if size.constant is not None else f"{size} = {number}"
