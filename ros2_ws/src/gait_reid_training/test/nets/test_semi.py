"""Towers, prompts and the ways to get semantic tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from random_walks import random_walks  # noqa: E402

from gait_reid_training.export.emgaitnet_graphs import parts_of  # noqa: E402
from gait_reid_training.export.graphs import export_part  # noqa: E402
from gait_reid_training.nets.clip import ClipTowers, TowersConfig  # noqa: E402
from gait_reid_training.nets.emgaitnet import EMGaitNet  # noqa: E402
from gait_reid_training.nets.emgaitnet_config import EMGaitNetConfig  # noqa: E402
from gait_reid_training.nets.mining import SemanticMining, new_inversion  # noqa: E402
from gait_reid_training.nets.semi import ClipSemantics  # noqa: E402
from gait_reid_training.nets.tokens import (  # noqa: E402
    CLIP_END,
    CLIP_START,
    WordTokens,
    caption_words,
    clip_prompts,
)
from gait_reid_training.nets.towers_file import (  # noqa: E402
    load_mining,
    public_mining,
    read_weights,
    save_towers,
)

TINY_PUBLIC = TowersConfig((32, 32), 16, 12, 16, 2, 2, 12, 3, 2, 77, 49408, quick_gelu=True)
TINY_NET = EMGaitNetConfig(
    image_size=(32, 16), num_points=12, channels=(4, 8, 8, 16), map_columns=2,
    point_widths=(8, 8), k=3, dim=16, heads=2, ffn=16, parts=8, embedding_dim=8, num_classes=5,
    towers_file="none",
)  # fmt: skip


def small_towers() -> tuple[ClipTowers, WordTokens]:
    torch.manual_seed(1)
    words = WordTokens(caption_words())
    config = TowersConfig((32, 16), 8, 128, 16, 1, 2, 16, 2, 2, 20, len(words))
    return ClipTowers(config), words


@pytest.fixture
def towers_file(tmp_path: Path) -> Path:
    towers, words = small_towers()
    inversion = new_inversion(towers)
    torch.nn.init.normal_(inversion.last.weight, std=0.3)
    save_towers(tmp_path / "towers.pt", towers, words, inversion)
    return tmp_path / "towers.pt"


def test_torso_is_two_tokens_and_moves_the_learned_word() -> None:
    prompts = clip_prompts()
    assert [prompt.length for prompt in prompts] == [12, 12, 13, 12, 12]
    assert [len(prompt.before) for prompt in prompts] == [8, 8, 9, 8, 8]
    assert [prompt.end for prompt in prompts] == [11, 11, 12, 11, 11]
    assert all(prompt.before[0] == CLIP_START for prompt in prompts)
    assert all(prompt.after[-1] == CLIP_END for prompt in prompts)


@pytest.mark.parametrize("vocabulary", ["public", "words"])
def test_kept_prefixes_give_what_whole_texts_give(vocabulary: str) -> None:
    torch.manual_seed(0)
    if vocabulary == "public":
        towers, prompts = ClipTowers(TINY_PUBLIC), clip_prompts()
    else:
        towers, words = small_towers()
        prompts = words.prompts()
    torch.nn.init.normal_(towers.positional_embedding, std=0.5)
    assert towers.token_embedding is not None
    torch.nn.init.normal_(towers.token_embedding.weight, std=0.5)
    mining = SemanticMining(towers, prompts).eval()
    torch.nn.init.normal_(mining.inversion.last.weight, std=0.5)
    rgb = torch.randint(0, 256, (3, 3, 32, 16), dtype=torch.uint8)
    with torch.no_grad():
        fast, whole = mining(rgb), mining.reference(rgb)
        words_only = mining.prompts.reference(towers, mining.words(rgb), 13)
    assert fast.shape == (3, 5, towers.width)
    assert (fast - whole).abs().max() < 1e-5
    assert (torch.nn.functional.normalize(words_only, dim=-1) - whole).abs().max() < 1e-5
    assert (fast[0] - fast[1]).abs().max() > 1e-3


def test_a_wrong_place_of_the_learned_word_would_be_seen() -> None:
    """The positions matter: the head's place used for the torso gives another token."""
    torch.manual_seed(0)
    towers = ClipTowers(TINY_PUBLIC)
    torch.nn.init.normal_(towers.positional_embedding, std=0.5)
    mining = SemanticMining(towers, clip_prompts()).eval()
    words = torch.randn(1, 12)
    with torch.no_grad():
        right = mining.prompts.reference(towers, words, 77)
        mining.prompts.lengths[2] = 8
        wrong = mining.prompts.reference(towers, words, 77)
    moved = (right - wrong).abs().amax(dim=2)[0] > 1e-3
    assert moved.tolist() == [False, False, True, False, False]


def test_only_the_inversion_network_learns() -> None:
    towers, words = small_towers()
    mining = SemanticMining(towers, words.prompts()).train()
    mining(torch.randint(0, 256, (2, 3, 32, 16), dtype=torch.uint8)).sum().backward()
    learns = {name for name, value in mining.named_parameters() if value.grad is not None}
    assert learns
    assert all(name.startswith("inversion.") for name in learns)


def test_public_weights_load_by_their_names(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    torch.manual_seed(0)
    towers = ClipTowers(TINY_PUBLIC)
    weights = {**towers.state_dict(), "input_resolution": torch.tensor(32)}
    weights = {name: value.half() for name, value in weights.items()}
    save_file(weights, tmp_path / "a.safetensors")
    torch.save({"state_dict": weights}, tmp_path / "a.pt")
    rgb = torch.randint(0, 256, (1, 3, 64, 64), dtype=torch.uint8)
    made = [
        public_mining(TINY_PUBLIC, read_weights(tmp_path / name)).mining.eval()
        for name in ("a.safetensors", "a.pt")
    ]
    assert torch.equal(made[0].words(rgb) * 0 + made[0].towers.image(rgb).sum(),
                       made[1].words(rgb) * 0 + made[1].towers.image(rgb).sum())  # fmt: skip
    del weights["visual.proj"]
    with pytest.raises(ValueError, match=r"lack visual\.proj \(1 missing\)"):
        public_mining(TINY_PUBLIC, weights, "mine.pt")
    other = ClipTowers(replace(TINY_PUBLIC, text_width=8)).state_dict()
    with pytest.raises(ValueError, match="another layout"):
        public_mining(TINY_PUBLIC, other)


def test_public_names_are_those_of_the_files() -> None:
    names = set(ClipTowers(TINY_PUBLIC).state_dict())
    assert {
        "visual.class_embedding", "visual.conv1.weight", "visual.ln_pre.weight", "visual.proj",
        "visual.transformer.resblocks.1.attn.in_proj_weight", "ln_final.bias", "logit_scale",
        "visual.transformer.resblocks.0.mlp.c_fc.weight", "visual.positional_embedding",
        "transformer.resblocks.2.attn.out_proj.bias", "token_embedding.weight",
        "positional_embedding", "text_projection", "transformer.resblocks.0.ln_1.weight",
    } <= names  # fmt: skip


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        load_mining("small", tmp_path / "none.pt")
    (tmp_path / "bad.pt").write_bytes(b"not weights")
    (tmp_path / "bad.safetensors").write_bytes(b"not weights at all")
    for name in ("bad.pt", "bad.safetensors"):
        with pytest.raises(ValueError, match=name.replace(".", r"\.")):
            load_mining("small", tmp_path / name)
    torch.save({"format": "other"}, tmp_path / "other.pt")
    with pytest.raises(ValueError, match="format is 'other'"):
        load_mining("small", tmp_path / "other.pt")
    with pytest.raises(ValueError, match="huge"):
        load_mining("huge")


def test_our_own_file_brings_words_and_inversion_back(towers_file: Path) -> None:
    rgb = torch.randint(0, 256, (2, 3, 32, 16), dtype=torch.uint8)
    first, second = (load_mining("small", towers_file).mining.eval() for _ in range(2))
    with torch.no_grad():
        assert torch.equal(first(rgb), second(rgb))
    assert load_mining("small", towers_file).static.shape == (5, 128)


def test_mined_tokens_depend_on_the_picture_and_live_in_the_checkpoint(towers_file: Path) -> None:
    config = replace(TINY_NET, semantics="clip", towers_file=str(towers_file))
    network = EMGaitNet(config).eval()
    assert network.semantic_input == "rgb"
    again = EMGaitNet(config)
    for value in again.parameters():
        value.data.uniform_()
    again.load_state_dict(network.state_dict())
    batch = random_walks()
    with torch.no_grad():
        assert torch.allclose(network(batch).embedding, again.eval()(batch).embedding, atol=1e-6)
    assert not [name for name in network.state_dict() if "token_embedding" in name]


def test_a_student_learns_its_teachers_tokens_and_needs_no_teacher_later(
    towers_file: Path,
) -> None:
    torch.manual_seed(0)
    taught = EMGaitNet(replace(TINY_NET, semantics="student", towers_file=str(towers_file))).train()
    batch = random_walks(walks=2, frames=6)
    optimiser = torch.optim.Adam(taught.parameters(), 1e-2)
    history = []
    for _ in range(25):
        loss = taught(batch).extras["student_loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(float(loss.detach()))
    assert sum(history[-3:]) < 0.6 * sum(history[:3])
    alone = EMGaitNet(replace(TINY_NET, semantics="student"))
    alone.load_state_dict(taught.state_dict())
    with torch.no_grad():
        assert torch.equal(taught.eval()(batch).embedding, alone.eval()(batch).embedding)
    assert "student_loss" not in alone.train()(batch).extras


def test_unknown_towers_are_not_trained_with() -> None:
    known = public_mining(TINY_PUBLIC, ClipTowers(TINY_PUBLIC).state_dict())
    unknown = public_mining(TINY_PUBLIC, None)
    source = ClipSemantics(unknown.mining, 8, unknown.known).train()
    rgb = torch.zeros(1, 3, 32, 16, dtype=torch.uint8)
    with pytest.raises(ValueError, match="towers_file"):
        source(rgb)
    source.load_state_dict(ClipSemantics(known.mining, 8, known.known).state_dict())
    assert source(rgb).shape == (1, 5, 8)
    with pytest.raises(ValueError, match="needs towers"):
        replace(TINY_NET, semantics="clip")


def test_static_tokens_are_those_of_class_level_prompts(towers_file: Path) -> None:
    network = EMGaitNet(replace(TINY_NET, semantics="static", towers_file=str(towers_file)))
    assert torch.allclose(
        network.semantic_source.vectors, load_mining("small", towers_file).static, atol=1e-6
    )
    assert network.semantic_input == "none"
    with pytest.raises(ValueError, match="static"):
        network.semantics(torch.zeros(1))


def test_mining_exports_without_vocabulary_and_agrees(towers_file: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    network = EMGaitNet(replace(TINY_NET, semantics="clip", towers_file=str(towers_file))).eval()
    part = next(one for one in parts_of(network, 3) if one.name == "semantics")
    content = export_part(network, part)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    assert b"token_embedding" not in content
    for rows in (1, 3):
        rgb = part.inputs["rgb"][:rows]
        found = session.run(None, {"rgb": rgb.numpy()})[0]
        with torch.no_grad():
            wanted = network.semantics(rgb).numpy()
        assert abs(found - wanted).max() < 1e-4
