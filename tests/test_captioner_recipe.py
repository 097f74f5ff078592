"""The recipe of `captioner` on a few thousand weights: rows, the frozen parts, reading back."""
import random

import pytest
import torch
from PIL import Image

from data.recipes import captioner, clip, loop, pictures, qformer, scenes, scores_captioner


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSON_TRAIN", str(tmp_path))
    monkeypatch.setattr(loop, "precision", lambda device: torch.float32)


@pytest.fixture(scope="module")
def processor():
    return captioner.make_processor(4)


@pytest.fixture(scope="module")
def images():
    return pictures.draw_part("train", 0, 12)


def small(processor):
    tokenizer = clip.make_tokenizer()
    reader = qformer.build(clip.build(tokenizer, 32, 1, 1, 16), tokenizer, 32, 1, 4, 16)
    image = processor.tokenizer.convert_tokens_to_ids("<image>")
    return captioner.build(reader, captioner.language(processor.tokenizer, 32, 1), image)


def test_rows_are_what_the_processor_makes_and_answers_are_learned(processor, images):
    stream, rng = captioner.Stream(processor, 6 * captioner.LENGTH, images), random.Random(3)
    for i in range(12):
        state = rng.getstate()
        ids, labels = stream.row(rng, scenes.scene(i))
        rng.setstate(state)
        prompt, answer = captioner.told(rng, scenes.scene(i))
        asked = processor(images=Image.fromarray(images[0]), text=prompt)["input_ids"][0]
        learned = [x for x in labels if x != -100]
        assert len(ids) == len(labels) and ids == list(asked) + learned
        assert learned[-1] == clip.END and ids[:5] == [stream.image] * 4 + [clip.START]
        said = processor.decode(learned, skip_special_tokens=True).strip()
        assert said.replace(" ", "") == answer.lower().replace(" ", "")


def test_without_pictures_the_facts_stand_in_their_place(processor):
    stream, rng = captioner.Stream(processor, 6 * captioner.LENGTH), random.Random(3)
    rows = [stream.row(rng, scenes.scene(1)) for _ in range(30)]
    known = stream.pieces(captioner.facts(scenes.scene(1)))[:4]
    assert {tuple(ids[:4]) for ids, _ in rows} == {tuple(known), (stream.image,) * 4}
    assert all(ids[5:] == labels[5:] and labels[:5] == [-100] * 5 for ids, labels in rows)


def test_facts_fit_where_the_picture_will_be():
    processor = captioner.make_processor()
    stream = captioner.Stream(processor, 64)
    sizes = [len(stream.pieces(captioner.facts(scenes.scene(i)))) for i in range(1000)]
    assert sum(size > qformer.QUERIES for size in sizes) < 20


def test_texts_fit_and_keep_their_end(processor, images):
    stream, rng = captioner.Stream(processor, 64, images), random.Random(1)
    rows = [stream.row(rng, scenes.scene(i)) for i in range(1500)]
    assert all(ids[-1] == clip.END for ids, _ in rows)


def test_only_the_bridge_learns(processor, images):
    model = small(processor)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    stream = captioner.Stream(processor, 6 * captioner.LENGTH, images)
    plan = loop.Plan(steps=3, warmup=1, tokens=stream.tokens, matrices=6)
    log = loop.train("captioner", model, stream, captioner.next_piece_loss, plan)
    moved = {n for n, p in model.named_parameters() if not torch.equal(p, before[n])}
    assert log["log"][-1]["loss"] < 12 and "query_tokens" in moved
    assert {n.split(".")[0] for n in moved} == {"query_tokens", "qformer", "language_projection"}


def test_the_language_model_learns_alone(processor):
    model = captioner.language(processor.tokenizer, 32, 1)
    stream = captioner.Stream(processor, 6 * captioner.LENGTH)
    plan = loop.Plan(steps=2, warmup=1, tokens=stream.tokens, matrices=6)
    assert loop.train("x", model, stream, captioner.next_piece_loss, plan)["log"][0]["loss"] < 12


def test_a_saved_model_writes_and_answers(processor, images, tmp_path, monkeypatch):
    from transformers import AutoProcessor, Blip2ForConditionalGeneration

    model = small(processor)
    model.half().save_pretrained(tmp_path / "captioner")
    processor.save_pretrained(tmp_path / "captioner")
    back = Blip2ForConditionalGeneration.from_pretrained(
        tmp_path / "captioner", dtype=torch.float32).eval()
    again = AutoProcessor.from_pretrained(tmp_path / "captioner")
    assert torch.equal(back.query_tokens, model.query_tokens.float())
    picture = Image.fromarray(images[0])
    alone = back.generate(**again(images=picture, return_tensors="pt"), max_new_tokens=3)
    begun = back.generate(**again(images=picture, text="", return_tensors="pt"), max_new_tokens=3)
    assert alone.tolist() == begun.tolist()
    inputs = again(images=[picture] * 2, padding=True, return_tensors="pt", text=[
        "Question: what is this? Answer:", "Question: what colour is the dog? Answer:"])
    assert inputs["pixel_values"].shape == (2, 3, 64, 64)
    assert torch.allclose(inputs["pixel_values"][0], pictures.pixels(images[:1])[0], atol=1e-5)
    assert back.generate(**inputs, max_new_tokens=3).shape[0] == 2
    monkeypatch.setattr(scores_captioner, "CASES", 3)
    found = scores_captioner.rows(tmp_path / "captioner")
    assert len(found) == 3 * 4 + 5 + 2 and all(len(values) == 3 for *_, values, _ in found)
    assert 0 <= scores_captioner.quality(tmp_path / "captioner") <= 1


def test_true_captions_and_answers_score_in_full(monkeypatch):
    rng, made = random.Random(5), [scenes.scene(i, "test") for i in range(60)]
    full = [scenes.caption(s, rng, full=True) for s in made]
    assert all(scores_captioner.named(s, t)["all three"] for s, t in zip(made, full))
    mixed = [scores_captioner.named(s, t) for s, t in zip(made, full[1:] + full[:1])]
    assert sum(right["all three"] for right in mixed) < 5
    known = {}
    for s in made:
        pairs = scenes.questions(s, random.Random(f"scores {s.seed}"))
        known |= {(s.seed, f"Question: {q} Answer:"): a for q, a in pairs}
    monkeypatch.setattr(scores_captioner, "answers", lambda model, processor, made, prompts: [
        known[s.seed, p] for s, p in zip(made, prompts)])
    right = scores_captioner.questions(None, None, made)
    assert list(right) == list(scenes.TYPES) and all(map(all, right.values()))
