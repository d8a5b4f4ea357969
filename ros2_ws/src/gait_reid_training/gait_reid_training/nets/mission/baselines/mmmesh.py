"""mmMesh: the body's joints from radar points alone; what pose errors are compared with.

Xue et al., "mmMesh: Towards 3D Real-Time Dynamic Human Mesh Construction Using Millimeter-Wave",
MobiSys 2021: base, global and anchor module. Our reading: joints are estimated directly, without
the SMPL body model, and frames are what attention makes of their points.
"""

from __future__ import annotations

from gait_reid_training.batch import CrossModalBatch, RadarWalkBatch
from gait_reid_training.nets.mission.baselines.config import RivalConfig
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork, CrossModalOutput
from gait_reid_training.nets.mission.heads import PoseHead
from gait_reid_training.nets.mission.pooling import AttentionPooling
from gait_reid_training.nets.mission.radar import RadarBranch, RadarFeatures


class MmMesh(CrossModalNetwork):
    """Radar points to joints.

    Args:
        config: Settings.
    """

    def __init__(self, config: RivalConfig) -> None:
        super().__init__()
        self.config = config
        self.dim = 0
        self.radar = RadarBranch(config.of_mission(anchors=True))
        self.pool = AttentionPooling(config.dim)
        self.pose = PoseHead(config.dim, config.joints)

    def radar_features(self, walks: RadarWalkBatch) -> RadarFeatures:
        """Return what radars' walks show."""
        features: RadarFeatures = self.radar(walks)
        return features

    def forward(self, batch: CrossModalBatch) -> CrossModalOutput:
        """Return the poses before the radar and the root."""
        found = self.radar_features(batch.radar)
        frames = self.pool(found.points, found.mask)
        return CrossModalOutput(None, None, radar_poses=(self.pose(frames),), root=found.root)
