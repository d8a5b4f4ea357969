from __future__ import annotations

import numpy as np
import pytest
from simulated_people import passing, walker

from gait_reid.core.geometry import Pose, optical_pose, project
from gait_reid_sim.core.body.solids import box
from gait_reid_sim.core.gait.itinerary import Pause
from gait_reid_sim.core.scene.light import LIGHTS, Light, Weather
from gait_reid_sim.core.scene.scenery import Scenery, Solid, wall
from gait_reid_sim.core.sensors.beams import BEAM_TABLES, BeamTable, beam_table
from gait_reid_sim.core.sensors.camera import Camera
from gait_reid_sim.core.sensors.camera_types import CameraConfig
from gait_reid_sim.core.sensors.lidar import CLUTTER, GROUND, SCENERY, Lidar
from gait_reid_sim.core.sensors.radar import RADAR_PROFILES, Radar, RadarProfile

EMPTY = Scenery.of([], ground_roughness_m=0.0)
MOUNT = Pose.from_xyz_rpy(0.0, 0.0, 2.0, 0.0, 0.0, 0.0)


def lidar(
    name: str = "long_128", scenery: Scenery = EMPTY, weather: Weather | None = None
) -> Lidar:
    return Lidar(beam_table(name), MOUNT, scenery, weather or Weather())


def points_at(range_m: float, people: int = 4) -> float:
    scanner, counts = lidar(), []
    for i in range(people):
        actor = passing(f"p{i}", range_m, 90.0 * i)
        start = 0.5 * actor.leave_s
        window = scanner.window_of(actor, start)
        counts.append(
            (scanner.scan([actor], start, np.random.default_rng(i), window).owner == 0).sum()
        )
    return float(np.mean(counts))


def test_points_on_a_person_fall_with_range() -> None:
    counts = {r: points_at(r) for r in (10.0, 20.0, 30.0, 40.0, 50.0)}
    # Beam spacing alone gives 0.55 m2 / (4.4 cm x 3.5 cm) = 360 at 10 m, a 25th at 50 m.
    for range_m, low, high in ((10, 240, 460), (20, 60, 120), (30, 25, 55), (50, 8, 20)):
        assert low < counts[float(range_m)] < high
    assert counts[10.0] / counts[50.0] == pytest.approx(25.0, rel=0.4)


def test_points_lie_on_the_body() -> None:
    actor, scanner = passing("p1", 10.0), lidar()
    start = 0.5 * actor.leave_s
    scan = scanner.scan([actor], start, np.random.default_rng(0), scanner.window_of(actor, start))
    mine = scan.owner == 0
    points = scanner.pose.apply(scan.cloud.xyz[mine])
    surface = actor.vertices(scanner.passing_time(actor, start))
    gap = np.sqrt(((points[:, None] - surface[None]) ** 2).sum(axis=2)).min(axis=1)
    assert np.percentile(gap, 90) < 0.09
    assert points[:, 2].max() == pytest.approx(surface[:, 2].max(), abs=0.08)
    assert (scan.time_offset_ns[mine] <= 0).all()


@pytest.mark.parametrize("name", BEAM_TABLES)
def test_every_beam_table_sees_the_ground(name: str) -> None:
    scanner = lidar(name)
    first, _ = scanner.view()
    middle = first + scanner.view()[1] // 2
    scan = scanner.scan([], 0.0, np.random.default_rng(0), (middle - 8, 16))
    ground = scanner.pose.apply(scan.cloud.xyz[scan.owner == GROUND])
    assert len(ground) > 16
    assert np.abs(ground[:, 2]).mean() < 0.02
    assert ground[:, 0].min() > 0.5


def test_wall_is_where_it_stands_and_hides_who_is_behind() -> None:
    scenery = Scenery.of([Solid(wall((8.0, -4.0), (8.0, 4.0), 3.0))])
    actor = passing("p2", 12.0)
    scanner = lidar("os1_64", scenery)
    start = 0.5 * actor.leave_s
    scan = scanner.scan([actor], start, np.random.default_rng(0))
    assert (scan.owner == 0).sum() == 0
    hits = scanner.pose.apply(scan.cloud.xyz[scan.owner == SCENERY])
    facing = hits[(np.abs(hits[:, 1]) < 3.5) & (hits[:, 2] < 2.5)]
    assert np.median(facing[:, 0]) == pytest.approx(7.9, abs=0.01)
    assert facing[:, 0].std() < 0.035


def test_fog_takes_far_points_and_adds_near_ones() -> None:
    actor = passing("p0", 30.0)
    start = 0.5 * actor.leave_s
    counts, clutter = [], []
    for weather in (Weather(), Weather(visibility_m=60.0)):
        scanner = lidar(weather=weather)
        window = scanner.window_of(actor, start, 3.0)
        scan = scanner.scan([actor], start, np.random.default_rng(0), window)
        counts.append(int((scan.owner == 0).sum()))
        clutter.append(int((scan.owner == CLUTTER).sum()))
    assert counts[1] < 0.7 * counts[0]
    assert clutter[0] == 0
    assert clutter[1] > 10


def test_lost_packets_lose_points() -> None:
    actor, scanner = passing("p0", 10.0), lidar()
    start = 0.5 * actor.leave_s
    window = scanner.window_of(actor, start)
    whole, part = (
        (scanner.scan([actor], start, np.random.default_rng(0), window, kept).owner == 0).sum()
        for kept in (1.0, 0.35)
    )
    assert part == pytest.approx(0.35 * whole, rel=0.25)


def test_full_turn_and_window_agree() -> None:
    actor, scanner = passing("p0", 15.0), lidar("os1_32")
    start = 0.5 * actor.leave_s
    full = scanner.scan([actor], start, np.random.default_rng(0))
    window = scanner.scan([actor], start, np.random.default_rng(1), scanner.window_of(actor, start))
    a, b = ((s.owner == 0).sum() for s in (full, window))
    assert abs(int(a) - int(b)) <= 3
    assert a > 5


def test_beam_tables_are_checked() -> None:
    with pytest.raises(ValueError, match="beam table 'vlp17' does not exist"):
        beam_table("vlp17")
    with pytest.raises(ValueError, match="must rise"):
        BeamTable(np.array([0.1, 0.0]), 100)


def camera(light: str = "day", scenery: Scenery = EMPTY, **settings: object) -> Camera:
    config = CameraConfig(width=640, height=360, **settings)  # type: ignore[arg-type]
    pose = optical_pose(Pose.from_xyz_rpy(0.0, 0.0, 1.8, 0.0, np.deg2rad(6.0), 0.0))
    return Camera(config, pose, scenery, Light(**LIGHTS[light]))


def test_person_is_drawn_where_the_joints_project() -> None:
    view, actor = camera(), passing("p1", 8.0)
    time_s = 0.5 * actor.leave_s
    shown = view.expose([actor], time_s, np.random.default_rng(0))
    (sight,) = shown.sights
    pixels, seen = project(view.intrinsics, view.pose.inverse().apply(actor.joints(time_s)))
    assert seen.all()
    inside = (pixels >= sight.roi[:2] - 1.0) & (pixels <= sight.roi[:2] + sight.roi[2:] + 1.0)
    assert inside.all()
    rows, cols = np.round(pixels[:, 1]).astype(int), np.round(pixels[:, 0]).astype(int)
    assert (shown.silhouettes[rows, cols] == 0).mean() > 0.9
    expected = view.intrinsics.fy * actor.body.shape.stature_m / 8.0
    assert sight.roi[3] == pytest.approx(expected, rel=0.08)
    assert sight.visible > 0.98


def test_nearer_people_and_walls_hide_others() -> None:
    near, far = passing("p1", 6.0), passing("p2", 9.0)
    time_s = 0.5 * near.leave_s
    view = camera()
    both = {s.actor: s for s in view.expose([near, far], time_s, np.random.default_rng(0)).sights}
    assert both[0].visible > 0.97
    assert both[1].visible < 0.75
    blocked = camera(scenery=Scenery.of([Solid(box((4.0, 0.0, 1.0), (0.2, 3.0, 2.0)))]))
    (sight,) = blocked.expose([near], time_s, np.random.default_rng(0)).sights
    assert sight.visible < 0.05


def test_night_is_darker_and_noisier() -> None:
    stats = []
    for light in ("day", "night"):
        image = camera(light).expose([], 0.0, np.random.default_rng(0)).frame.image
        patch = image[250:290, 300:340].astype(np.float64)
        stats.append((patch.mean(), (patch - patch.mean(axis=(0, 1))).std() / patch.mean()))
    assert stats[1][0] < stats[0][0]
    assert stats[1][1] > 2.0 * stats[0][1]


def test_crop_is_part_of_the_picture() -> None:
    view, actor = camera(blur_px=0.0), passing("p3", 7.0)
    time_s = 0.5 * actor.leave_s
    window = view.crop_window(actor, time_s)
    assert window is not None
    crop = view.expose([actor], time_s, np.random.default_rng(0), window)
    whole = view.expose([actor], time_s, np.random.default_rng(0))
    x, y, w, h = window
    part = whole.silhouettes[y : y + h, x : x + w]
    assert (crop.silhouettes != part).mean() < 0.002
    difference = crop.frame.image.astype(int) - whole.frame.image[y : y + h, x : x + w]
    assert abs(difference.mean()) < 1.0
    assert crop.frame.intrinsics is None


def radar_points(profile: str, range_m: float, view_deg: float = 0.0) -> np.ndarray:
    radar = Radar(RADAR_PROFILES[profile], Pose.from_xyz_rpy(0, 0, 1.2, 0, 0, 0), multipath=0.0)
    rows = []
    for i in range(4):
        actor = passing(f"p{i}", range_m, view_deg)
        for time_s in np.linspace(0.5, actor.leave_s - 0.5, 5):
            frame = radar.measure([actor], float(time_s), np.random.default_rng(i))
            mine = frame.owner == 0
            speed = -float(actor.velocity(float(time_s)) @ [1.0, 0.0, 0.0])
            velocity, snr = frame.cloud.velocity, frame.cloud.snr
            assert velocity is not None
            assert snr is not None
            strong = mine & (snr >= np.percentile(snr[mine], 75)) if mine.any() else mine
            rows.append((mine.sum(), np.median(velocity[strong]) if mine.any() else np.nan, speed))
    return np.array(rows)


def test_radar_points_per_frame_fall_with_range() -> None:
    room = [radar_points("gait", r)[:, 0].mean() for r in (3.0, 5.0, 7.5)]
    street = [radar_points("long", r)[:, 0].mean() for r in (10.0, 20.0, 40.0)]
    # Recorded 60 GHz walks in rooms: about 22 a frame.
    assert 15 < room[0] < 45
    assert room[0] > room[1] > room[2] > 3
    assert street[0] > street[1] > street[2]
    assert 15 < street[0] < 50


def test_radar_measures_the_approach() -> None:
    rows = radar_points("gait", 4.0)
    assert np.nanmean(rows[:, 1]) == pytest.approx(-rows[:, 2].mean(), abs=0.25)


def test_radar_points_lie_around_the_person() -> None:
    radar = Radar(RADAR_PROFILES["gait"], Pose.from_xyz_rpy(0, 0, 1.2, 0, 0, 0), multipath=0.0)
    actor = passing("p1", 4.0, 30.0)
    time_s = 0.5 * actor.leave_s
    frame = radar.measure([actor], time_s, np.random.default_rng(0))
    points = radar.pose.apply(frame.cloud.xyz[frame.owner == 0])
    offset = points.mean(axis=0) - actor.joints(time_s).mean(axis=0)
    assert np.abs(offset[:2]).max() < 0.25
    assert -0.1 < points[:, 2].mean() < 1.9


def test_radar_does_not_see_who_stands_still() -> None:
    actor = walker("still", ((7.0, 0.0), (3.0, 0.0)), pauses=(Pause(2.0, 4.0),))
    radar = Radar(RADAR_PROFILES["gait"], Pose.from_xyz_rpy(0, 0, 1.2, 0, 0, 0), multipath=0.0)
    speed = np.array([np.linalg.norm(actor.velocity(t)) for t in np.arange(0, actor.leave_s, 0.1)])
    rest = 0.1 * float(np.flatnonzero(speed < 0.02).mean())
    moving = radar.measure([actor], 0.7, np.random.default_rng(0))
    still = radar.measure([actor], rest, np.random.default_rng(0))
    assert (moving.owner == 0).sum() > 10
    assert (still.owner == 0).sum() <= 2


def test_radar_keeps_to_the_firmware_limit() -> None:
    profile = RadarProfile(max_points=20)
    radar = Radar(profile, Pose.from_xyz_rpy(0, 0, 1.2, 0, 0, 0))
    actors = [passing(f"p{i}", 3.0, 0.0) for i in range(4)]
    frame = radar.measure(actors, 1.0, np.random.default_rng(0))
    assert len(frame.cloud) == 20
    with pytest.raises(ValueError, match="max_range_m is 50"):
        RadarProfile(max_range_m=50.0)
