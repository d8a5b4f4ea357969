"""Picture and text towers with one joint space, laid out as CLIP's.

Radford et al., "Learning Transferable Visual Models From Natural Language Supervision" (2021): a
vision transformer and a causal text transformer. Modules are named as in public checkpoints, which
load as they are; the small towers of `gait_reid_training.training.towers` look with a ResNet9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from gait_reid_training.nets.attention import MASKED
from gait_reid_training.nets.heads import HorizontalPyramidPooling
from gait_reid_training.nets.resnet9 import ResNet9

PIXEL_MEAN = (0.48145466, 0.4578275, 0.40821073)
STRIPS = 8
PIXEL_SD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True)
class TowersConfig:
    """Sizes of both towers.

    Attributes:
        image_size: Height and width that pictures are scaled to, pixels.
        patch: Side of a patch, pixels.
        width: Width of the joint space.
        vision_width: Width of the picture tower.
        vision_layers: Its layers.
        vision_heads: Its heads.
        text_width: Width of the text tower.
        text_layers: Its layers.
        text_heads: Its heads.
        context: Tokens of the longest text.
        vocabulary: Number of different tokens.
        quick_gelu: Whether x sigmoid(1.702 x) stands for GELU, as in OpenAI's own weights.
        channels: Widths of a ResNet9 in place of the vision transformer; empty: none.
    """

    image_size: tuple[int, int]
    patch: int
    width: int
    vision_width: int
    vision_layers: int
    vision_heads: int
    text_width: int
    text_layers: int
    text_heads: int
    context: int
    vocabulary: int
    quick_gelu: bool = False
    channels: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if any(side % self.patch for side in self.image_size):
            raise ValueError(f"image_size {self.image_size} is no multiple of patch {self.patch}")
        for name, width, heads in (
            ("vision_heads", self.vision_width, self.vision_heads),
            ("text_heads", self.text_width, self.text_heads),
        ):
            if width % heads:
                raise ValueError(f"{name} is {heads}: it must divide the width {width}")

    @classmethod
    def small(cls, vocabulary: int) -> TowersConfig:
        """Return the size of our own towers, which take pictures as EMGaitNet does."""
        return cls(
            (64, 32), 8, 128, 128, 0, 4, 128, 3, 4, 40, vocabulary, channels=(16, 32, 64, 128)
        )

    @classmethod
    def vit_b_16(cls, quick_gelu: bool = False) -> TowersConfig:
        """Return the size of the public ViT-B/16."""
        return cls((224, 224), 16, 512, 768, 12, 12, 512, 12, 8, 77, 49408, quick_gelu)


class QuickGELU(nn.Module):
    """x sigmoid(1.702 x)."""

    def forward(self, value: Tensor) -> Tensor:
        """Return the activation."""
        return value * torch.sigmoid(1.702 * value)


class _Attention(nn.Module):
    """Weights of self-attention under the names of public checkpoints."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)


class _Perceptron(nn.Module):
    def __init__(self, width: int, activation: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.gelu = activation()
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden: Tensor = self.c_proj(self.gelu(self.c_fc(tokens)))
        return hidden


class TransformerBlock(nn.Module):
    """Self-attention and perceptron, each normalised before and added.

    Args:
        width: Width.
        heads: Heads.
        quick_gelu: Which activation.
    """

    def __init__(self, width: int, heads: int, quick_gelu: bool) -> None:
        super().__init__()
        self.heads = heads
        self.ln_1 = nn.LayerNorm(width)
        self.attn = _Attention(width)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = _Perceptron(width, QuickGELU if quick_gelu else nn.GELU)

    def forward(
        self, tokens: Tensor, bias: Tensor | None = None, past: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the tokens, and the keys and values that they were.

        Args:
            tokens: (M, L, width).
            bias: Added to the scores, (L, L) or (M, 1, L, past + L).
            past: Keys and values (M, heads, past, width / heads) of tokens before these.
        """
        projected = functional.linear(
            self.ln_1(tokens), self.attn.in_proj_weight, self.attn.in_proj_bias
        )
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in projected.chunk(3, dim=-1)
        )
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        tokens = tokens + self.attn.out_proj(mixed.transpose(1, 2).flatten(2))
        return tokens + self.mlp(self.ln_2(tokens)), (key, value)


class _Transformer(nn.Module):
    def __init__(self, width: int, layers: int, heads: int, quick_gelu: bool) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(
            TransformerBlock(width, heads, quick_gelu) for _ in range(layers)
        )

    def forward(self, tokens: Tensor, bias: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            tokens, _ = block(tokens, bias)
        return tokens


class _Vision(nn.Module):
    def __init__(self, config: TowersConfig) -> None:
        super().__init__()
        width = config.vision_width
        cells = (config.image_size[0] // config.patch) * (config.image_size[1] // config.patch)
        self.conv1 = nn.Conv2d(3, width, config.patch, config.patch, bias=False)
        self.class_embedding = nn.Parameter(width**-0.5 * torch.randn(width))
        self.positional_embedding = nn.Parameter(width**-0.5 * torch.randn(1 + cells, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = _Transformer(
            width, config.vision_layers, config.vision_heads, config.quick_gelu
        )
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(width**-0.5 * torch.randn(width, config.width))

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.conv1(pixels).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(patches.shape[0], 1, -1)
        tokens = torch.cat([first, patches], dim=1) + self.positional_embedding
        tokens = self.transformer(self.ln_pre(tokens))
        joint: Tensor = self.ln_post(tokens[:, 0]) @ self.proj
        return joint


class _StripedVision(nn.Module):
    """ResNet9 whose map is pooled by horizontal strips: parts of the body keep their places.

    CLIP has residual networks beside transformers, which learn of fewer pictures.
    """

    def __init__(self, config: TowersConfig) -> None:
        super().__init__()
        self.resnet = ResNet9(3, config.channels)
        self.strips = HorizontalPyramidPooling(STRIPS, "mean+max")
        self.ln_post = nn.LayerNorm(STRIPS * config.channels[-1])
        self.proj = nn.Linear(STRIPS * config.channels[-1], config.width)

    def forward(self, pixels: Tensor) -> Tensor:
        features = self.resnet(pixels)
        joint: Tensor = self.proj(self.ln_post(self.strips(features).flatten(1)))
        return joint


class ClipTowers(nn.Module):
    """Both towers.

    Attributes:
        width: Width of the joint space.
        token_width: Width of a token's embedding.

    Args:
        config: Sizes.
    """

    def __init__(self, config: TowersConfig) -> None:
        super().__init__()
        self.config = config
        self.width, self.token_width = config.width, config.text_width
        width = config.text_width
        self.visual = _StripedVision(config) if config.channels else _Vision(config)
        self.token_embedding: nn.Embedding | None = nn.Embedding(config.vocabulary, width)
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(config.context, width))
        self.transformer = _Transformer(
            width, config.text_layers, config.text_heads, config.quick_gelu
        )
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(width**-0.5 * torch.randn(width, config.width))
        self.logit_scale = nn.Parameter(torch.tensor(2.66))
        nn.init.normal_(self.token_embedding.weight, std=0.02)
        self.pixel_mean: Tensor
        self.pixel_sd: Tensor
        for name, value in (("pixel_mean", PIXEL_MEAN), ("pixel_sd", PIXEL_SD)):
            constant = 255.0 * torch.tensor(value).view(3, 1, 1)
            self.register_buffer(name, constant, persistent=False)

    def image(self, rgb: Tensor) -> Tensor:
        """Return pictures (M, 3, H, W) uint8, of any size, in the joint space (M, width)."""
        pixels = (rgb.to(torch.float32) - self.pixel_mean) / self.pixel_sd
        if tuple(pixels.shape[2:]) != self.config.image_size:
            pixels = functional.interpolate(
                pixels, self.config.image_size, mode="bilinear", align_corners=False
            )
        joint: Tensor = self.visual(pixels)
        return joint

    def embed(self, tokens: Tensor) -> Tensor:
        """Return the embeddings (K, L, token_width) of token numbers (K, L)."""
        if self.token_embedding is None:
            raise RuntimeError("these towers have dropped their vocabulary")
        embedded: Tensor = self.token_embedding(tokens)
        return embedded

    def text(self, embedded: Tensor, end: Tensor) -> Tensor:
        """Return texts in the joint space (K, width).

        Args:
            embedded: (K, L, token_width), for example of `embed`.
            end: (K,) int64, position of each text's end token.
        """
        count, length, _ = embedded.shape
        tokens = embedded + self.positional_embedding[:length]
        tokens = self.transformer(tokens, causal_bias(length, tokens.device))
        last = self.ln_final(tokens[torch.arange(count, device=tokens.device), end])
        joint: Tensor = last @ self.text_projection
        return joint


def causal_bias(length: int, device: torch.device | None = None) -> Tensor:
    """Return what forbids (length, length) tokens to look at later ones."""
    return torch.full((length, length), MASKED, device=device).triu(1)
