"""Feature exchange between pixels and points: Mission's non-local blocks.

Equations 2 to 4 of the paper, after Wang et al., "Non-local Neural Networks", CVPR 2018. As
printed, equation 2 does not cross the modalities and its products do not fit those of equation 4;
here, as in the released code, the receiving modality asks and the sending one answers:

    a(R->V) = softmax_points((Wq F_V)(Wk F_R)^T)
    Y_V = Wy [a(V) Wv F_V ; a(R->V) Wv' F_R] + F_V

Products are not divided by a root of the width. Inputs pass normalisation and ReLU first, and each
linear map behind an attention has a normalisation. The last of these begins at zero, so that the
block begins as the identity; if those before it did so too, no gradient would reach anything.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.mission.pooling import masked_softmax
from gait_reid_training.nets.pointgnn import MaskedBatchNorm


class NonLocalBlock(nn.Module):
    """What one modality makes of itself and of the other.

    Args:
        dim: Width of the tokens of both modalities.
        inner: Width inside attention.
        dropout: Share of what is added to the tokens that is left out in training.
        identity: Whether the block begins as the identity. It then takes long to say anything.
    """

    def __init__(self, dim: int, inner: int, dropout: float = 0.0, identity: bool = True) -> None:
        super().__init__()
        self.own_norm = MaskedBatchNorm(dim)
        self.other_norm = MaskedBatchNorm(dim)
        self.own = nn.Linear(dim, 4 * inner)
        self.other = nn.Linear(dim, 2 * inner)
        self.self_out = nn.Linear(inner, dim, bias=False)
        self.self_norm = MaskedBatchNorm(dim)
        self.mutual_out = nn.Linear(inner, dim, bias=False)
        self.mutual_norm = MaskedBatchNorm(dim)
        self.combine = nn.Linear(2 * dim, dim, bias=False)
        self.combine_norm = MaskedBatchNorm(dim)
        self.dropout = nn.Dropout(dropout)
        for layer, gain in ((self.own, 0.5), (self.other, 0.5)):
            nn.init.xavier_uniform_(layer.weight, gain=gain)
            nn.init.zeros_(layer.bias)
        if identity:
            nn.init.zeros_(self.combine_norm.norm.weight)

    def forward(self, own: Tensor, own_mask: Tensor, other: Tensor, other_mask: Tensor) -> Tensor:
        """Return what the receiving modality knows then, (M, P, dim).

        Args:
            own: (M, P, dim), of the receiving modality.
            own_mask: (M, P) bool.
            other: (M, N, dim), of the sending modality.
            other_mask: (M, N) bool.
        """
        query, key, value, mutual_query = self._own(own, own_mask)
        other_key, other_value = self.other_terms(other, other_mask)
        own_found = attend(query, key, value, own_mask)
        found = attend(mutual_query, other_key, other_value, other_mask)
        alone = self.self_norm(self.self_out(own_found), own_mask)
        mutual = self.mutual_norm(self.mutual_out(found), own_mask)
        joined = self.combine(torch.cat([alone, mutual], dim=-1))
        told: Tensor = self.dropout(self.combine_norm(joined, own_mask))
        return own + told

    def _own(self, own: Tensor, mask: Tensor) -> tuple[Tensor, ...]:
        return self.own(functional.relu(self.own_norm(own, mask))).chunk(4, dim=-1)

    def other_terms(self, other: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return keys and values (M, N, inner) of the sending modality."""
        terms = self.other(functional.relu(self.other_norm(other, mask)))
        key, value = terms.chunk(2, dim=-1)
        return key, value

    def own_terms(self, own: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the receiving modality alone decides, outside training.

        Returns:
            The queries to the sending modality (M, P, inner), and the part of the result that does
            not depend on it (M, P, dim).
        """
        query, key, value, mutual_query = self._own(own, mask)
        alone = self.self_norm(self.self_out(attend(query, key, value, mask)), mask)
        width = alone.shape[-1]
        _, shift = folded(self.mutual_norm)
        scale, last_shift = folded(self.combine_norm)
        weight_self, weight_mutual = self.combine.weight.split(width, dim=1)
        static = own + scale * (alone @ weight_self.T + weight_mutual @ shift) + last_shift
        return mutual_query, static

    def mutual_map(self) -> Tensor:
        """Return the linear map (dim, inner) behind what the sending modality answers."""
        scale, _ = folded(self.mutual_norm)
        last_scale, _ = folded(self.combine_norm)
        weight = self.combine.weight[:, self.combine.weight.shape[0] :]
        return last_scale[:, None] * (weight @ (scale[:, None] * self.mutual_out.weight))


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """Return softmax(Q K^T) V over what the mask (..., N) admits; zeros where that is nothing."""
    weight = masked_softmax(query @ key.transpose(-2, -1), mask[..., None, :])
    return weight @ value


def folded(norm: MaskedBatchNorm) -> tuple[Tensor, Tensor]:
    """Return scale and shift of a normalisation outside training."""
    inner = norm.norm
    mean, variance = cast(Tensor, inner.running_mean), cast(Tensor, inner.running_var)
    scale = inner.weight * torch.rsqrt(variance + inner.eps)
    return scale, inner.bias - mean * scale
