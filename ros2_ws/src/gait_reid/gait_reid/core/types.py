"""The nouns of gait re-identification.

Every noun is a frozen dataclass of parallel numpy arrays. Times are integer nanoseconds of
acquisition. Lengths are metres, angles radians, axes follow REP-103 (x forward, y left, z up);
pixel coordinates follow OpenCV (origin at the upper left corner, x right, y down).

Detections, tracks and identities are different types on purpose: a detection has no id, a track id
is a short-lived number, a person id is permanent and comes from the gallery alone (REP-155).
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]

UNKNOWN_ROI = (np.nan, np.nan, np.nan, np.nan)


class Modality(enum.IntFlag):
    """Which sensors contributed; combined with ``|``."""

    NONE = 0
    CAMERA = 1
    LIDAR = 2
    RADAR = 4

    def describe(self) -> str:
        """Return for example ``"camera+lidar"``, or ``"none"``."""
        names = [m.name.lower() for m in (Modality.CAMERA, Modality.LIDAR, Modality.RADAR) if m & self and m.name]
        return "+".join(names) or "none"


class TrackState(enum.IntEnum):
    """Life of a track."""

    TENTATIVE = 0
    CONFIRMED = 1
    LOST = 2


class Decision(enum.IntEnum):
    """Open-set answer about one track."""

    UNKNOWN = 0
    CANDIDATE = 1
    CONFIRMED = 2


def check_shape(name: str, array: object, shape: tuple[int | None, ...]) -> None:
    """Raise ValueError unless ``array`` is a numpy array of ``shape`` (``None`` matches any size)."""
    actual = array.shape if isinstance(array, np.ndarray) else type(array).__name__
    if not isinstance(array, np.ndarray) or len(array.shape) != len(shape) or any(
        want is not None and want != got for want, got in zip(shape, array.shape)
    ):
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} is {actual}, expected an array of shape ({wanted})")


@dataclass(frozen=True)
class PointCloud:
    """Points of one scan.

    Attributes:
        stamp_ns: Acquisition time of the last point.
        frame_id: Frame that ``xyz`` is expressed in.
        xyz: (n, 3) float32, metres.
        intensity: (n,) float32, the sensor's own scale (radar: SNR in dB), or None.
        velocity: (n,) float32, radial velocity in m/s, positive away from the sensor, or None.
        snr: (n,) float32, dB, or None.
    """

    stamp_ns: int
    frame_id: str
    xyz: Float32
    intensity: Float32 | None = None
    velocity: Float32 | None = None
    snr: Float32 | None = None

    def __post_init__(self) -> None:
        check_shape("PointCloud.xyz", self.xyz, (None, 3))
        for name in ("intensity", "velocity", "snr"):
            column = getattr(self, name)
            if column is not None:
                check_shape(f"PointCloud.{name}", column, (len(self.xyz),))

    def __len__(self) -> int:
        return len(self.xyz)

    @classmethod
    def empty(cls, stamp_ns: int = 0, frame_id: str = "") -> PointCloud:
        """Return a cloud without points."""
        return cls(stamp_ns, frame_id, np.zeros((0, 3), np.float32))

    def select(self, index: npt.NDArray[np.bool_] | npt.NDArray[np.integer]) -> PointCloud:
        """Return the points chosen by a mask or an index array, columns included."""
        columns = (self.intensity, self.velocity, self.snr)
        chosen = (None if column is None else column[index] for column in columns)
        return PointCloud(self.stamp_ns, self.frame_id, self.xyz[index], *chosen)


@dataclass(frozen=True)
class CameraIntrinsics:
    """Pinhole model with the plumb-bob distortion of sensor_msgs/CameraInfo.

    Attributes:
        width: Image width, pixels.
        height: Image height, pixels.
        fx: Focal length along x, pixels.
        fy: Focal length along y, pixels.
        cx: Principal point x, pixels.
        cy: Principal point y, pixels.
        distortion: (k,) float64, OpenCV order k1 k2 p1 p2 k3 ..., empty when the image is rectified.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Float64 = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        for name in ("width", "height", "fx", "fy"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"CameraIntrinsics.{name} is {value}, expected a positive number of pixels")

    @classmethod
    def from_field_of_view(cls, width: int, height: int, horizontal_fov_rad: float) -> CameraIntrinsics:
        """Return an undistorted camera with square pixels and a centred principal point."""
        if not 0.0 < horizontal_fov_rad < np.pi:
            raise ValueError(f"horizontal_fov_rad is {horizontal_fov_rad}, expected a value between 0 and pi")
        focal = 0.5 * width / np.tan(0.5 * horizontal_fov_rad)
        return cls(width, height, focal, focal, 0.5 * (width - 1), 0.5 * (height - 1))


@dataclass(frozen=True)
class CameraFrame:
    """One picture.

    Attributes:
        stamp_ns: Acquisition time.
        frame_id: Optical frame of the camera (REP-103: z forward, x right, y down).
        image: (height, width, 3) uint8, BGR.
        intrinsics: Camera model, or None when the camera is not calibrated.
    """

    stamp_ns: int
    frame_id: str
    image: UInt8
    intrinsics: CameraIntrinsics | None = None

    def __post_init__(self) -> None:
        check_shape("CameraFrame.image", self.image, (None, None, 3))
        if self.image.dtype != np.uint8:
            raise ValueError(f"CameraFrame.image has dtype {self.image.dtype}, expected uint8 BGR")
        if self.intrinsics is not None:
            size = (self.intrinsics.height, self.intrinsics.width)
            if self.image.shape[:2] != size:
                raise ValueError(
                    f"CameraFrame.image is {self.image.shape[1]}x{self.image.shape[0]} pixels but its calibration is for "
                    f"{size[1]}x{size[0]}; calibrate at the resolution that is published"
                )

    def __len__(self) -> int:
        return 1


@dataclass(frozen=True)
class SensorFrames:
    """What the sensors of one site saw at one instant; a missing sensor is None.

    Attributes:
        stamp_ns: Stamp of the reference sensor's frame.
        camera: Newest picture that belongs to the instant.
        lidar: LiDAR scan that belongs to the instant.
        radar: Radar frame that belongs to the instant.
    """

    stamp_ns: int
    camera: CameraFrame | None = None
    lidar: PointCloud | None = None
    radar: PointCloud | None = None

    @property
    def modality(self) -> Modality:
        """Sensors that are present."""
        flags = Modality.NONE
        for flag, frame in ((Modality.CAMERA, self.camera), (Modality.LIDAR, self.lidar), (Modality.RADAR, self.radar)):
            if frame is not None:
                flags |= flag
        return flags


@dataclass(frozen=True)
class Detections:
    """People seen at one instant; no ids.

    Attributes:
        stamp_ns: Acquisition time.
        frame_id: Fixed frame of the site that positions are expressed in.
        position: (n, 3) float64, metres: the point on the ground below the person's centre.
        covariance: (n, 2, 2) float64, square metres, of the horizontal position.
        size: (n, 3) float64, metres: length, width, height of the upright box; NaN where unknown.
        roi: (n, 4) float64, pixels: x, y, width, height in the picture; NaN where no picture shows the person.
        score: (n,) float64 in [0, 1].
        modality: (n,) uint8, `Modality` flags of the sensors that saw the person.
        point_labels: (points of the LiDAR or radar cloud,) int32: row of the person that a point belongs to, -1 for none; None without a cloud.
        foreground: (h, w) uint8, 255 where the picture moves, at the scale of ``roi`` times ``foreground_scale``; None without a picture.
        foreground_scale: Pixels of ``foreground`` per pixel of the picture.
    """

    stamp_ns: int
    frame_id: str
    position: Float64
    covariance: Float64
    size: Float64
    roi: Float64
    score: Float64
    modality: UInt8
    point_labels: Int32 | None = None
    foreground: UInt8 | None = None
    foreground_scale: float = 1.0

    def __post_init__(self) -> None:
        n = len(self.position)
        check_shape("Detections.position", self.position, (None, 3))
        check_shape("Detections.covariance", self.covariance, (n, 2, 2))
        check_shape("Detections.size", self.size, (n, 3))
        check_shape("Detections.roi", self.roi, (n, 4))
        check_shape("Detections.score", self.score, (n,))
        check_shape("Detections.modality", self.modality, (n,))
        if n and not (np.isfinite(self.position).all() and np.isfinite(self.covariance).all()):
            raise ValueError("Detections.position and covariance must be finite")

    def __len__(self) -> int:
        return len(self.position)

    @classmethod
    def empty(cls, stamp_ns: int = 0, frame_id: str = "") -> Detections:
        """Return an instant at which nobody was seen."""
        return cls(
            stamp_ns, frame_id, np.zeros((0, 3)), np.zeros((0, 2, 2)), np.zeros((0, 3)), np.zeros((0, 4)),
            np.zeros(0), np.zeros(0, np.uint8),
        )


@dataclass(frozen=True)
class Tracks:
    """People followed over time, at one instant.

    Attributes:
        stamp_ns: Acquisition time of the detections that made this state.
        frame_id: Fixed frame of the site.
        track_id: (n,) int64, unique for the life of the tracker, never reused.
        position: (n, 3) float64, metres, on the ground below the person.
        velocity: (n, 3) float64, m/s.
        covariance: (n, 4, 4) float64 of (x, y, vx, vy).
        size: (n, 3) float64, metres; NaN where unknown.
        roi: (n, 4) float64, pixels x, y, width, height; NaN where no picture shows the person now.
        state: (n,) uint8, `TrackState`.
        modality: (n,) uint8, `Modality` flags of the sensors that saw the person at this instant (0: coasting).
        detection_index: (n,) int32, row in the detections of this instant, -1 when coasting.
        first_seen_ns: (n,) int64.
        last_seen_ns: (n,) int64, time of the last detection.
        hits: (n,) int32, number of detections so far.
        score: (n,) float64, probability in [0, 1] that the track is a person who is still there.
    """

    stamp_ns: int
    frame_id: str
    track_id: Int64
    position: Float64
    velocity: Float64
    covariance: Float64
    size: Float64
    roi: Float64
    state: UInt8
    modality: UInt8
    detection_index: Int32
    first_seen_ns: Int64
    last_seen_ns: Int64
    hits: Int32
    score: Float64

    def __post_init__(self) -> None:
        n = len(self.track_id)
        check_shape("Tracks.position", self.position, (n, 3))
        check_shape("Tracks.velocity", self.velocity, (n, 3))
        check_shape("Tracks.covariance", self.covariance, (n, 4, 4))
        check_shape("Tracks.size", self.size, (n, 3))
        check_shape("Tracks.roi", self.roi, (n, 4))
        for name in ("state", "modality", "detection_index", "first_seen_ns", "last_seen_ns", "hits", "score"):
            check_shape(f"Tracks.{name}", getattr(self, name), (n,))

    def __len__(self) -> int:
        return len(self.track_id)

    @classmethod
    def empty(cls, stamp_ns: int = 0, frame_id: str = "") -> Tracks:
        """Return an instant without tracks."""
        return cls(
            stamp_ns, frame_id, np.zeros(0, np.int64), np.zeros((0, 3)), np.zeros((0, 3)), np.zeros((0, 4, 4)),
            np.zeros((0, 3)), np.zeros((0, 4)), np.zeros(0, np.uint8), np.zeros(0, np.uint8), np.zeros(0, np.int32),
            np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0),
        )


@dataclass(frozen=True)
class CropQuality:
    """How usable one crop is.

    Attributes:
        range_m: Horizontal distance from the sensor to the person.
        pixel_height: Height of the person in the picture, pixels; 0 without a picture.
        sharpness: Variance of the Laplacian of the crop at 128 pixels height; 0 without a picture.
        brightness: Mean grey value in [0, 1]; 0 without a picture.
        truncation: Fraction of the person's box outside the picture, [0, 1].
        num_points: LiDAR or radar points on the person.
        occlusion: Fraction of the person's box covered by nearer people, [0, 1].
    """

    range_m: float = 0.0
    pixel_height: float = 0.0
    sharpness: float = 0.0
    brightness: float = 0.0
    truncation: float = 0.0
    num_points: int = 0
    occlusion: float = 0.0


@dataclass(frozen=True)
class PersonCrop:
    """What belongs to one person at one instant.

    Attributes:
        track_id: Track that the crop belongs to.
        stamp_ns: Acquisition time.
        frame_id: Fixed frame of the site.
        modality: Sensors that contributed.
        position: (3,) float64, metres, on the ground below the person.
        velocity: (3,) float64, m/s.
        roi: (4,) float64, pixels x, y, width, height in the full picture; NaN without a picture.
        image: (h, w, 3) uint8 BGR cut-out, or None.
        silhouette: (h, w) uint8, 255 on the person, same size as ``image``, or None.
        points: (k, 3) float32, metres in ``frame_id``, or None.
        intensity: (k,) float32, or None.
        viewpoint: (3,) float64, position of the sensor that saw ``points`` in ``frame_id``.
        quality: Quality figures.
    """

    track_id: int
    stamp_ns: int
    frame_id: str
    modality: Modality
    position: Float64
    velocity: Float64
    roi: Float64
    image: UInt8 | None = None
    silhouette: UInt8 | None = None
    points: Float32 | None = None
    intensity: Float32 | None = None
    viewpoint: Float64 = field(default_factory=lambda: np.zeros(3))
    quality: CropQuality = field(default_factory=CropQuality)

    def __post_init__(self) -> None:
        check_shape("PersonCrop.position", self.position, (3,))
        check_shape("PersonCrop.velocity", self.velocity, (3,))
        check_shape("PersonCrop.roi", self.roi, (4,))
        if self.image is not None:
            check_shape("PersonCrop.image", self.image, (None, None, 3))
        if self.silhouette is not None:
            shape = self.silhouette.shape if self.image is None else self.image.shape[:2]
            check_shape("PersonCrop.silhouette", self.silhouette, tuple(shape))
        if self.points is not None:
            check_shape("PersonCrop.points", self.points, (None, 3))


@dataclass(frozen=True)
class Tracklet:
    """Crops of one track in order of time, bounded by whoever collects them."""

    track_id: int
    crops: tuple[PersonCrop, ...]

    def __post_init__(self) -> None:
        stamps = [crop.stamp_ns for crop in self.crops]
        if stamps != sorted(stamps):
            raise ValueError(f"Tracklet {self.track_id} has crops out of order")
        if any(crop.track_id != self.track_id for crop in self.crops):
            raise ValueError(f"Tracklet {self.track_id} holds crops of another track")

    def __len__(self) -> int:
        return len(self.crops)


@dataclass(frozen=True)
class Embedding:
    """A walk as a vector.

    Attributes:
        values: (parts, dim) float32; each part has unit length, so that distances are comparable.
        model_id: Name and content hash of the encoder; embeddings of different ids are never compared.
        modality: Sensors that the embedding was made from.
        window_start_ns: Stamp of the first frame used.
        window_end_ns: Stamp of the last frame used.
        num_frames: Number of frames used.
    """

    values: Float32
    model_id: str
    modality: Modality
    window_start_ns: int = 0
    window_end_ns: int = 0
    num_frames: int = 0

    def __post_init__(self) -> None:
        check_shape("Embedding.values", self.values, (None, None))
        if not self.model_id:
            raise ValueError("Embedding.model_id is empty, expected the id of the encoder that made it")
        if not np.isfinite(self.values).all():
            raise ValueError(f"Embedding of model {self.model_id} holds NaN or infinity")


@dataclass(frozen=True)
class GalleryRecord:
    """One enrolled walk of one person.

    Attributes:
        record_id: Unique id of the record.
        person_id: Permanent id of the person (REP-155), never a name.
        display_name: Name shown to people; may be empty.
        embedding: The walk.
        created_ns: Time of enrolment, Unix nanoseconds.
        expires_ns: Time after which the record is deleted, or None.
        consent: Whether the person agreed to be enrolled.
        source: Where the walk came from, for example a site or a file name.
    """

    record_id: str
    person_id: str
    display_name: str
    embedding: Embedding
    created_ns: int
    expires_ns: int | None = None
    consent: bool = False
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("record_id", "person_id"):
            if not getattr(self, name):
                raise ValueError(f"GalleryRecord.{name} is empty")


@dataclass(frozen=True)
class Candidate:
    """One identity that a track may have.

    Attributes:
        person_id: Permanent id.
        display_name: Name shown to people; may be empty.
        distance: Distance between the track's embedding and the person's nearest record.
        probability: Calibrated probability in [0, 1] that the track is this person.
    """

    person_id: str
    display_name: str
    distance: float
    probability: float


@dataclass(frozen=True)
class Match:
    """Who a track is, as far as is known.

    Attributes:
        track_id: Track that the answer is about.
        stamp_ns: Stamp of the last frame used.
        decision: UNKNOWN, CANDIDATE or CONFIRMED.
        candidates: Ranked, nearest first; may be empty.
        margin: Distance of the runner-up minus distance of the first; infinity without a runner-up.
        window_start_ns: Stamp of the first frame used.
        window_end_ns: Stamp of the last frame used.
        num_frames: Number of frames used.
        modality: Sensors used.
        gallery_version: Version of the gallery that was searched.
        model_id: Encoder that made the embedding.
        latency_ms: Time from the last frame's stamp to this answer (`pipeline_latency_ms`).
    """

    track_id: int
    stamp_ns: int
    decision: Decision
    candidates: tuple[Candidate, ...]
    margin: float
    window_start_ns: int
    window_end_ns: int
    num_frames: int
    modality: Modality
    gallery_version: int
    model_id: str
    latency_ms: float = 0.0

    @property
    def best(self) -> Candidate | None:
        """The nearest candidate, or None."""
        return self.candidates[0] if self.candidates else None

    @property
    def person_id(self) -> str:
        """The confirmed person, or an empty string."""
        return self.candidates[0].person_id if self.decision is Decision.CONFIRMED and self.candidates else ""
