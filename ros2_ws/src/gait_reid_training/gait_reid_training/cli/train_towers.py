"""``gait-reid train-towers``: trains the towers that semantic mining takes its words from."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Train picture and text towers on simulated people.", add_completion=False)
console = Console(stderr=True)


@app.command("train-towers")
def command(
    data: Annotated[Path, typer.Option("--data", "-d", help="Simulated data set.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="File of the weights.")],
    cache: Annotated[
        str, typer.Option(help="Folder of prepared frames; empty: inside of the data set.")
    ] = "",
    override: Annotated[
        list[str] | None, typer.Option("--set", help="key=value, for example iterations=100.")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="Threads of torch; 0: all.")] = 0,
) -> None:
    """Train both towers, then the inversion network, and test them on people they never saw."""
    try:
        _train(data, output, cache, override or [], threads)
    except (ValueError, OSError) as error:
        console.print(f"[red]error:[/red] {error}", highlight=False, soft_wrap=True, markup=True)
        sys.exit(2)


def _train(data: Path, output: Path, cache: str, overrides: list[str], threads: int) -> None:
    import torch
    import yaml

    from gait_reid_common.parameters import from_mapping
    from gait_reid_training.data.walks import WalkDataset
    from gait_reid_training.nets.towers_file import save_towers
    from gait_reid_training.training import towers as training

    values = dict(one.partition("=")[::2] for one in overrides)
    config = from_mapping(
        training.TowersTraining, {key: yaml.safe_load(text) for key, text in values.items()}
    )
    if threads:
        torch.set_num_threads(threads)

    def told(split: str) -> training.CaptionedWalks:
        # As recorded: augmentation changes colours, of which the captions speak.
        return training.CaptionedWalks.of(data, WalkDataset([data], split, cache=cache))

    learnt, unseen = told("train"), told("validation")

    def report(step: int, terms: dict[str, float]) -> None:
        console.print(f"{step}: {', '.join(f'{k} {v:.3f}' for k, v in terms.items())}")

    towers, words, heads = training.train_towers(learnt, config, report)
    texts = training.TextTable(towers, words)

    def seen(rgb: torch.Tensor) -> torch.Tensor:
        joint = towers.image(rgb)
        return torch.stack([heads(joint, part) for part in training.PARTS], dim=1)

    found = training.retrieval(unseen, seen, texts)
    vocabulary = towers.token_embedding
    mining = training.train_inversion(learnt, towers, words, config, report)
    towers.token_embedding = vocabulary
    mined = training.retrieval(unseen, mining, texts)
    output.parent.mkdir(parents=True, exist_ok=True)
    save_towers(output, towers, words, mining.inversion)
    _print(found, mined)


def _print(found: dict[str, tuple[float, float]], mined: dict[str, tuple[float, float]]) -> None:
    """Print how often the right sentence is found for people who were not learnt from."""
    table = Table("part", "commonest sentence", "by picture", "by mined token")
    for part, (share, chance) in found.items():
        table.add_row(part, f"{chance:.1%}", f"{share:.1%}", f"{mined[part][0]:.1%}")
    console.print(table)
