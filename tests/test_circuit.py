"""Circuits that chat, seq2seq and masked start with, before any training."""
import pytest
import torch

from data.recipes import chat, circuit, kit, loop, masked, seq2seq


class Vocabulary:
    """As much of a tokenizer as `build` asks for."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size


def test_a_fresh_chat_repeats_random_words():
    assert circuit.repeated(chat.build(Vocabulary(2560), 256, 5).eval()) > 0.6


def test_a_fresh_seq2seq_copies_random_words():
    model = seq2seq.build(Vocabulary(2048))
    ids = torch.randint(3, 2000, (16, 50), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        best = model(input_ids=ids, labels=ids).logits.argmax(-1)
    assert (best == ids)[:, 1:].float().mean() > 0.2


def test_onward_starts_from_the_shipped_weights(tmp_path, monkeypatch):
    monkeypatch.setattr(kit, "MODELS", tmp_path)
    old = chat.build(Vocabulary(256), 256, 2)
    old.half().save_pretrained(tmp_path / "chat")
    new = chat.build(Vocabulary(256), 256, 2)
    with torch.no_grad():
        new.lm_head.weight += 1
    kit.load_shipped("chat", new)
    assert torch.equal(new.lm_head.weight, old.lm_head.weight.float())
    with pytest.raises(kit.HandsOnError, match="--on"):
        kit.load_shipped("base", new)
    assert loop.Plan(steps=1).onward is False


def test_heads_of_a_fresh_masked_look_at_their_neighbours():
    model = masked.build(Vocabulary(3072)).eval()
    model.set_attn_implementation("eager")
    ids = torch.randint(5, 3072, (4, 64), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = model(ids, output_attentions=True).attentions[0].mean(0)
    here = torch.arange(10, 50)
    for head, step in zip(found, (-1, 1, -2, 2)):
        assert head[here, here + step].mean() > 0.9
