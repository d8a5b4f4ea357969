"""Train our own picture and text towers, and the inversion network, on simulated people.

First both towers learn to bring a picture and what is said of it together (InfoNCE, van den Oord et
al. 2018, in the symmetric form of CLIP); equal sentences of a batch count as one and the same.
Then, both frozen, the inversion network learns a word X for each picture such that "a photo of the
legs of a X person ." comes to lie where the sentence about the legs of that person lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_common.parameters import param, validate
from gait_reid_sim.core.captions import PARTS, Captions
from gait_reid_training.data.captions import captions_of
from gait_reid_training.data.walks import WalkDataset
from gait_reid_training.nets.clip import ClipTowers, TowersConfig
from gait_reid_training.nets.mining import SemanticMining, new_inversion
from gait_reid_training.nets.tokens import WordTokens, caption_words, padded

KINDS = (*PARTS, "whole", "build")
Report = Callable[[int, dict[str, float]], None]


@dataclass(frozen=True)
class TowersTraining:
    """How the towers are trained."""

    iterations: int = param(450, "Batches for both towers", "", 1)
    inversion_iterations: int = param(250, "Batches for the inversion network", "", 1)
    pictures: int = param(64, "Pictures per batch", "", 2)
    kinds: int = param(3, "Kinds of sentences that each batch is compared with", "", 1, len(KINDS))
    prompted: float = param(
        0.5, "Share of sentences that say it in the place of the prompts' learned word", "", 0, 1
    )
    learning_rate: float = param(2e-3, "Greatest learning rate", "", 0.0)
    weight_decay: float = param(0.05, "Weight decay", "", 0.0)
    seed: int = param(1, "Everything random follows from it", "", 0)

    def __post_init__(self) -> None:
        validate(self)


@dataclass(frozen=True)
class CaptionedWalks:
    """Walks of one data set and what is said of each.

    Attributes:
        walks: Where the pictures come from.
        captions: One for each walk.
    """

    walks: WalkDataset
    captions: Sequence[Captions]

    @classmethod
    def of(cls, folder: Path, walks: WalkDataset) -> CaptionedWalks:
        """Caption the walks of a simulated data set."""
        return cls(walks, captions_of(folder, walks.walks))

    def draw(self, number: int, rng: np.random.Generator) -> tuple[Tensor, list[Captions]]:
        """Return pictures (M, 3, H, W) uint8 of so many walks, one each, and their captions.

        Walks whose frame shows no picture are left out, so that M may be smaller.
        """
        rows = rng.choice(len(self.walks), min(number, len(self.walks)), replace=False)
        batch = self.walks.batch(rows.tolist(), 1, rng)
        seen = batch.has_camera[:, 0]
        return batch.rgb[seen, 0], [self.captions[r] for r, s in zip(rows, seen.tolist()) if s]


class KindHeads(nn.Module):
    """A linear map of a picture's vector for every kind of sentence, used in training alone.

    A red shirt over blue trousers lies near "red" among torsos and near "blue" among legs: one
    vector could not be near both before the text tower tells legs from torsos.

    Args:
        width: Width of the joint space.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.maps = nn.ModuleDict({kind: nn.Linear(width, width) for kind in KINDS})

    def forward(self, joint: Tensor, kind: str) -> Tensor:
        """Return (M, width) of pictures (M, width) for sentences of a kind."""
        return cast(Tensor, self.maps[kind](joint))


class TextTable:
    """Sentences in the vocabulary of the towers.

    Args:
        towers: Towers.
        words: Their vocabulary.
    """

    def __init__(self, towers: ClipTowers, words: WordTokens) -> None:
        self._towers, self._words = towers, words

    def __call__(self, sentences: Sequence[str]) -> Tensor:
        """Return sentences in the joint space (K, width), of unit length."""
        texts, ends = padded([self._words.encode(sentence) for sentence in sentences])
        embedded = self._towers.embed(torch.tensor(texts))
        return functional.normalize(self._towers.text(embedded, torch.tensor(ends)), dim=-1)


def sentence(told: Captions, kind: str, prompted: bool = False) -> str:
    """Return the sentence of one of `KINDS`.

    Args:
        told: Captions of a walk.
        kind: What the sentence is about.
        prompted: Whether what is said of a part stands where the prompts of semantic mining have
            their learned word: "a photo of the legs of a long in red trousers person .".
    """
    if kind == "build":
        return f"a photo of a {told.build} ."
    if kind == "whole":
        return f"a photo of a {told.whole} ."
    text = getattr(told, kind)
    if prompted:
        rest = " ".join(word for word in text.split() if word != kind)
        return f"a photo of the {kind} of a {rest} person ."
    return f"a photo of the {text} of a person ."


def contrast(pictures: Tensor, texts: Tensor, same: Tensor, scale: Tensor) -> Tensor:
    """Return the symmetric InfoNCE loss where a text may belong to several pictures.

    Both sides are compared from their means: sentences of one kind share most of their words, and
    what they share would otherwise outweigh the word that differs.

    Args:
        pictures: (M, width).
        texts: (K, width), no sentence twice.
        same: (M,) int64, text of each picture.
        scale: Factor of the cosines.
    """
    logits = scale * centred(pictures) @ centred(texts).T
    owner = functional.one_hot(same, len(texts)).to(logits.dtype)
    target = (owner / owner.sum(dim=0, keepdim=True)).T
    backward = -(target * logits.T.log_softmax(dim=1)).sum(dim=1).mean()
    return 0.5 * (functional.cross_entropy(logits, same) + backward)


def centred(vectors: Tensor) -> Tensor:
    """Return vectors (M, width) as directions from their mean."""
    return functional.normalize(vectors - vectors.mean(dim=0, keepdim=True), dim=-1)


def unique(sentences: Sequence[str]) -> tuple[list[str], Tensor]:
    """Return the different sentences and, for each given one, which of them it is."""
    number = {text: i for i, text in enumerate(dict.fromkeys(sentences))}
    return list(number), torch.tensor([number[text] for text in sentences])


def train_towers(
    data: CaptionedWalks, config: TowersTraining, report: Report | None = None
) -> tuple[ClipTowers, WordTokens, KindHeads]:
    """Train both towers.

    Args:
        data: Captioned walks.
        config: How.
        report: Called now and then with the iteration and the loss.
    """
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    words = WordTokens(caption_words())
    towers = ClipTowers(TowersConfig.small(len(words))).train()
    texts, heads = TextTable(towers, words), KindHeads(towers.width)
    optimiser = torch.optim.AdamW(
        [*towers.parameters(), *heads.parameters()],
        config.learning_rate,
        weight_decay=config.weight_decay,
    )
    for step in range(config.iterations):
        _set_rate(optimiser, config.learning_rate, step, config.iterations)
        rgb, told = data.draw(config.pictures, rng)
        pictures = towers.image(rgb)
        scale = towers.logit_scale.exp().clamp(max=100.0)
        loss = pictures.new_zeros(())
        for kind in rng.permutation(KINDS)[: config.kinds].tolist():
            prompted = config.prompted > 0.0 and bool(rng.random() < config.prompted)
            sentences, same = unique([sentence(one, kind, prompted) for one in told])
            seen = heads(pictures, kind)
            loss = loss + contrast(seen, texts(sentences), same, scale) / config.kinds
        _step(optimiser, loss)
        if report is not None and (step + 1) % 50 == 0:
            report(step + 1, {"loss": float(loss.detach())})
    return towers.eval(), words, heads


def train_inversion(
    data: CaptionedWalks,
    towers: ClipTowers,
    words: WordTokens,
    config: TowersTraining,
    report: Report | None = None,
) -> SemanticMining:
    """Train an inversion network for frozen towers, which stay as they are.

    Returns:
        Semantic mining with that network; the towers in it have lost their vocabulary.
    """
    rng = np.random.default_rng(config.seed + 1)
    torch.manual_seed(config.seed + 1)
    told = _embedded_parts(data.captions, TextTable(towers, words))
    mining = SemanticMining(towers, words.prompts(), new_inversion(towers)).train()
    optimiser = torch.optim.AdamW(mining.inversion.parameters(), config.learning_rate)
    scale = towers.logit_scale.detach().exp().clamp(max=100.0)
    for step in range(config.inversion_iterations):
        _set_rate(optimiser, config.learning_rate, step, config.inversion_iterations)
        rgb, captions = data.draw(config.pictures, rng)
        tokens = mining(rgb)
        loss = tokens.new_zeros(())
        for part, name in enumerate(PARTS):
            sentences, same = unique([sentence(one, name) for one in captions])
            table = torch.stack([told[text] for text in sentences])
            loss = loss + contrast(tokens[:, part], table, same, scale) / len(PARTS)
        _step(optimiser, loss)
        if report is not None and (step + 1) % 50 == 0:
            report(step + 1, {"loss": float(loss.detach())})
    return mining.eval()


@torch.no_grad()
def _embedded_parts(captions: Sequence[Captions], texts: TextTable) -> dict[str, Tensor]:
    """Return every different sentence about a part in the joint space."""
    sentences = sorted({sentence(one, part) for one in captions for part in PARTS})
    rows = [texts(sentences[at : at + 256]) for at in range(0, len(sentences), 256)]
    return dict(zip(sentences, torch.cat(rows)))


@torch.no_grad()
def retrieval(
    data: CaptionedWalks, embed: Callable[[Tensor], Tensor], texts: TextTable, pictures: int = 256
) -> dict[str, tuple[float, float]]:
    """Return, for each part, the share of pictures whose own sentence is found, and by chance.

    A picture is compared with every different sentence about that part in the data.

    Args:
        data: Captioned walks that were not learnt from.
        embed: Pictures to (M, 5, width).
        texts: The towers' sentences.
        pictures: Number of pictures.
    """
    rgb, told = data.draw(pictures, np.random.default_rng(0))
    tokens = embed(rgb)
    out = {}
    for part, name in enumerate(PARTS):
        sentences, _ = unique([sentence(one, name) for one in data.captions])
        number = {text: i for i, text in enumerate(sentences)}
        truth = torch.tensor([number[sentence(one, name)] for one in told])
        found = (centred(tokens[:, part]) @ centred(texts(sentences)).T).argmax(dim=1)
        most = torch.bincount(truth).max() / len(truth)
        out[name] = (float((found == truth).float().mean()), float(most))
    return out


def _set_rate(optimiser: torch.optim.Optimizer, most: float, step: int, steps: int) -> None:
    """Rise over the first tenth, then fall with the cosine."""
    rise = min((step + 1) / max(0.1 * steps, 1.0), 1.0)
    for group in optimiser.param_groups:
        group["lr"] = most * rise * 0.5 * (1.0 + float(np.cos(np.pi * step / steps)))


def _step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    optimiser.zero_grad()
    loss.backward()
    for group in optimiser.param_groups:
        torch.nn.utils.clip_grad_norm_(group["params"], 1.0)
    optimiser.step()
