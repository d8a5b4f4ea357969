"""Optimisers and the course of the learning rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from gait_reid_training.training.config_groups import OptimiserConfig, ScheduleConfig

_ONE_CYCLE_RISE = 0.3
_ONE_CYCLE_START = 1.0 / 25.0
_ONE_CYCLE_END = 1e-4


def make_optimiser(parameters: Iterable[nn.Parameter], config: OptimiserConfig) -> Optimizer:
    """Return the optimiser over the parameters that learn."""
    learning = [one for one in parameters if one.requires_grad]
    if config.name == "sgd":
        return torch.optim.SGD(
            learning, config.learning_rate, config.momentum, weight_decay=config.weight_decay
        )
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    return kind(learning, config.learning_rate, weight_decay=config.weight_decay)


def make_scheduler(optimiser: Optimizer, config: ScheduleConfig) -> LambdaLR:
    """Return the schedule, stepped once per batch; it is a function of the step alone."""
    return LambdaLR(optimiser, share_of(config))


def share_of(config: ScheduleConfig) -> Callable[[int], float]:
    """Return the function from step to share of the greatest learning rate."""
    course = {
        "cosine": _cosine, "one_cycle": _one_cycle, "steps": _steps, "constant": _constant,
    }[config.name]  # fmt: skip

    def share(step: int) -> float:
        rising = config.warm_up_iterations > 0 and config.name != "one_cycle"
        rise = min((step + 1) / config.warm_up_iterations, 1.0) if rising else 1.0
        return rise * course(config, min(step, config.iterations))

    return share


def _cosine(config: ScheduleConfig, step: int) -> float:
    start = config.warm_up_iterations
    done = max(step - start, 0) / max(config.iterations - start, 1)
    return _between(1.0, config.final_share, done)


def _one_cycle(config: ScheduleConfig, step: int) -> float:
    """One cycle, cosine up and down (Smith and Topin, 2019)."""
    top = max(round(_ONE_CYCLE_RISE * config.iterations), 1)
    if step < top:
        return _between(_ONE_CYCLE_START, 1.0, step / top)
    return _between(1.0, _ONE_CYCLE_END, (step - top) / max(config.iterations - top, 1))


def _steps(config: ScheduleConfig, step: int) -> float:
    return config.gamma ** sum(step >= one for one in config.milestones)


def _constant(config: ScheduleConfig, step: int) -> float:
    return 1.0


def _between(first: float, last: float, done: float) -> float:
    return last + (first - last) * 0.5 * (1.0 + math.cos(math.pi * min(done, 1.0)))
