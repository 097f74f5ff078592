"""make models: `captioner`, a small BLIP-2: the frozen tower of `clip`, a Q-Former, a frozen OPT.

torchrun --nproc_per_node 2 -m data.recipes.captioner [--steps N] [--force] [--on]

Three runs, each with its own checkpoints: the language model alone, on answers to what stands
in words where the picture will be; the Q-Former (data/recipes/qformer.py); then the bridge:
queries projected to those places, language model and tower frozen. --steps is for each.
--on trains the shipped bridge further, mostly by questions, and most by those on places.
"""
import random

from data.recipes import clip, kit, loop, pictures, qformer, scenes
from data.recipes.scenes import words
from utils import models, towers

LENGTH, WIDTH, LAYERS = 64, 128, 3
CAPTIONS, TALKS, BLIND = .4, .15, .15       # shares; the rest are questions; words left out
ONWARD, HARD = (.15, .25), (2, 2, .5, 3, 1)     # shares with --on; weights of kinds of question
LANGUAGE = loop.Plan(steps=1200, rate=1e-3, matrices=6, tokens=48 * LENGTH, probe_every=500)
READING = loop.Plan(steps=600, rate=1e-3, matrices=6, tokens=64 * clip.LENGTH, probe_every=600)
BRIDGE = loop.Plan(steps=1500, rate=1e-3, matrices=6, tokens=64 * LENGTH, probe_every=500)


def make_processor(count: int = qformer.QUERIES):
    """A Blip2Processor: <image> x count, <s>, text; a picture of any shape is squeezed to 64."""
    from tokenizers import processors
    from transformers import Blip2Processor, BlipImageProcessorPil

    tokenizer = clip.make_tokenizer()
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", clip.START)])
    tokenizer.model_max_length, tokenizer.padding_side = LENGTH, "left"
    side = pictures.SIDE
    return Blip2Processor(BlipImageProcessorPil(size={"height": side, "width": side}), tokenizer,
                          num_query_tokens=count)


def told(rng, scene, shares=(CAPTIONS, TALKS), weights=None) -> tuple[str, str]:
    """(prompt, answer): a full caption, a question, or the second question of a talk."""
    dice = rng.random()
    if dice < shares[0]:
        return "", scenes.caption(scene, rng, full=True)
    if dice < sum(shares):
        first, answer, second, reply = (m["content"] for m in scenes.talk(scene, rng))
        return f"Question: {first} Answer: {answer}. Question: {second} Answer:", reply
    made = scenes.questions(scene, rng)
    question, answer = rng.choices(made, weights)[0] if weights else rng.choice(made)
    return f"Question: {question} Answer:", answer


def facts(scene) -> str:
    """A scene in bare words, as the language model reads them in place of a picture."""
    upper = ["above"] if scene.relation == "above" else []
    parts = [w for t in scene.things for w in (t.colour, words.name(t), t.place, *(
        [t.size] if words.SIZE_WORDS[t.size] and len(scene.things) == 1 else []))]
    return " ".join([scene.setting, *upper, *parts])


class Stream:
    """Batches of tokens // LENGTH scenes of `train`: a text each, and pictures if there are."""

    def __init__(self, processor, tokens: int, images=None, of=()):
        self.tokenizer, self.count = processor.tokenizer, processor.num_query_tokens
        self.tokens, self.images, self.weights, self.of = tokens, images, None, of
        self.image = self.tokenizer.convert_tokens_to_ids("<image>")

    def pieces(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False) if text else []

    def row(self, rng, scene) -> tuple[list, list]:
        """(ids, labels): places of the picture, <s>, prompt, answer, end; answers are learned.

        Without pictures the places hold the scene's facts, and all text is learned.
        """
        prompt, answer = (self.pieces(text) for text in told(rng, scene, *self.of))
        front = [self.image] * self.count
        if self.images is None and rng.random() >= BLIND:
            known = self.pieces(facts(scene))[:self.count]
            front[:len(known)] = known
        text = [clip.START, *prompt, *answer, clip.END][:LENGTH]
        quiet = self.count + 1 + (len(prompt) if self.images is not None else 0)
        return front + text, [-100] * quiet + text[quiet - self.count:]

    def batches(self, seed: str):
        """Dicts of input_ids, attention_mask, labels, and pixel_values where there are."""
        import numpy as np
        import torch

        rng, size = random.Random(seed), self.tokens // LENGTH
        dice = np.random.default_rng(rng.getrandbits(60))
        of = clip.SCENES if self.images is None else len(self.images)
        while True:
            chosen = sorted(rng.sample(range(of), size))
            rows = [self.row(rng, scenes.scene(i)) for i in chosen]
            longest = max(len(ids) for ids, _ in rows)
            found = {"input_ids": [ids + [clip.END] * (longest - len(ids)) for ids, _ in rows],
                     "attention_mask": [[1] * len(i) + [0] * (longest - len(i)) for i, _ in rows],
                     "labels": [known + [-100] * (longest - len(known)) for _, known in rows]}
            batch = {name: torch.tensor(value) for name, value in found.items()}
            if self.images is not None:
                batch["pixel_values"] = pictures.pixels(pictures.shifted(self.images[chosen], dice))
            yield batch


def language(tokenizer, width: int = WIDTH, layers: int = LAYERS):
    """A fresh OPTForCausalLM."""
    import torch
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(7)
    return OPTForCausalLM(OPTConfig(
        vocab_size=len(tokenizer), hidden_size=width, word_embed_proj_dim=width, ffn_dim=3 * width,
        num_hidden_layers=layers, num_attention_heads=width // 32, dropout=0.0,
        max_position_embeddings=2 * LENGTH, bos_token_id=clip.START, eos_token_id=clip.END,
        pad_token_id=clip.END))


def build(reader, writer, image: int):
    """Blip2ForConditionalGeneration of a step 1 model and a language model; the bridge is fresh."""
    import torch
    from transformers import Blip2Config, Blip2ForConditionalGeneration

    torch.manual_seed(7)
    asked = reader.config.qformer_config.to_dict() | {"use_qformer_text_input": False}
    model = Blip2ForConditionalGeneration(Blip2Config(
        vision_config=reader.config.vision_config.to_dict(), qformer_config=asked,
        text_config=writer.config.to_dict(), image_token_index=image,
        num_query_tokens=reader.config.num_query_tokens))
    model.vision_model, model.language_model = reader.vision_model, writer
    missing, _ = model.qformer.load_state_dict(reader.qformer.state_dict(), strict=False)
    if missing:
        raise kit.HandsOnError(f"The Q-Former lacks {missing[0]}. Fix: train step 1 again.")
    with torch.no_grad():
        model.query_tokens.copy_(reader.query_tokens)
    for part in (model.vision_model, model.language_model):
        part.requires_grad_(False)
    model.generation_config = writer.generation_config
    return model


def next_piece_loss(model, batch):
    """Mean loss of the labelled pieces."""
    import torch.nn.functional as F

    logits = model(**{k: v for k, v in batch.items() if k != "labels"}).logits[:, :-1]
    return F.cross_entropy(logits.flatten(0, 1).float(), batch["labels"][:, 1:].flatten())


def again(processor, images, plan):
    """The shipped bridge, trained further; (model, logs of all runs)."""
    import json

    from transformers import Blip2ForConditionalGeneration

    model = Blip2ForConditionalGeneration.from_pretrained(
        models.find("captioner", "laptop").path, dtype="float32")
    for part in (model.vision_model, model.language_model):
        part.requires_grad_(False)
    plan.onward = False                         # the weights are in the model already
    logs = json.loads((kit.MODELS / "captioner" / "log.json").read_text("utf-8"))["runs"]
    stream = Stream(processor, plan.tokens, images, (ONWARD, HARD))
    return model, [*logs, loop.train("captioner-on", model, stream, next_piece_loss, plan)]


def whole(processor, images, plan, first, second):
    """Language model, Q-Former and bridge, one after the other; (model, logs)."""
    from transformers import CLIPModel

    writer = language(processor.tokenizer)
    logs = [loop.train("captioner-language", writer, Stream(processor, first.tokens),
                       next_piece_loss, first)]
    seen_by = CLIPModel.from_pretrained(models.find("clip", "laptop").path, dtype="float32")
    tokenizer = clip.make_tokenizer()
    reader = qformer.build(seen_by, tokenizer)
    logs.append(loop.train("captioner-reading", reader, clip.Stream(
        tokenizer, second.tokens, images), qformer.three_losses, second))
    stream = Stream(processor, plan.tokens, images)
    model = build(reader.cpu(), writer.cpu(), stream.image)
    return model, [*logs, loop.train("captioner", model, stream, next_piece_loss, plan)]


def main() -> None:
    """Three runs; then the model is put in its place when it is not worse than the old one."""
    first, second, usual = LANGUAGE, READING, BRIDGE.steps
    plan, force = kit.asked("captioner", __doc__, BRIDGE, BRIDGE)
    if plan.steps != usual:                     # --steps was given
        first.steps = second.steps = plan.steps
    processor, images = make_processor(), pictures.drawn("train", clip.SCENES)
    model, logs = (again(processor, images, plan) if plan.onward else
                   whole(processor, images, plan, first, second))
    if kit.install("captioner", model, processor, {"runs": logs}, force):
        towers.leave_out(kit.MODELS / "captioner")      # `clip` has it: half of the weights
        kit.record(kit.MODELS / "catalogue.toml", "captioner.laptop", kit.hashes(
            kit.MODELS / "captioner", models.catalogue()["captioner"]["laptop"]["sha256"]))


if __name__ == "__main__":
    main()
