"""make models: `clip`, a small CLIP that has seen drawn scenes and their captions.

torchrun --nproc_per_node 2 -m data.recipes.clip [--steps N] [--force] [--on]

Pictures are drawn once (data/recipes/pictures.py) and moved a little at every visit; their
captions are made anew each time. Every process contrasts the pairs of its own batch. Three
batches of four show half of the patches (FLIP, Li et al. 2022, arXiv 2212.00794): more pictures
in the same time. The tokens that the log counts are those of the captions.
"""
import random
from pathlib import Path

from data.recipes import kit, loop, pictures, scenes
from utils import models

LENGTH, PATCH, SCENES = 32, 8, 20_000
START, END = 1, 0       # <s> and <|endoftext|>, which is also the padding; see make_tokenizer
FULL = 0.5              # of the captions name every thing, every colour and the setting
TOP = 100.0             # of the factor on the cosines, as in CLIP
KEEP = (32, 32, 32, 64)                         # patches of each picture, batch after batch
LAPTOP = loop.Plan(steps=2000, rate=1e-3, matrices=6, tokens=96 * LENGTH, probe_every=200,
                   save_every=100)
GPU = loop.Plan(steps=4000, rate=1e-3, matrices=6, tokens=512 * LENGTH, probe_every=500)


def make_tokenizer():
    """The pieces of `base`, lower-cased as in CLIP: <s> caption <|endoftext|>.

    CLIP's text vector is the state at the first end token. It must be there, and its id must
    not be 2, as that of <|end|> is: transformers then takes the highest id in its place.
    """
    from tokenizers import Tokenizer, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer.from_file(str(Path(models.find("base", "laptop").path, "tokenizer.json")))
    made.normalizer = normalizers.Lowercase()
    made.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Digits(individual_digits=True),
        pre_tokenizers.ByteLevel(add_prefix_space=True)])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A <|endoftext|>", special_tokens=[("<s>", START), ("<|endoftext|>", END)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="<|endoftext|>",
        pad_token="<|endoftext|>", model_max_length=LENGTH, padding_side="right")


def make_processor(tokenizer):
    """A CLIPProcessor for pictures of any size: shorter side to 64, the middle cut out."""
    from transformers import CLIPImageProcessorPil, CLIPProcessor

    tokenizer.backend_tokenizer.no_truncation()     # else it is saved, and its users are warned
    tokenizer.backend_tokenizer.no_padding()
    side = pictures.SIDE
    return CLIPProcessor(CLIPImageProcessorPil(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}), tokenizer)


def build(tokenizer, width: int = 160, layers: int = 4, text_layers: int = 3, shared: int = 128):
    """A fresh CLIPModel: patches and pieces of the same width, heads of 32."""
    import torch
    from transformers import CLIPConfig, CLIPModel

    tower = dict(hidden_size=width, num_attention_heads=width // 32, hidden_act="gelu",
                 intermediate_size=width * 5 // 2, projection_dim=shared)
    torch.manual_seed(7)
    return CLIPModel(CLIPConfig(
        projection_dim=shared,
        text_config=tower | dict(
            num_hidden_layers=text_layers, vocab_size=len(tokenizer), bos_token_id=START,
            max_position_embeddings=LENGTH, eos_token_id=END, pad_token_id=END),
        vision_config=tower | dict(
            num_hidden_layers=layers, image_size=pictures.SIDE, patch_size=PATCH)))


def drop_patches(model, keep=KEEP):
    """While training, only so many patches of each picture pass, drawn anew for each batch.

    Returns the handle of the hook; the model itself stays as it is.
    """
    import itertools

    import torch

    counts = itertools.cycle(keep)

    def hook(module, _, states):
        n, patches = len(states), states.shape[1] - 1
        count = next(counts) if module.training else patches
        if count >= patches:
            return states
        chosen = torch.rand(n, patches, device=states.device).argsort(1)[:, :count] + 1
        rows = torch.arange(n, device=states.device)[:, None]
        return torch.cat([states[:, :1], states[rows, chosen]], 1)

    return model.vision_model.embeddings.register_forward_hook(hook)


class Stream:
    """Batches of tokens // LENGTH pictures of the split `train`, each with a fresh caption."""

    def __init__(self, tokenizer, tokens: int, images):
        self.tokenizer, self.tokens, self.images = tokenizer, tokens, images
        self.weights = None

    def batches(self, seed: str):
        """Dicts of input_ids, attention_mask and pixel_values; every picture once a round."""
        import numpy as np

        rng, size = random.Random(seed), self.tokens // LENGTH
        dice, order = np.random.default_rng(rng.getrandbits(60)), []
        while True:
            if len(order) < size:
                order = dice.permutation(len(self.images)).tolist()
            chosen, order = sorted(order[:size]), order[size:]
            told = [scenes.caption(scenes.scene(i), rng, rng.random() < FULL) for i in chosen]
            yield {**encoded(self.tokenizer, told),
                   "pixel_values": pictures.pixels(pictures.shifted(self.images[chosen], dice))}


def encoded(tokenizer, texts) -> dict:
    """input_ids and attention_mask of texts, padded on the right."""
    found = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
    return {name: found[name] for name in ("input_ids", "attention_mask")}


def contrastive_loss(model, batch):
    """CLIP's loss: among all captions of the batch the right one for a picture, and back."""
    import torch
    import torch.nn.functional as F

    out = model(**batch)
    image, text = out.image_embeds.float(), out.text_embeds.float()
    with torch.autocast(image.device.type, enabled=False):
        logits = text @ image.T * model.logit_scale.exp().clamp(max=TOP)
    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def probe(model, stream) -> dict:
    """Zero-shot shares on validation scenes; the factor on the cosines."""
    from data.recipes import scores_clip

    right = scores_clip.zero_shot(model, stream.tokenizer, scores_clip.single("validation", 150))
    return {**{name: float(values.mean()) for name, values in right.items()},
            "scale": float(model.logit_scale.exp())}


def main() -> None:
    """Train, and put the model in its place when it is not worse than the old one."""
    plan, force = kit.asked("clip", __doc__, LAPTOP, GPU)
    tokenizer = make_tokenizer()
    model = build(tokenizer)
    print(f"{model.num_parameters():,} parameters", flush=True)
    stream = Stream(tokenizer, plan.tokens, pictures.drawn("train", SCENES))
    drop_patches(model)
    log = loop.train("clip", model, stream, contrastive_loss, plan, probe)
    kit.install("clip", model, make_processor(tokenizer), log, force)


if __name__ == "__main__":
    main()
