"""Cross-attention with masks that stays finite in half precision and exports to ONNX."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

MASKED = -1e4
"""Added to a masked score: finite, so that half precision does not overflow."""


class CrossAttention(nn.Module):
    """Multi-head attention of one set of tokens over another.

    Args:
        dim: Width of both sets.
        heads: Heads; ``dim`` is a multiple of it.
        gain: Scale of the initial output map; small values begin near the identity where the
            result is added to the query.

    Raises:
        ValueError: When the heads do not divide the width.
    """

    def __init__(self, dim: int, heads: int, gain: float = 1.0) -> None:
        super().__init__()
        if heads < 1 or dim % heads:
            raise ValueError(f"heads is {heads}: it must divide the width {dim}")
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key_value = nn.Linear(dim, 2 * dim)
        self.out = nn.Linear(dim, dim)
        for layer in (self.query, self.key_value):
            nn.init.xavier_uniform_(layer.weight, gain=1.0)
            nn.init.zeros_(layer.bias)
        nn.init.xavier_uniform_(self.out.weight, gain=gain)
        nn.init.zeros_(self.out.bias)

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def forward(self, tokens: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend.

        Args:
            tokens: (M, Q, dim), who asks.
            context: (M, K, dim), who is asked.
            mask: (M, K) bool, False on tokens of the context that are not there.

        Returns:
            (M, Q, dim); zeros before the output map where the whole context is masked.
        """
        query = self._split(self.query(tokens))
        key, value = self.key_value(context).chunk(2, dim=-1)
        bias = None if mask is None else additive_mask(mask, query.dtype)[:, None, None, :]
        mixed = functional.scaled_dot_product_attention(
            query, self._split(key), self._split(value), attn_mask=bias
        )
        mixed = mixed.transpose(-3, -2).flatten(-2)
        if mask is not None:
            mixed = mixed * mask.any(dim=-1).to(mixed.dtype)[:, None, None]
        return cast(Tensor, self.out(mixed))

    def reference(self, tokens: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Attend as the formula says, softmax(Q K^T / sqrt(d_h)) V, head by head."""
        query = self.query(tokens).chunk(self.heads, dim=-1)
        key, value = self.key_value(context).chunk(2, dim=-1)
        rows = []
        for q, k, v in zip(query, key.chunk(self.heads, -1), value.chunk(self.heads, -1)):
            score = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
            if mask is not None:
                score = score.masked_fill(~mask[:, None, :], float("-inf"))
            rows.append(torch.nan_to_num(score.softmax(dim=-1)) @ v)
        return cast(Tensor, self.out(torch.cat(rows, dim=-1)))


def additive_mask(mask: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
    """Return 0 where the mask is True and `MASKED` elsewhere."""
    return (1.0 - mask.to(dtype)) * MASKED


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Return the mean (M, d) over the tokens (M, N, d) whose mask (M, N) is True, zeros if none."""
    weight = mask.to(tokens.dtype)
    total = torch.einsum("mnd,mn->md", tokens, weight)
    return total / weight.sum(dim=1, keepdim=True).clamp(min=1.0)


def feed_forward(dim: int, hidden: int, gain: float = 0.1) -> nn.Sequential:
    """Return LayerNorm, a linear map to ``hidden``, GELU and a linear map back."""
    first, last = nn.Linear(dim, hidden), nn.Linear(hidden, dim)
    nn.init.xavier_uniform_(first.weight)
    nn.init.xavier_uniform_(last.weight, gain=gain)
    nn.init.zeros_(first.bias)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.LayerNorm(dim), first, nn.GELU(), last)


class CrossBlock(nn.Module):
    """Attention over a context and a feed-forward network, each added to what came in.

    Normalisation comes before each branch (Xiong et al., "On Layer Normalization in the Transformer
    Architecture", ICML 2020), which trains without warm-up.

    Args:
        dim: Width.
        heads: Heads.
        hidden: Width inside the feed-forward network.
    """

    def __init__(self, dim: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.token_norm = nn.LayerNorm(dim)
        self.context_norm = nn.LayerNorm(dim)
        self.attention = CrossAttention(dim, heads)
        self.feed_forward = feed_forward(dim, hidden)

    def forward(self, tokens: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return tokens (M, Q, dim) that know of the context (M, K, dim)."""
        asked = self.attention(self.token_norm(tokens), self.context_norm(context), mask)
        tokens = tokens + asked
        return cast(Tensor, tokens + self.feed_forward(tokens))
