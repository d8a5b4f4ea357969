"""Compilation of inner loops with numba where it is installed.

Without numba the same functions run as plain Python: slower, equal results.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])

try:
    import numba
except ImportError:
    numba = None  # type: ignore[assignment]
    logging.getLogger(__name__).warning(
        "numba is not installed: detection and tracking run uncompiled and slowly; "
        "install it with 'pip install numba'"
    )

HAS_NUMBA = numba is not None


def compiled(function: Function) -> Function:
    """Compile ``function`` to machine code, released from the GIL and cached on disk."""
    if numba is None:
        return function
    try:
        return numba.njit(cache=True, nogil=True)(function)  # type: ignore[return-value]
    except RuntimeError:  # neither the package's folder nor the user's cache can be written
        return numba.njit(nogil=True)(function)  # type: ignore[return-value]
