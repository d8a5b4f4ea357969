"""Which triangle each pixel sees: a depth buffer in compiled loops."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gait_reid.core.compiled import compiled
from gait_reid.core.types import Float32, Float64

NEAR_M = 0.1
Int32Array = npt.NDArray[np.int32]


@compiled
def project(
    points: Float64, intrinsics: Float64, window: Float64
) -> tuple[Float64, Float64, Float64]:
    """Return column, row and inverse depth of points; inverse depth 0: too near or behind."""
    fx, fy, cx, cy = intrinsics
    x0, y0, scale = window
    u, v, w = np.empty(len(points)), np.empty(len(points)), np.empty(len(points))
    for i in range(len(points)):
        z = points[i, 2]
        w[i] = 1.0 / z if z > NEAR_M else 0.0
        # Pixel centres are at whole numbers, edges half a pixel before.
        u[i] = (points[i, 0] * w[i] * fx + cx + 0.5 - x0) * scale - 0.5
        v[i] = (points[i, 1] * w[i] * fy + cy + 0.5 - y0) * scale - 0.5
    return u, v, w


@compiled
def rasterise(
    points: Float64,
    faces: Int32Array,
    intrinsics: Float64,
    window: Float64,
    depth: Float32,
    face_at: Int32Array,
    weights: Float32,
) -> None:
    """Draw triangles into a window of the picture, in place.

    Args:
        points: (v, 3) in the optical frame, metres.
        faces: (f, 3).
        intrinsics: fx, fy, cx, cy in pixels.
        window: x and y of the window's first pixel edge in the picture, and samples per pixel.
        depth: (h, w) float32, distance along the optical axis so far; infinity where empty.
        face_at: (h, w) int32, triangle seen, -1 for none.
        weights: (h, w, 2) float32, barycentric weights of the first two corners.
    """
    height, width = depth.shape
    u, v, w = project(points, intrinsics, window)
    for f in range(len(faces)):
        a, b, c = faces[f, 0], faces[f, 1], faces[f, 2]
        if w[a] == 0.0 or w[b] == 0.0 or w[c] == 0.0:
            continue
        area = (u[b] - u[a]) * (v[c] - v[a]) - (u[c] - u[a]) * (v[b] - v[a])
        # Faces turned away have the other sign: rows grow downwards.
        if area >= -1e-12:
            continue
        left = max(int(np.ceil(min(u[a], u[b], u[c]))), 0)
        right = min(int(np.floor(max(u[a], u[b], u[c]))), width - 1)
        top = max(int(np.ceil(min(v[a], v[b], v[c]))), 0)
        bottom = min(int(np.floor(max(v[a], v[b], v[c]))), height - 1)
        inverse = 1.0 / area
        for row in range(top, bottom + 1):
            for col in range(left, right + 1):
                wa = ((u[b] - col) * (v[c] - row) - (u[c] - col) * (v[b] - row)) * inverse
                wb = ((u[c] - col) * (v[a] - row) - (u[a] - col) * (v[c] - row)) * inverse
                wc = 1.0 - wa - wb
                if wa < 0.0 or wb < 0.0 or wc < 0.0:
                    continue
                pa, pb, pc = wa * w[a], wb * w[b], wc * w[c]
                total = pa + pb + pc
                z = 1.0 / total
                if z < depth[row, col]:
                    depth[row, col] = z
                    face_at[row, col] = f
                    weights[row, col, 0] = pa * z
                    weights[row, col, 1] = pb * z
