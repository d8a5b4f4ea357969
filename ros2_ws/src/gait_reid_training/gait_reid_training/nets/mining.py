"""Semantic Mining (SeMi): what a picture says of each part of the body, by way of texts.

A picture's embedding becomes a word X of the text tower's (inversion, as in Saito et al.,
"Pic2Word", CVPR 2023), X is put into five prompts, and their embeddings are the tokens. Both towers
are frozen; gradients flow through the text tower to the inversion network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.attention import MASKED
from gait_reid_training.nets.clip import ClipTowers, causal_bias
from gait_reid_training.nets.tokens import Prompt, padded


class InversionNetwork(nn.Module):
    """Two hidden layers from the joint space to the embedding of a word.

    It begins at the mean of all words, so that X is a plausible one from the start.

    Args:
        width: Width of the joint space and of the hidden layers.
        token_width: Width of a token's embedding.
        mean_token: (token_width,), mean of the vocabulary's embeddings.
    """

    def __init__(self, width: int, token_width: int, mean_token: Tensor) -> None:
        super().__init__()
        self.last = nn.Linear(width, token_width)
        nn.init.normal_(self.last.weight, std=0.1 * float(mean_token.std()) + 1e-3)
        self.last.bias.data.copy_(mean_token)
        self.hidden = nn.Sequential(
            nn.Linear(width, width), nn.Dropout(0.1), nn.ReLU(),
            nn.Linear(width, width), nn.Dropout(0.1), nn.ReLU(),
        )  # fmt: skip

    def forward(self, joint: Tensor) -> Tensor:
        """Return words (M, token_width) of picture embeddings (M, width) of unit length."""
        scaled = joint * joint.shape[-1] ** 0.5
        return cast(Tensor, self.last(self.hidden(scaled)))


class PromptCache(nn.Module):
    """The fixed part of the prompts, embedded and, before X, already seen by every layer.

    Tokens before X never look at it, so that their keys and values are constants; only X, "person",
    the full stop and the end are left to compute. The vocabulary is not needed any more.

    Args:
        towers: Towers whose vocabulary the prompts are written in.
        prompts: Five prompts; all have as many tokens behind X.
    """

    def __init__(self, towers: ClipTowers, prompts: Sequence[Prompt]) -> None:
        super().__init__()
        behind = {len(prompt.after) for prompt in prompts}
        if len(behind) != 1:
            raise ValueError(f"prompts have {sorted(behind)} tokens behind the learned word")
        self.lengths = [len(prompt.before) for prompt in prompts]
        texts, _ = padded([(*prompt.before, 0, *prompt.after) for prompt in prompts])
        tables = _constants(towers, torch.tensor(texts), self.lengths, behind.pop())
        self.fixed: Tensor
        self.suffix: Tensor
        self.keys: Tensor
        self.values: Tensor
        for name, value in zip(("fixed", "suffix", "keys", "values"), tables):
            self.register_buffer(name, value)
        bias = torch.cat(
            [
                _prefix_bias(self.lengths, self.suffix.shape[1] + 1),
                causal_bias(self.suffix.shape[1] + 1).expand(len(prompts), -1, -1),
            ],
            dim=2,
        )
        self.bias: Tensor
        self.register_buffer("bias", bias[:, None], persistent=False)

    def forward(self, towers: ClipTowers, words: Tensor) -> Tensor:
        """Return the prompts (M, S, width) around words (M, token_width)."""
        count, prompts = words.shape[0], len(self.lengths)
        position = towers.positional_embedding[torch.tensor(self.lengths, device=words.device)]
        learned = words[:, None, None] + position[None, :, None]
        tokens = torch.cat([learned, self.suffix.expand(count, -1, -1, -1)], dim=2).flatten(0, 1)
        bias = self.bias.repeat(count, 1, 1, 1)
        for layer, block in enumerate(towers.transformer.resblocks):
            past = (
                self.keys[layer].repeat(count, 1, 1, 1),
                self.values[layer].repeat(count, 1, 1, 1),
            )
            tokens, _ = block(tokens, bias, past)
        joint = towers.ln_final(tokens[:, -1]) @ towers.text_projection
        return cast(Tensor, joint.unflatten(0, (count, prompts)))

    def reference(self, towers: ClipTowers, words: Tensor, context: int) -> Tensor:
        """Compute the same from whole texts of ``context`` tokens, nothing kept."""
        count, prompts = words.shape[0], len(self.lengths)
        width = self.fixed.shape[2]
        texts = words.new_zeros(count, prompts, context, width)
        texts[:, :, : self.fixed.shape[1]] = self.fixed
        ends = []
        for row, length in enumerate(self.lengths):
            texts[:, row, length] = words
            ends.append(length + self.suffix.shape[1])
        end = torch.tensor(ends, device=words.device).repeat(count)
        return towers.text(texts.flatten(0, 1), end).unflatten(0, (count, prompts))


@torch.no_grad()
def _constants(
    towers: ClipTowers, texts: Tensor, lengths: Sequence[int], behind: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return embedded prompts, what is behind X with positions, and each layer's keys and values.

    The prefixes are padded to the longest; what is padding is masked when they are used.
    """
    fixed = towers.embed(texts)
    position = towers.positional_embedding
    suffix = torch.stack(
        [
            row[length + 1 : length + 1 + behind] + position[length + 1 : length + 1 + behind]
            for row, length in zip(fixed, lengths)
        ]
    )
    longest = max(lengths)
    tokens = fixed[:, :longest] + position[:longest]
    keys, values = [], []
    for block in towers.transformer.resblocks:
        tokens, (key, value) = block(tokens, causal_bias(longest))
        keys.append(key)
        values.append(value)
    return fixed, suffix, torch.stack(keys), torch.stack(values)


def _prefix_bias(lengths: Sequence[int], tokens: int) -> Tensor:
    """Return (S, tokens, longest): what forbids to look at the padding of shorter prefixes."""
    padding = torch.arange(max(lengths))[None] >= torch.tensor(lengths)[:, None]
    return (MASKED * padding.float())[:, None].expand(-1, tokens, -1)


class SemanticMining(nn.Module):
    """Pictures to semantic tokens.

    Args:
        towers: Both towers; they are frozen, and lose their vocabulary.
        prompts: Prompts of the parts, in the towers' vocabulary.
        inversion: Inversion network; None begins a new one.
        centre: (width,), what the prompts of all parts have in common; tokens are directions from
            there, as prompts that differ in one word of twelve hardly differ otherwise. The paper
            does not subtract it.
    """

    def __init__(
        self,
        towers: ClipTowers,
        prompts: Sequence[Prompt],
        inversion: InversionNetwork | None = None,
        centre: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.centre: Tensor
        self.register_buffer("centre", torch.zeros(towers.width) if centre is None else centre)
        self.prompts = PromptCache(towers, prompts)
        self.inversion = inversion or new_inversion(towers)
        self.towers = towers.requires_grad_(False)
        towers.token_embedding = None

    def train(self, mode: bool = True) -> SemanticMining:
        """Switch the inversion network alone: frozen towers have no training mode."""
        super().train(mode)
        self.towers.eval()
        return self

    def forward(self, rgb: Tensor) -> Tensor:
        """Return tokens (M, 5, width) of unit length for pictures (M, 3, H, W) uint8."""
        return directions(self.prompts(self.towers, self.words(rgb)), self.centre)

    def reference(self, rgb: Tensor) -> Tensor:
        """Compute the same from whole texts of the towers' full context."""
        words = self.words(rgb)
        context = self.towers.config.context
        return directions(self.prompts.reference(self.towers, words, context), self.centre)

    def words(self, rgb: Tensor) -> Tensor:
        """Return the learned word (M, token_width) of pictures."""
        with torch.no_grad():
            joint = functional.normalize(self.towers.image(rgb), dim=-1)
        return cast(Tensor, self.inversion(joint))


def directions(texts: Tensor, centre: Tensor) -> Tensor:
    """Return texts (..., width) as directions of unit length from a centre (width,)."""
    return functional.normalize(functional.normalize(texts, dim=-1) - centre, dim=-1)


def new_inversion(towers: ClipTowers) -> InversionNetwork:
    """Return an inversion network that begins at the mean of the towers' words."""
    assert towers.token_embedding is not None
    mean = towers.token_embedding.weight.detach().mean(dim=0)
    return InversionNetwork(towers.width, towers.token_width, mean)
