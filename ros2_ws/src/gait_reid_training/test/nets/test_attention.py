"""Attention with masks."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from gait_reid_training.nets.attention import CrossAttention, masked_mean  # noqa: E402


def test_fused_attention_is_the_formula() -> None:
    torch.manual_seed(0)
    layer = CrossAttention(16, 4)
    tokens, context = torch.randn(3, 7, 16), torch.randn(3, 9, 16)
    mask = torch.rand(3, 9) < 0.5
    assert torch.allclose(layer(tokens, context), layer.reference(tokens, context), atol=1e-5)
    fast, slow = layer(tokens, context, mask), layer.reference(tokens, context, mask)
    assert torch.allclose(fast, slow, atol=1e-5)


def test_masked_tokens_do_not_count_and_an_empty_context_says_nothing() -> None:
    torch.manual_seed(0)
    layer = CrossAttention(8, 2)
    tokens, context = torch.randn(2, 3, 8), torch.randn(2, 4, 8)
    mask = torch.tensor([[True, True, False, False], [False] * 4])
    before = layer(tokens, context, mask)
    context[0, 2:] += 100.0
    after = layer(tokens, context, mask)
    assert torch.equal(before, after)
    assert torch.allclose(before[1], layer.out.bias.expand(3, 8), atol=1e-7)
    assert torch.isfinite(before).all()


def test_mean_over_what_is_there() -> None:
    tokens = torch.tensor([[[1.0], [3.0], [50.0]], [[7.0], [7.0], [7.0]]])
    mask = torch.tensor([[True, True, False], [False, False, False]])
    assert masked_mean(tokens, mask).tolist() == [[2.0], [0.0]]


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(ValueError, match="heads is 3"):
        CrossAttention(16, 3)
