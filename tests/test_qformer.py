"""Step 1 of the captioner on a few thousand weights: masks, negatives, what learns."""
import numpy as np
import pytest
import torch

from data.recipes import clip, loop, pictures, qformer

SMALL = dict(width=32, layers=2, queries=4, shared=16)


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSON_TRAIN", str(tmp_path))
    monkeypatch.setattr(loop, "precision", lambda device: torch.float32)


@pytest.fixture(scope="module")
def stream():
    return clip.Stream(clip.make_tokenizer(), 8 * clip.LENGTH, pictures.draw_part("train", 0, 24))


@pytest.fixture
def model(stream):
    seen_by = clip.build(stream.tokenizer, width=32, layers=1, text_layers=1, shared=16)
    return qformer.build(seen_by, stream.tokenizer, **SMALL)


def prints(model):
    return {n: p.detach().clone() for n, p in model.named_parameters()}


def test_one_step_moves_everything_but_the_tower(model, stream):
    before = prints(model)
    plan = loop.Plan(steps=2, warmup=1, tokens=stream.tokens, matrices=6)
    log = loop.train("captioner-1", model, stream, qformer.three_losses, plan)
    assert np.isfinite(log["log"][-1]["loss"])
    still = {n for n, p in model.named_parameters() if torch.equal(p, before[n])}
    tower = {n for n in before if n.startswith("vision_model.")}
    quiet = {n for n in before if n.endswith("key.bias")}       # softmax does not see them
    assert tower <= still <= tower | quiet


def test_queries_differ_and_pieces_never_reach_them_while_writing(model, stream):
    batch = next(stream.batches("x"))
    ids, mask = batch["input_ids"], batch["attention_mask"]
    seen = qformer.look(model.eval(), batch["pixel_values"])
    alone = qformer.queries(model, seen)
    assert (alone[:, 0] - alone[:, 1]).abs().max() > 0.01
    other = ids.clone()
    other[:, 3:] = 77
    with torch.no_grad():
        one, two = (qformer.together(model, seen, i, qformer.causal(mask, 4)) for i in (ids, other))
        both = [qformer.together(model, seen, i, torch.cat([mask.new_ones(8, 4), mask], 1))
                for i in (ids, other)]
    assert torch.allclose(one[:, :4], alone, atol=1e-5)
    assert torch.allclose(one[:, :7], two[:, :7], atol=1e-5)
    assert not torch.allclose(one[:, 7], two[:, 7], atol=1e-3)
    assert not torch.allclose(both[0][:, :4], both[1][:, :4], atol=1e-4)


def test_a_picture_changes_what_is_written(model, stream):
    batch = next(stream.batches("x"))
    seen = qformer.look(model, batch["pixel_values"])
    rest = batch["input_ids"], batch["attention_mask"]
    assert qformer.write_loss(model, seen, *rest) != qformer.write_loss(model, seen.flip(0), *rest)


def test_wrong_texts_are_similar_and_never_the_right_one():
    torch.manual_seed(0)
    logits = torch.tensor([[9.0, 8, 0, 0], [0, 9, 8, 0], [0, 0, 9, 8], [8, 0, 0, 9]])
    drawn = torch.stack([qformer.wrong(logits) for _ in range(200)])
    assert not (drawn == torch.arange(4)).any()
    assert ((drawn == torch.tensor([1, 2, 3, 0])).float().mean(0) > 0.9).all()
