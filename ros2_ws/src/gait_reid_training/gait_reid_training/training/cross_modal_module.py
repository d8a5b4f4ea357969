"""One network between camera and radar under Lightning's Trainer."""

from __future__ import annotations

from torch import Tensor

from gait_reid_training.batch import CrossModalBatch
from gait_reid_training.nets.mission.cross_modal import CrossModalNetwork
from gait_reid_training.nets.mission.losses import CrossModalLoss, TripletMargin
from gait_reid_training.training.cross_modal_config import CrossModalConfig
from gait_reid_training.training.cross_modal_looks import CrossModalLooks
from gait_reid_training.training.gait_module import GaitModule, Monitored


def monitored_of(network: CrossModalNetwork) -> Monitored:
    """Return what tells which weights are the best.

    Rank-1 of radar walks among camera walks: of pairs where features are exchanged, else of single
    walks; the joints' error of networks that estimate nothing but poses.
    """
    if not network.dim:
        return Monitored("validation/aje_radar_alone_cm", "validation/aje_root_cm", True)
    kind = "pairwise" if network.compares_pairs else "unimodal"
    return Monitored(f"validation/{kind}_rank1", f"validation/{kind}_map")


class CrossModalModule(GaitModule):
    """Trains a network with equation 7 of Mission and looks at people it does not learn from.

    Args:
        network: The network.
        config: The training.
        walks: How many pairs of walks each look sees.
    """

    config: CrossModalConfig

    def __init__(self, network: CrossModalNetwork, config: CrossModalConfig, walks: int) -> None:
        super().__init__(network, config, monitored_of(network))
        one = config.loss
        self.loss = CrossModalLoss(
            one.alpha, one.beta, one.unimodal_weight, TripletMargin(one.margin, one.softness),
            one.contrastive_margin,
            network.identity_loss,
        )  # fmt: skip
        self._looks = CrossModalLooks(network, walks, config.validation.pairwise_walks)

    def training_step(self, batch: CrossModalBatch, batch_idx: int) -> Tensor:
        """Return the loss of one batch."""
        output = self.network(batch)
        terms = self.loss(output, batch)
        values = {"loss": terms.total, "pose": terms.pose, "root": terms.root}
        if output.vision is not None:
            values |= {"pairs": terms.pairs, "unimodal": terms.unimodal}
        self.log_losses(values, len(batch))
        total: Tensor = terms.total
        return total

    def validation_step(self, batch: CrossModalBatch, batch_idx: int) -> None:
        """Keep what the network says of one batch."""
        self._looks.add(batch)

    def on_validation_epoch_end(self) -> None:
        """Log rank-1, mAP and errors of poses."""
        self.log_figures(self._looks.figures())
