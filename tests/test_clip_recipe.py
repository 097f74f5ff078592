"""The recipe of `clip` on a model of a few thousand weights: what it reads, and that it learns."""
import random

import numpy as np
import pytest
import torch
from PIL import Image

from data.recipes import clip, loop, pictures, scenes, scores_clip
from data.recipes.scenes import words

SMALL = dict(width=32, layers=1, text_layers=1, shared=16)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSON_TRAIN", str(tmp_path))


@pytest.fixture(scope="module")
def tokenizer():
    return clip.make_tokenizer()


@pytest.fixture(scope="module")
def images():
    return pictures.draw_part("train", 0, 48)


@pytest.fixture
def model(tokenizer):
    return clip.build(tokenizer, **SMALL)


def text_vectors(model, tokenizer, texts):
    with torch.no_grad():
        return model.eval().get_text_features(**clip.encoded(tokenizer, texts)).pooler_output


def test_a_text_is_pooled_at_its_end_token(model, tokenizer):
    ids = tokenizer(["a red car", "A Red Car", "a cat on the beach"])["input_ids"]
    assert ids[0] == ids[1] and all(row[0] == clip.START and row[-1] == clip.END for row in ids)
    assert all(row.count(clip.END) == 1 for row in ids)
    assert model.config.text_config.eos_token_id == clip.END != 2
    one, other, longer = text_vectors(model, tokenizer, ["a cat", "a dog", "a dog in the snow"])
    assert not torch.allclose(one, other, atol=1e-3)
    assert torch.allclose(text_vectors(model, tokenizer, ["a dog"])[0], other, atol=1e-5)
    out = model.text_model(**clip.encoded(tokenizer, ["a dog", "a dog in the snow"]))
    end = len(tokenizer("a dog")["input_ids"]) - 1
    assert torch.equal(out.pooler_output[0], out.last_hidden_state[0, end])


def test_captions_fit_and_none_loses_its_end(tokenizer):
    rng = random.Random(1)
    told = [scenes.caption(scenes.scene(i), rng, i % 2 > 0) for i in range(1500)]
    ids = tokenizer(told)["input_ids"]
    assert max(map(len, ids)) <= clip.LENGTH
    long = tokenizer(" ".join(told[:9]), truncation=True)["input_ids"]
    assert len(long) == clip.LENGTH and long[-1] == clip.END


def test_pixels_are_what_the_processor_makes(tokenizer, images):
    found = clip.make_processor(tokenizer)(
        images=[Image.fromarray(i) for i in images[:3]], return_tensors="pt")["pixel_values"]
    assert torch.allclose(found, pictures.pixels(images[:3]), atol=1e-5)
    wide = clip.make_processor(tokenizer)(
        images=Image.new("RGB", (200, 90)), return_tensors="pt")["pixel_values"]
    assert wide.shape == (1, 3, 64, 64)


def test_the_loss_is_that_of_clip(model, tokenizer, images):
    batch = next(clip.Stream(tokenizer, 8 * clip.LENGTH, images).batches("x"))
    with torch.no_grad():
        own, theirs = clip.contrastive_loss(model, batch), model(**batch, return_loss=True).loss
    assert own.item() == pytest.approx(theirs.item(), abs=1e-5)


def test_patches_are_dropped_in_training_only(model, images):
    seen = []
    model.vision_model.pre_layrnorm.register_forward_hook(lambda m, i, o: seen.append(o.shape[1]))
    handle = clip.drop_patches(model, (32, 64))
    pixels = pictures.pixels(images[:2])
    for training in (True, True, True, False):
        model.train(training).get_image_features(pixel_values=pixels)
    assert seen == [33, 65, 33, 65]
    handle.remove()
    assert not model.vision_model.embeddings._forward_hooks


def test_training_is_resumed_and_its_loss_is_finite(tokenizer, images, monkeypatch):
    monkeypatch.setattr(loop, "precision", lambda device: torch.float32)    # seconds of racing

    def run(steps):
        model = clip.build(tokenizer, **SMALL)
        clip.drop_patches(model)
        stream = clip.Stream(tokenizer, 16 * clip.LENGTH, images)
        plan = loop.Plan(steps=steps, warmup=2, tokens=16 * clip.LENGTH, matrices=6)
        return model, loop.train("clip", model, stream, clip.contrastive_loss, plan)

    run(2)
    model, log = run(3)
    assert np.isfinite(log["log"][-1]["loss"]) and log["log"][-1]["step"] == 3
    assert all(torch.isfinite(p).all() for p in model.parameters())


def test_the_loss_falls(tokenizer, images):
    model = clip.build(tokenizer, 64, 1, 1, 32)
    stream = clip.Stream(tokenizer, 16 * clip.LENGTH, images)
    optimizer, losses = torch.optim.AdamW(model.parameters(), 2e-3), []
    for _, batch in zip(range(45), stream.batches("x")):
        loss = clip.contrastive_loss(model, batch)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.8, losses
    assert np.mean(losses[-5:]) < np.log(16) - 0.3, losses      # better than a guess


def test_captions_of_a_batch_belong_to_its_pictures(tokenizer, images, monkeypatch):
    monkeypatch.setattr(pictures, "shifted", lambda chosen, rng: chosen)
    batch = next(clip.Stream(tokenizer, 48 * clip.LENGTH, images).batches("x"))
    assert torch.equal(batch["pixel_values"], pictures.pixels(images))
    for i, ids in enumerate(batch["input_ids"]):
        told = scenes.read(tokenizer.decode(ids, skip_special_tokens=True))
        things = scenes.scene(i).things
        assert told["kinds"] <= {t.kind for t in things}
        assert told["colours"] <= {t.colour for t in things}


def test_held_out_pairs_are_scored_and_never_learned():
    pairs = {(t.kind, t.colour) for i in range(2000) for t in scenes.scene(i, "train").things}
    assert not pairs & scenes.HELD_OUT
    for made, split in ((scores_clip.chosen(s, 60, 1), s) for s in ("test", "unseen")):
        held = [(s.things[0].kind, s.things[0].colour) in scenes.HELD_OUT for s in made]
        assert all(held) if split == "unseen" else not any(held)


def test_shifted_pictures_move_without_a_mirror(images):
    moved = pictures.shifted(images[:6], np.random.default_rng(0), 2)
    assert moved.shape == images[:6].shape
    for before, after in zip(images, moved):
        steps = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if np.array_equal(
            after[4:-4, 4:-4], before[4 + y:60 + y, 4 + x:60 + x])]
        assert len(steps) == 1


def test_drawn_pictures_are_kept_until_the_drawing_changes(monkeypatch):
    first = pictures.drawn("train", 3)
    assert np.array_equal(first[2], np.asarray(scenes.draw(scenes.scene(2))))
    monkeypatch.setattr(pictures, "draw_part", None)
    assert np.array_equal(pictures.drawn("train", 3), first)
    monkeypatch.setattr(pictures, "code", lambda: "other")
    monkeypatch.setattr(pictures, "write", lambda file, split, count: np.save(file, first[:1]))
    assert len(pictures.drawn("train", 3)) == 1
    assert [f.name for f in loop.folder("clip").glob("*.npy")] == ["train-3-other.npy"]


class Oracle:
    """Stands for a model: pictures and texts get vectors of the attributes they show or name."""

    names = (*scenes.HUES, *scenes.COLOURS, *words.BOTH)

    def vector(self, named):
        return np.array([float(n in named) for n in self.names]) + 1e-3

    def seen(self, made):
        return np.stack([self.vector({s.setting, *(t.kind for t in s.things),
                                      *(t.colour for t in s.things)}) for s in made])

    def read(self, texts):
        told = [scenes.read(t) for t in texts]
        return np.stack([self.vector(t["kinds"] | t["colours"] | t["settings"]) for t in told])

    def eval(self):
        return self


def test_the_scores_of_one_who_knows_are_full(monkeypatch):
    oracle = Oracle()
    monkeypatch.setattr(scores_clip, "seen", lambda model, images: oracle.seen(images))
    monkeypatch.setattr(scores_clip, "read", lambda model, tokenizer, texts: oracle.read(texts))
    for split in ("test", "unseen"):
        made = scores_clip.chosen(split, 80, 1)
        right = scores_clip.zero_shot(oracle, None, (made, made))
        assert list(right) == ["thing", "colour", "setting", "pair"]
        assert all(values.mean() == 1.0 for values in right.values())


def test_a_saved_model_is_loaded_and_scored(model, tokenizer, tmp_path, monkeypatch, capfd,
                                            recwarn):
    monkeypatch.setattr(scores_clip, "CASES", 6)
    monkeypatch.setattr(scores_clip, "GALLERY", 5)
    monkeypatch.setattr(scores_clip, "single", lambda split: (
        made := scores_clip.chosen(split, 6, 1), pictures.draw(made)))
    model.half().save_pretrained(tmp_path / "clip")
    clip.make_processor(tokenizer).save_pretrained(tmp_path / "clip")
    found = scores_clip.rows(tmp_path / "clip")
    assert [len(values) for *_, values, _ in found] == [6] * 8 + [15] * 2 + [6]
    assert {target for *_, target in found} == {None, .60, .80}
    assert 0 <= scores_clip.quality(tmp_path / "clip") <= 1

    from transformers import AutoProcessor
    batch = AutoProcessor.from_pretrained(tmp_path / "clip")(
        text=["a dog"], images=Image.new("RGB", (64, 64)), return_tensors="pt", padding=True)
    assert batch["input_ids"][0, -1] == clip.END and batch["pixel_values"].shape[-1] == 64
    assert "torchvision" not in capfd.readouterr().err and not recwarn.list
