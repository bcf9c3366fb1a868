"""Derivatives that go forwards are refused, also where no tensor wants a gradient; a noted sign is read."""

from __future__ import annotations

import pytest

from tests.torch.support import net, normal, torch


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
@pytest.mark.parametrize("trained", [True, False])
def test_tangents_are_refused(trained: bool) -> None:
    ours, x = net("gru.rnn").requires_grad_(trained), normal(2, 3, 3).detach()
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, torch.ones_like(x))
        with pytest.raises(TypeError, match="x has a tangent: derivatives go backwards only"):
            ours(dual)
        with torch.no_grad(), pytest.raises(TypeError, match="x has a tangent"):
            ours(dual)


def test_a_sign_that_is_only_noted() -> None:
    ours, x = net("gru.rnn"), normal(2, 3, 3).detach()
    negated = torch.complex(x, x).conj().imag
    assert negated.is_neg()
    torch.testing.assert_close(ours(negated)[0], ours(-x)[0])
