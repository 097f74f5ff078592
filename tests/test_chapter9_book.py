"""Chapter 9 in the `book` profile, and the book's CLIP and BLIP-2 at full size without weights.

A hub on 127.0.0.1 serves our small `clip` and `captioner` under the ids of the book's, and then
random ones of the book's own architecture. Full-size models are built on the meta device.
"""
import re
from dataclasses import replace

import nbformat
import pytest
import torch

from tests.book import book_environment
from tests.hub import Hub
from tests.machines import H200, NEW_CPU, T4, blip2
from tests.tools import notebooks as nbs
from utils import machine, models


def add(hub, role, folder):
    book = models.catalogue()[role]["book"]
    hub.add_model(book["hub"], folder, revision=book.get("revision"))


def run_book(hub, tmp_path, source):
    env = book_environment(hub, tmp_path / "home") | {"HANDSON_CACHE": str(tmp_path / "cache")}
    nb, _ = nbs.execute(source, env)
    outputs = [o for c in nb.cells for o in c.get("outputs", [])]
    return "\n".join(o.get("text", "") for o in outputs)


@pytest.mark.timeout(1200)
def test_the_whole_chapter_under_the_book_s_ids(tmp_path):
    with Hub() as hub:
        for role in ("clip", "captioner"):
            add(hub, role, models.find(role, "laptop").path)
        text = run_book(hub, tmp_path, nbs.notebooks("9")[0])
        paths = " ".join(path for _, path, status, _ in hub.requests if status < 300)
    checks = re.search(r"(\d+) checks held", text)
    assert checks and int(checks[1]) >= 40
    assert "profile book" in text and "stands in for" not in text
    for name in ("openai/clip-vit-base-patch32", "Salesforce/blip2-opt-2.7b"):
        assert f"/{name}/resolve/" in paths


def random_models(hub, folder):
    """CLIP and BLIP-2 as the book's: pictures of 224, patches of 32 and 14, cross-attention in
    every second layer of the Q-Former."""
    from transformers import (
        AutoProcessor,
        Blip2Config,
        Blip2ForConditionalGeneration,
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPModel,
    )
    from transformers import BlipImageProcessorPil as Pil

    ours = {r: AutoProcessor.from_pretrained(models.find(r, "laptop").path)
            for r in ("clip", "captioner")}
    size = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    torch.manual_seed(0)
    CLIPModel(CLIPConfig(
        projection_dim=16, vision_config=size | dict(image_size=224, patch_size=32),
        text_config=size | dict(vocab_size=len(ours["clip"].tokenizer), bos_token_id=1,
                                eos_token_id=0, pad_token_id=0, max_position_embeddings=77))
              ).save_pretrained(folder / "clip")
    ours["clip"].image_processor = CLIPImageProcessorPil()
    text = dict(model_type="opt", vocab_size=len(ours["captioner"].tokenizer), ffn_dim=64,
                word_embed_proj_dim=32, bos_token_id=1, eos_token_id=0, pad_token_id=0,
                **{k: v for k, v in size.items() if k != "intermediate_size"})
    Blip2ForConditionalGeneration(Blip2Config(
        vision_config=size | dict(image_size=224, patch_size=14), text_config=text,
        qformer_config=size | dict(cross_attention_frequency=2), num_query_tokens=32,
        image_token_index=ours["captioner"].tokenizer.convert_tokens_to_ids("<image>"))
    ).save_pretrained(folder / "captioner")
    ours["captioner"].image_processor = Pil(size={"height": 224, "width": 224})
    ours["captioner"].num_query_tokens = 32
    for role, made in ours.items():
        made.save_pretrained(folder / role)
        add(hub, role, folder / role)


@pytest.mark.timeout(1200)
def test_every_cell_runs_on_the_book_s_architectures(tmp_path):
    """Random weights: claims cannot hold, so only the code is put to the test."""
    nb = nbs.read(nbs.notebooks("9")[0])
    knobs = next(c for c in nb.cells if c.cell_type == "code" and "run.pick" in c.source)
    knobs.source += "\nrun.check = lambda *claim: None  # of random models nothing holds"
    copy = tmp_path / "copy.ipynb"
    nbformat.write(nb, copy)
    with Hub() as hub:
        random_models(hub, tmp_path)
        assert "profile book" in run_book(hub, tmp_path, copy)


@pytest.mark.parametrize("role", ["clip", "captioner"])
def test_the_catalogue_gives_the_parameters_of_the_full_size(role):
    from transformers import Blip2Config, CLIPConfig

    config = CLIPConfig() if role == "clip" else Blip2Config(text_config=dict(
        model_type="opt", hidden_size=2560, word_embed_proj_dim=2560, ffn_dim=10240,
        num_hidden_layers=32, num_attention_heads=32))
    from transformers import Blip2ForConditionalGeneration, CLIPModel

    with torch.device("meta"):
        model = (CLIPModel if role == "clip" else Blip2ForConditionalGeneration)(config)
    assert model.num_parameters() == models.catalogue()[role]["book"]["parameters"]


@pytest.mark.parametrize("here, bits", [
    (H200, 16), (T4, 16), (replace(T4, vram_gib=7.0), 8), (replace(T4, vram_gib=5.0), 4),
    (replace(NEW_CPU, ram_gib=16.0), 16), (replace(NEW_CPU, ram_gib=9.0), 8)])
def test_blip2_is_loaded_in_the_largest_form_that_fits(here, bits):
    plan = machine.fits(blip2(), here, context=64)
    assert plan.fits and plan.bits == bits
