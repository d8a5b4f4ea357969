"""Frames that a sensor did not see cost nothing and stay out of batch statistics."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


def where_present(
    present: Tensor, function: Callable[..., Tensor], shape: tuple[int, ...], *values: Tensor
) -> Tensor:
    """Return a function of the rows that are present, zeros for all others.

    Args:
        present: (M,) bool.
        function: Maps the values' rows that are present to (rows, *shape).
        shape: Shape of one row of the result.
        *values: (M, ...) each.

    Returns:
        (M, *shape).
    """
    if bool(present.all()):
        return function(*values)
    out = torch.zeros((len(present), *shape), device=present.device)
    if not bool(present.any()):
        return out
    rows = present.nonzero()[:, 0]
    found = function(*(value[rows] for value in values))
    return out.to(found.dtype).index_copy(0, rows, found)
