"""Topics and services of the suite, declared once for both sides."""

from __future__ import annotations

from sensor_msgs.msg import CameraInfo, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from gait_reid_common.qos import (
    LATCHED,
    RESULT,
    SENSOR_IN,
    SENSOR_OUT,
    Qos,
    ServiceInterface,
    Topic,
)
from gait_reid_msgs.msg import (
    Gallery,
    IdentityMatchArray,
    PersonCropArray,
    PersonTrackArray,
    RadarTargetArray,
    TrackEmbeddingArray,
)
from gait_reid_msgs.srv import (
    Enroll,
    ExportGallery,
    Forget,
    ImportGallery,
    ListPersons,
    Merge,
)

LIDAR_POINTS = Topic(
    "lidar/points", PointCloud2, "LiDAR scans, in the LiDAR's frame", SENSOR_OUT, SENSOR_IN
)
CAMERA_IMAGE = Topic("camera/image_raw", Image, "Pictures", SENSOR_OUT, SENSOR_IN)
CAMERA_INFO = Topic(
    "camera/camera_info", CameraInfo, "Calibration of the pictures", SENSOR_OUT, SENSOR_IN
)
RADAR_POINTS = Topic(
    "radar/points",
    PointCloud2,
    "Radar frames, empty ones too: x y z [m], velocity [m/s], intensity (SNR) [dB]",
    SENSOR_OUT,
    SENSOR_IN,
)
RADAR_TARGETS = Topic(
    "radar/targets", RadarTargetArray, "Targets of the radar's own tracker", RESULT, RESULT
)
TRACKS = Topic("tracks", PersonTrackArray, "Everybody who is followed", RESULT, RESULT)
CROPS = Topic(
    "crops", PersonCropArray, "What belongs to each person who is seen now", RESULT, SENSOR_IN
)
MATCHES = Topic("matches", IdentityMatchArray, "Who the tracks are", RESULT, RESULT)
# The first message announces the model, so whoever comes later must get it.
_ANNOUNCED = Qos("reliable", 10, "transient_local")
EMBEDDINGS = Topic(
    "embeddings",
    TrackEmbeddingArray,
    "Newest embeddings of live tracks, for enrolment",
    _ANNOUNCED,
    _ANNOUNCED,
)
# One gallery for all sites; its stamps are times of change, not of acquisition.
GALLERY = Topic("/gallery", Gallery, "All enrolled walks", LATCHED, LATCHED, timed=False)
MARKERS = Topic("markers", MarkerArray, "Tracks and identities for RViz", RESULT, RESULT)
OVERLAY = Topic("overlay", Image, "Pictures with boxes and names", SENSOR_OUT, SENSOR_IN)

ENROLL = ServiceInterface("~/enroll", Enroll, "Add a walk of a person")
FORGET = ServiceInterface("~/forget", Forget, "Delete every trace of a person")
MERGE = ServiceInterface("~/merge", Merge, "Make two persons one")
LIST_PERSONS = ServiceInterface("~/list_persons", ListPersons, "List enrolled persons")
EXPORT_GALLERY = ServiceInterface(
    "~/export_gallery", ExportGallery, "Write the gallery into an encrypted file"
)
IMPORT_GALLERY = ServiceInterface(
    "~/import_gallery", ImportGallery, "Add the records of an exported file"
)
