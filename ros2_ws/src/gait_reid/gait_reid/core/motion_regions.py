"""From moving pixels to one box per moving body.

Moving pixels come in pieces: arms without the body, a coat that looks like the wall behind it, two
people who pass each other as one blob. Regions of the last picture, moved on by their velocity, say
which pieces belong together and where a blob has to be cut.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from gait_reid.core.motion import Motion
from gait_reid.core.motion_pieces import Pieces, PieceSplitter
from gait_reid.core.rois import bounding_roi, nearest_roi, roi_overlap, suppress, union_roi
from gait_reid.core.types import Float64, Int32, Int64, UInt8

_GONE_S = 0.2
_SHRINK_S = 2.0
_PARTIAL_S = 2.0
_GROWTH_PER_S = 1.8  # heights
_SETTLED_S = 2.0
_MIN_UPRIGHT_ASPECT = 0.28
_TRAVELLED = 0.3  # heights; a body that goes on shows itself whole
_WHOLE_FILL = 0.33
_CRUMB = 0.04  # of the moving pixels of a body; smaller pieces are noise
_BODY_HEIGHT = 0.65  # of another body in the same blob
_FREE = -1
_NOBODY = -2
_MIN_UPRIGHT_ASPECT = 0.28


@dataclass
class Region:
    """One moving body, in pixels of the reduced picture.

    Attributes:
        roi: (4,) x, y, width, height.
        velocity: (2,) pixels per second of the middle.
        area: Smoothed number of moving pixels.
        moving_s: Time in which it moved so far.
        start: (2,) middle of its first box.
        fill: Moving pixels per pixel of the box, when it moved last.
        group: Piece of recent motion that it is part of, -1 when nothing of it moves.
        activity: Part of its moving pixels that changed since the last picture but one.
        first_ns: When it was first seen.
        moved_ns: When pixels of it last moved.
        solid_ns: When it was last seen whole.
        evidence: How sure it is that this is a person, [0, 1].
        support: Last score of the people detector, NaN before it was asked.
        asked_ns: When the people detector was last asked.
    """

    roi: Float64
    first_ns: int
    moved_ns: int
    solid_ns: int
    area: float = 0.0
    moving_s: float = 0.0
    start: Float64 = field(default_factory=lambda: np.zeros(2))
    fill: float = 0.0
    group: int = -1
    activity: float = 0.0
    evidence: float = 0.0
    support: float = np.nan
    asked_ns: int = -(10**18)
    velocity: Float64 = field(default_factory=lambda: np.zeros(2))

    def predict(self, elapsed_s: float) -> Float64:
        """Return the box after some time at constant velocity."""
        return np.concatenate([self.roi[:2] + self.velocity * elapsed_s, self.roi[2:]])

    @property
    def middle(self) -> Float64:
        """Middle of the box."""
        return self.roi[:2] + 0.5 * self.roi[2:]

    @property
    def travelled(self) -> float:
        """Distance from where it was first seen, in heights of the box."""
        return float(np.hypot(*(self.middle - self.start)) / self.roi[3])


class MotionRegions:
    """Groups moving pixels into regions and keeps these from picture to picture."""

    def __init__(self, min_height: float, max_hold_s: float) -> None:
        """Take the least height in pixels of the reduced picture."""
        self.min_height = min_height
        self.max_hold_s = max_hold_s
        self.reset()

    def reset(self) -> None:
        """Forget all regions."""
        self.regions: list[Region] = []
        self._splitter = PieceSplitter()
        self._last_ns = 0

    def update(self, motion: Motion, stamp_ns: int) -> list[Region]:
        """Return the regions of this picture; those without motion keep their place for a while."""
        elapsed_s = max(0.0, (stamp_ns - self._last_ns) * 1e-9) if self._last_ns else 0.0
        self._last_ns = stamp_ns
        pieces = self._splitter.split(motion.mask, elapsed_s)
        predicted = np.array([r.predict(elapsed_s) for r in self.regions]).reshape(-1, 4)
        owner = self._own(pieces, predicted)
        for row, region in enumerate(self.regions):
            mine = owner == row
            groups = pieces.group[pieces.piece[mine]]
            region.group = int(np.bincount(groups).argmax()) if len(groups) else -1
            self._follow(region, predicted[row], pieces.pixels[mine], motion, stamp_ns)
        if not motion.disturbed:
            self._start(pieces, owner, motion, stamp_ns)
        self._tidy(stamp_ns, motion)
        return self.regions

    def _own(self, pieces: Pieces, predicted: Float64) -> Int64:
        """Return the region of each pixel, or why it has none."""
        if not len(predicted) or not len(pieces.roi):
            return np.full(len(pieces.pixels), _FREE, np.int64)
        grown = predicted + predicted[:, [2, 3, 2, 3]] * (-0.15, -0.1, 0.3, 0.2)
        fit, inside, covered = roi_overlap(pieces.roi, grown)
        # Of two boxes that hold a piece, the one that it fills better is its own.
        of_piece = np.where(inside.max(axis=1) > 0.5, (fit * (inside > 0.5)).argmax(axis=1), _FREE)
        big = covered.max(axis=1) > 0.5
        of_piece = np.where(big & (of_piece < 0), covered.argmax(axis=1), of_piece)
        of_piece = self._join_by_history(pieces, predicted, of_piece)
        for row in range(len(predicted)):
            _release(of_piece, row, pieces, fit[:, row])
        owner = of_piece[pieces.piece]
        shared = ((covered > 0.4).sum(axis=1) > 1) & (fit.max(axis=1) < 0.6)
        for index in np.flatnonzero(shared):
            rivals = np.flatnonzero(covered[index] > 0.4)
            mine = pieces.piece == index
            owner[mine] = rivals[nearest_roi(pieces.pixels[mine], predicted[rivals])]
        return _give_back(owner, pieces.pixels, predicted)

    def _join_by_history(self, pieces: Pieces, predicted: Float64, owner: Int64) -> Int64:
        """Give free pieces to the region that recent motion connects them to, if it stays human."""
        for index in np.flatnonzero(owner == _FREE):
            friends = owner[(pieces.group == pieces.group[index]) & (owner >= 0)]
            if not len(friends):
                continue
            row = int(np.bincount(friends).argmax())
            union = union_roi(np.vstack([predicted[row], pieces.roi[index]]))
            if union[3] < 1.4 * predicted[row, 3] and union[2] < 1.2 * predicted[row, 3]:
                owner[index] = row
        return owner

    def _follow(
        self, region: Region, predicted: Float64, pixels: Int32, motion: Motion, stamp_ns: int
    ) -> None:
        elapsed_s = max((stamp_ns - region.moved_ns) * 1e-9, 1e-3)
        # Limbs swing sideways; nobody grows much taller from one picture to the next.
        upwards = min(0.25, _GROWTH_PER_S * elapsed_s) if region.evidence > 0.5 else 0.25
        reach = predicted[2:] * ((0.05, 0.05) if motion.disturbed else (0.25, upwards))
        low, high = predicted[:2] - reach, predicted[:2] + predicted[2:] + reach
        pixels = pixels[((pixels >= low) & (pixels <= high)).all(axis=1)]
        if len(pixels) < 4:
            region.velocity, region.activity = 0.7 * region.velocity, 0.0
            return
        box = bounding_roi(pixels)
        fill = len(pixels) / (box[2] * box[3])
        moves_on = region.travelled > _TRAVELLED and fill > _WHOLE_FILL
        edge = _at_edge(predicted, motion.mask.shape)
        hold_s = _GONE_S if moves_on or edge else _PARTIAL_S
        if len(pixels) < 0.45 * region.area and (stamp_ns - region.solid_ns) * 1e-9 < hold_s:
            # Only an arm moves, or a pole hides half of the body: the person has not shrunk.
            box = predicted
            region.velocity *= 0.9
        else:
            region.solid_ns = stamp_ns
            if not motion.disturbed:
                region.area += 0.2 * (min(len(pixels), 1.5 * region.area) - region.area)
            whole = fill > _WHOLE_FILL and box[3] > 0.7 * predicted[3]
            if region.travelled < _TRAVELLED and not whole:
                box = _shrink_slowly(predicted, box, elapsed_s)
            moved = (box[:2] + 0.5 * box[2:]) - region.middle
            region.velocity += 0.25 * (moved / elapsed_s - region.velocity)
        region.fill = fill
        region.activity = _activity(pixels, motion.change)
        if region.activity > 0.1:
            region.moving_s += min(elapsed_s, 0.2)
        region.roi, region.moved_ns = box, stamp_ns

    def _start(self, pieces: Pieces, owner: Int64, motion: Motion, stamp_ns: int) -> None:
        free = np.unique(pieces.piece[owner == _FREE])
        for group in np.unique(pieces.group[free]):
            members = free[pieces.group[free] == group]
            main = members[pieces.area[members] >= _CRUMB * pieces.area[members].sum()]
            pixels = pieces.pixels[np.isin(pieces.piece, main) & (owner == _FREE)]
            if len(pixels) < 0.1 * self.min_height**2:
                continue
            box = bounding_roi(pixels)
            if box[3] < self.min_height or box[2] > 1.6 * box[3]:
                continue
            region = Region(box, stamp_ns, stamp_ns, stamp_ns, float(len(pixels)))
            region.start, region.group = region.middle, int(group)
            region.fill = len(pixels) / (box[2] * box[3])
            region.activity = _activity(pixels, motion.change)
            self.regions.append(region)

    def _tidy(self, stamp_ns: int, motion: Motion) -> None:
        """Drop what left the picture, was not seen for long, or lies inside a better region."""
        shape = motion.mask.shape
        alive, limit = [], np.array(shape[1::-1])
        for region in self.regions:
            inside = (region.middle > -2).all() and (region.middle < limit + 2).all()
            silent_s = (stamp_ns - region.moved_ns) * 1e-9
            if inside and silent_s <= self._hold_s(region, shape):
                alive.append(region)
        self.regions = alive if motion.disturbed else _merge(alive, stamp_ns)
        roi = np.array([r.roi for r in self.regions]).reshape(-1, 4)
        rank = np.array([r.evidence + 1e-4 * r.area for r in self.regions])
        kept = suppress(roi, rank, max_union=0.55, max_inside=0.75)
        self.regions = [self.regions[row] for row in sorted(kept)]

    def _hold_s(self, region: Region, shape: tuple[int, ...]) -> float:
        """Return how long a region stays without motion.

        A body that stops melts into the background slowly, and one that was part of it from the
        start was never whole; a whole body that is gone at once has left.
        """
        leaving = _at_edge(region.roi, shape) and region.travelled > 0.5
        if region.evidence < 0.5 or region.fill > _WHOLE_FILL or leaving:
            return _GONE_S
        return max(_GONE_S, min(self.max_hold_s, 3.0 * (region.moving_s - 0.5)))


def _merge(regions: list[Region], stamp_ns: int) -> list[Region]:
    """Join regions whose union is shaped like one person, unless both are known to be one."""
    merged: list[Region] = []
    for region in sorted(regions, key=lambda r: -r.area):
        for other in merged:
            if _are_one(other, region, stamp_ns):
                other.roi = union_roi(np.vstack([other.roi, region.roi]))
                other.area += region.area
                other.moving_s = max(other.moving_s, region.moving_s)
                break
        else:
            merged.append(region)
    return merged


def _are_one(first: Region, second: Region, stamp_ns: int) -> bool:
    union = union_roi(np.vstack([first.roi, second.roi]))
    for known in (first, second):
        settled = known.evidence > 0.5 and (stamp_ns - known.first_ns) * 1e-9 > _SETTLED_S
        if settled and union[3] > 1.3 * known.roi[3]:
            return False
    low = max(first.roi[0], second.roi[0])
    high = min(first.roi[0] + first.roi[2], second.roi[0] + second.roi[2])
    aligned = high - low > 0.6 * min(first.roi[2], second.roi[2])
    close = union[3] < 1.3 * (first.roi[3] + second.roi[3])
    aspect = union[2] / union[3]
    if min(first.evidence, second.evidence) < 0.5 and aligned and close:
        return bool(_MIN_UPRIGHT_ASPECT < aspect < 0.8)
    stay = max(first.travelled, second.travelled) < _TRAVELLED
    together = first.group == second.group != -1
    return bool(stay and together and _MIN_UPRIGHT_ASPECT < aspect < 1.3)


def _release(of_piece: Int64, row: int, pieces: Pieces, fit: Float64) -> None:
    """Take from a region what is noise, and whole bodies beside the one that fits it best."""
    mine = np.flatnonzero(of_piece == row)
    if len(mine) < 2:
        return
    area, roi = pieces.area[mine], pieces.roi[mine]
    main = roi[(fit[mine] * area).argmax()]
    beside = (roi[:, 0] > main[0] + main[2]) | (roi[:, 0] + roi[:, 2] < main[0])
    of_piece[mine[beside & (roi[:, 3] > _BODY_HEIGHT * main[3])]] = _FREE
    of_piece[mine[area < _CRUMB * area.sum()]] = _NOBODY


def _give_back(owner: Int64, pixels: Int32, predicted: Float64) -> Int64:
    """Give pixels outside their owner's box to the region in whose box they are."""
    low, high = predicted[:, :2], predicted[:, :2] + predicted[:, 2:]
    x, y = pixels[:, 0, None], pixels[:, 1, None]
    inside = (x >= low[:, 0]) & (x < high[:, 0]) & (y >= low[:, 1]) & (y < high[:, 1])
    own = inside[np.arange(len(owner)), np.maximum(owner, 0)]
    astray = (owner >= 0) & ~own & inside.any(axis=1)
    return np.where(astray, inside.argmax(axis=1), owner)


def _shrink_slowly(old: Float64, new: Float64, elapsed_s: float) -> Float64:
    """Return a box that grows at once to hold the new one and shrinks slowly to it."""
    keep = np.exp(-elapsed_s / _SHRINK_S)
    shrunk = new + keep * (old - new)
    return union_roi(np.vstack([shrunk, new]))


def _at_edge(roi: Float64, shape: tuple[int, ...]) -> bool:
    """Return whether a box touches the left or the right edge of the picture."""
    return bool(roi[0] < 2 or roi[0] + roi[2] > shape[1] - 2)


def _activity(pixels: Int32, change: UInt8) -> float:
    return float((change[pixels[:, 1], pixels[:, 0]] > 12).mean())
