"""What encoders have in common that run the graphs of a model."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from gait_reid.core.backends.base import BackendConfig
from gait_reid.core.models import Model, load_model
from gait_reid.core.types import CropQuality
from gait_reid_common.parameters import param, validate


@dataclass(frozen=True)
class ModelEncoderConfig:
    """Parameters of every encoder that runs a model."""

    model: str = param("", "Name of the model", read_only=True)
    model_directory: str = param(
        "", "Folder that holds the model; empty: those that come with the suite", read_only=True
    )
    min_frames: int = param(0, "Usable frames that make a walk; 0: the model's own", "frames", 0)
    max_truncation: float = param(
        0.4, "Largest part beyond the picture's edge of a usable picture", "", 0.0, 1.0
    )
    max_occlusion: float = param(
        0.5, "Largest part hidden by nearer people of a usable picture", "", 0.0, 1.0
    )
    min_pixel_height: float = param(16.0, "Least height of a person in a usable picture", "px", 0.0)
    backend: BackendConfig = field(default_factory=BackendConfig)

    def __post_init__(self) -> None:
        validate(self)

    def picture_fault(self, quality: CropQuality) -> str:
        """Return why a picture is of no use; empty where it is of use."""
        for reason, bad in (
            ("picture too small", quality.pixel_height < self.min_pixel_height),
            ("picture cut by the edge", quality.truncation > self.max_truncation),
            ("picture hidden by others", quality.occlusion > self.max_occlusion),
        ):
            if bad:
                return reason
        return ""


class ModelEncoder:
    """Holds a model and counts what it cannot use.

    Attributes:
        model: The model.
        model_id: Its name and content hash.
        model_ids: The same, alone.
        calibration: Its thresholds.
        rejected: Frames, or parts of frames, that were left out, by reason.
    """

    def __init__(self, config: ModelEncoderConfig, model: Model | None) -> None:
        """Load the model.

        Args:
            config: Parameters.
            model: Given where it was loaded before.

        Raises:
            ModelError: The model is missing, damaged, or does not fit this suite.
        """
        self.model = model or load_model(config.model, config.model_directory)
        self.model_id = self.model.model_id
        self.model_ids = frozenset({self.model_id})
        self.calibration = self.model.calibration
        self.rejected: Counter[str] = Counter()
        # Few networks take silhouettes, and none that is exported takes depth views.
        self._input = replace(self.model.input, with_silhouette=False, with_depth=False)
        self._min_frames = config.min_frames or self.model.description.min_frames

    def _reject(self, reason: str, count: int = 1) -> bool:
        """Count what is left out; return False, which is what became of it."""
        if count:
            self.rejected[reason] += count
        return False
