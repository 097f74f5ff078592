"""The vision tower of a CLIP inside a BLIP-2 sees what it saw before."""
import pytest
import torch

from data.recipes import clip
from utils import towers


def shaken(**sizes):
    """A CLIP whose weights, norms and biases are all away from their start."""
    model = clip.build(range(40), **sizes).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn(p.shape, generator=generator))
    return model


@pytest.mark.parametrize("dtype, error", [(torch.float32, 0.01), (torch.float16, 0.03)])
def test_states_are_those_of_clip(dtype, error):
    model = shaken(width=64, layers=2, text_layers=1, shared=16)
    new = towers.from_clip(model).to(dtype).float()      # float16 is how it is kept
    pixels = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        old = model.vision_model
        wanted = old.post_layernorm(old(pixel_values=pixels).last_hidden_state)
        states = new(pixel_values=pixels).last_hidden_state
    assert states.shape == (3, 65, 64)
    assert (states - wanted).abs().max() < error * wanted.abs().max()
    assert not any(p.requires_grad for p in new.parameters())
    assert all(p.abs().max() < 6e4 for p in new.parameters())


def test_a_narrow_mlp_is_refused():
    config = clip.build(range(40), width=32, layers=1, text_layers=1).config.vision_config
    config.intermediate_size = 48
    with pytest.raises(ValueError, match="twice as wide"):
        towers.blank(config)


def test_a_captioner_without_its_tower_gets_it_back(tmp_path):
    from transformers import Blip2ForConditionalGeneration

    from data.recipes import captioner, qformer

    tokenizer, processor = clip.make_tokenizer(), captioner.make_processor(4)
    seen_by = clip.build(tokenizer, 32, 1, 1, 16)
    reader = qformer.build(seen_by, tokenizer, 32, 1, 4, 16)
    image = processor.tokenizer.convert_tokens_to_ids("<image>")
    whole = captioner.build(reader, captioner.language(processor.tokenizer, 32, 1), image)
    for folder, model, of in (("clip", seen_by, clip.make_processor(tokenizer)),
                              ("part", whole, processor)):
        model.save_pretrained(tmp_path / folder)
        of.save_pretrained(tmp_path / folder)
    full = (tmp_path / "part" / "model.safetensors").stat().st_size
    towers.leave_out(tmp_path / "part")
    assert (tmp_path / "part" / "model.safetensors").stat().st_size < full
    made = tmp_path / "whole"
    made.mkdir()
    towers.write_whole(tmp_path / "clip", tmp_path / "part", made)
    again = Blip2ForConditionalGeneration.from_pretrained(made)
    theirs = again.state_dict()
    other = [k for k, v in whole.state_dict().items() if not torch.equal(v, theirs[k])]
    assert not other
    assert (made / "tokenizer.json").exists()
