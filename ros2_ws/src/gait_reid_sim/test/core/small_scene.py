"""A scene that is rendered quickly."""

from __future__ import annotations

SMALL = """duration_s: 1.0
seed: 5
solids:
  - wall: {from: [8, -6], to: [8, 6], height_m: 3.0}
sensors:
  lidar: {type: lidar, beams: vlp16, mount: {z: 1.5}}
  camera: {type: camera, width: 160, height: 120, rate_hz: 15, mount: {z: 1.6, pitch_deg: 4}}
  radar: {type: radar, mount: {z: 1.2}}
people:
  - id: anna
    walks: [{path: [[5, -1.5], [4.5, 1.5]]}]
  - id: ben
    walks: [{path: [[3, 1], [6, 0.5]]}]
"""
