"""Training of picture and text towers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gait_reid_sim.core.captions import caption  # noqa: E402
from gait_reid_sim.core.dataset.plan import DatasetPlan, load_plan  # noqa: E402
from gait_reid_sim.core.dataset.record import outfit_of, walks_of  # noqa: E402
from gait_reid_training.data import captions as captions_module  # noqa: E402
from gait_reid_training.data.captions import captions_of, plan_of  # noqa: E402
from gait_reid_training.data.index import DatasetError, WalkTable  # noqa: E402
from gait_reid_training.nets.clip import TowersConfig  # noqa: E402
from gait_reid_training.nets.tokens import WordTokens, caption_words  # noqa: E402
from gait_reid_training.training import towers as training  # noqa: E402
from gait_reid_training.training.towers import contrast, sentence, unique  # noqa: E402


def test_equal_sentences_are_one_text() -> None:
    texts, same = unique(["a", "b", "a"])
    assert texts == ["a", "b"]
    assert same.tolist() == [0, 1, 0]


def test_sentences_are_worded_as_the_prompts_are() -> None:
    plan = load_plan("emgaitnet_train")
    walk = walks_of(plan, "train-00001")[0]
    told = caption(plan.person("train-00001"), outfit_of(plan, walk))
    told = replace(told, legs="long legs in red trousers", build="tall man")
    assert sentence(told, "legs") == "a photo of the long legs in red trousers of a person ."
    assert (
        sentence(told, "legs", prompted=True)
        == "a photo of the legs of a long in red trousers person ."
    )
    assert sentence(told, "build", prompted=True) == "a photo of a tall man ."
    words = WordTokens(caption_words())
    for kind in training.KINDS:
        for prompted in (False, True):
            assert len(words.encode(sentence(told, kind, prompted))) <= 40


def test_contrast_is_least_where_pictures_lie_on_their_texts() -> None:
    shared = 30.0 * torch.ones(1, 4)
    texts = torch.eye(4)[:2]
    same = torch.tensor([0, 1, 0, 1])
    scale = torch.tensor(20.0)
    right = contrast(texts[same] + shared, texts + shared, same, scale)
    wrong = contrast(texts[1 - same] + shared, texts + shared, same, scale)
    # Two pictures share each text, and neither can have all of it.
    assert float(right) == pytest.approx(0.5 * np.log(2.0), abs=1e-3)
    assert wrong > 30.0


def walk_table(plan: DatasetPlan, person: str) -> WalkTable:
    rows = [
        {"split": "train", "person_id": person, "name": walk.name, "first": i, "frames": 1}
        for i, walk in enumerate(walks_of(plan, person))
    ]
    return WalkTable.of(rows)


def test_captions_follow_from_the_plan_alone(tmp_path: Path) -> None:
    plan = load_plan("emgaitnet_train")
    (tmp_path / "plan.json").write_text(plan.text(), encoding="utf-8")
    table = walk_table(plan, "train-00004")
    told = captions_of(tmp_path, table)
    last = walks_of(plan, "train-00004")[-1]
    assert told[-1] == caption(plan.person("train-00004"), outfit_of(plan, last))
    assert len({one.build for one in told}) == 1
    assert len({one.clothing for one in told}) > 10
    with pytest.raises(DatasetError, match="no walk 'near-x'"):
        captions_of(tmp_path, replace(table, name=np.full(len(table), "near-x")))


def test_data_sets_without_a_plan_have_no_captions(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no plan\.json"):
        plan_of(tmp_path)
    text = load_plan("emgaitnet_train").text()
    (tmp_path / "plan.json").write_text(text.replace('"rate_hz": 10.0', '"rate_hz": 9.0'))
    with pytest.raises(DatasetError, match="another one by now"):
        plan_of(tmp_path)
    (tmp_path / "plan.json").write_text('{"name": "nowhere"}')
    with pytest.raises(DatasetError, match="'nowhere' cannot be loaded"):
        plan_of(tmp_path)


class Painted:
    """Walks whose pictures have the colour of the trousers in the lower half."""

    COLOURS = {"red": (200, 30, 30), "blue": (30, 30, 200), "white": (220, 220, 220)}

    def __init__(self, captions: list[captions_module.Captions]) -> None:
        self.captions = captions

    def __len__(self) -> int:
        return len(self.captions)

    def batch(self, rows: list[int], frames: int, rng: np.random.Generator) -> object:
        rgb = torch.full((len(rows), 1, 3, 64, 32), 90, dtype=torch.uint8)
        for at, row in enumerate(rows):
            colour = self.COLOURS[self.captions[row].legs.split()[2]]
            rgb[at, 0, :, 32:] = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
        noise = torch.from_numpy(rng.integers(0, 20, rgb.shape).astype(np.uint8))
        seen = torch.ones(len(rows), 1, dtype=torch.bool)
        return type("Batch", (), {"rgb": rgb + noise, "has_camera": seen})()


def test_towers_learn_colours_and_mining_speaks_of_the_legs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch.set_num_threads(1)
    plan = load_plan("emgaitnet_train")
    walk = walks_of(plan, "train-00001")[0]
    told = caption(plan.person("train-00001"), outfit_of(plan, walk))
    captions = [replace(told, legs=f"legs in {name} trousers") for name in Painted.COLOURS] * 8
    size = TowersConfig((64, 32), 8, 16, 8, 0, 1, 32, 1, 2, 40, 100, channels=(4, 8, 8, 16))
    monkeypatch.setattr(
        TowersConfig, "small", lambda vocabulary: replace(size, vocabulary=vocabulary)
    )
    monkeypatch.setattr(training, "KINDS", ("legs",))
    data = training.CaptionedWalks(Painted(captions), captions)  # type: ignore[arg-type]
    config = training.TowersTraining(
        iterations=40, inversion_iterations=40, pictures=12, kinds=1, learning_rate=2e-3
    )
    towers, words, heads = training.train_towers(data, config)
    texts = training.TextTable(towers, words)

    def embed(rgb: torch.Tensor) -> torch.Tensor:
        return heads(towers.image(rgb), "legs")[:, None].expand(-1, 5, -1)

    share, chance = training.retrieval(data, embed, texts, 24)["legs"]
    assert chance < 0.5
    assert share > 0.9
    vocabulary = towers.token_embedding
    mining = training.train_inversion(data, towers, words, config)
    towers.token_embedding = vocabulary
    assert training.retrieval(data, mining, texts, 24)["legs"][0] > 0.9
