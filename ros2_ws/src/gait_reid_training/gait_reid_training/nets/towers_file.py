"""Read picture and text towers: our own files, and public CLIP weights that a user has."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from gait_reid_training.nets.clip import ClipTowers, TowersConfig
from gait_reid_training.nets.mining import (
    InversionNetwork,
    SemanticMining,
    directions,
    new_inversion,
)
from gait_reid_training.nets.tokens import (
    WordTokens,
    clip_prompts,
    clip_static_texts,
    padded,
)

FORMAT = "gait_reid towers 1"
PACKAGED = Path(__file__).parent.parent / "assets" / "towers_small.pt"
"""Our own towers, trained on simulated people."""
LAYOUTS = ("small", "vit_b_16", "vit_b_16_quickgelu")


@dataclass(frozen=True)
class Mined:
    """Semantic mining and what comes with it.

    Attributes:
        mining: Towers, prompts and inversion network.
        static: (5, width), class-level prompts as directions from their mean, of unit length.
        known: Whether the towers have weights.
    """

    mining: SemanticMining
    static: Tensor
    known: bool = True


def save_towers(
    path: Path, towers: ClipTowers, words: WordTokens, inversion: InversionNetwork
) -> None:
    """Write our own towers with their vocabulary and a trained inversion network, in 16 bits."""
    content = {
        "format": FORMAT,
        "config": {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in asdict(towers.config).items()
        },
        "words": list(words.words),
        "towers": _halved(towers.state_dict()),
        "inversion": _halved(inversion.state_dict()),
    }
    torch.save(content, path)


def _halved(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {n: v.half() if v.is_floating_point() else v for n, v in state.items()}


def load_mining(layout: str, path: str | Path = "") -> Mined:
    """Return semantic mining of a layout.

    Args:
        layout: One of `LAYOUTS`.
        path: Weights; empty: those of the package (small), or random ones that a checkpoint will
            replace.

    Raises:
        FileNotFoundError: No such file.
        ValueError: A file that does not hold towers of this layout.
    """
    if layout not in LAYOUTS:
        raise ValueError(f"towers is {layout!r}, allowed: {', '.join(LAYOUTS)}")
    if layout == "small":
        return _small(Path(path) if str(path) else PACKAGED)
    config = TowersConfig.vit_b_16(quick_gelu=layout.endswith("quickgelu"))
    return public_mining(config, read_weights(Path(path)) if str(path) else None, str(path))


def public_mining(
    config: TowersConfig, weights: Mapping[str, Tensor] | None, source: str = "weights"
) -> Mined:
    """Return what `load_mining` returns, of weights named as in OpenAI's and open_clip's files."""
    towers = ClipTowers(config)
    if weights is not None:
        _fill(towers, dict(weights), source)
    return _mining(towers, None, None, known=weights is not None)


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a state dict: safetensors, or torch's format without anything but tensors.

    Raises:
        FileNotFoundError: No such file.
        ValueError: Another kind of file, for example a TorchScript archive.
    """
    if not path.is_file():
        raise FileNotFoundError(f"towers {path} do not exist")
    try:
        if path.suffix == ".safetensors":
            return dict(load_file(path))
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (SafetensorError, RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise ValueError(
            f"towers {path}: cannot be read as safetensors or as a file of tensors ({error}); of a "
            "TorchScript archive save the state_dict first"
        ) from error
    content = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(content, dict):
        raise ValueError(f"towers {path}: holds {type(content).__name__}, expected named tensors")
    return content


def _small(path: Path) -> Mined:
    content: dict[str, Any] = read_weights(path)
    if content.get("format") != FORMAT:
        raise ValueError(f"towers {path}: format is {content.get('format')!r}, expected {FORMAT!r}")
    words = WordTokens(content["words"])
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in content["config"].items()
    }
    towers = ClipTowers(TowersConfig(**values))
    _fill(towers, content["towers"], str(path))
    inversion = new_inversion(towers)
    inversion.load_state_dict(content["inversion"])
    return _mining(towers, words, inversion)


def _mining(
    towers: ClipTowers,
    words: WordTokens | None,
    inversion: InversionNetwork | None,
    known: bool = True,
) -> Mined:
    texts, ends = padded(clip_static_texts() if words is None else words.static_texts())
    with torch.no_grad():
        static = towers.text(towers.embed(torch.tensor(texts)), torch.tensor(ends))
    prompts = clip_prompts() if words is None else words.prompts()
    centre = functional.normalize(static, dim=-1).mean(dim=0)
    mining = SemanticMining(towers, prompts, inversion, centre)
    return Mined(mining, directions(static, centre), known)


def _fill(towers: ClipTowers, weights: dict[str, Tensor], source: str) -> None:
    """Load weights by name; what public files hold besides the towers is left out."""
    wanted = towers.state_dict()
    missing = sorted(set(wanted) - set(weights))
    if missing:
        raise ValueError(f"towers {source}: lack {', '.join(missing[:3])} ({len(missing)} missing)")
    for name, value in wanted.items():
        if weights[name].shape != value.shape:
            raise ValueError(
                f"towers {source}: {name} is {tuple(weights[name].shape)}, expected "
                f"{tuple(value.shape)}: another layout"
            )
    towers.load_state_dict({name: weights[name].float() for name in wanted})
