"""make models: `masked`, a small lower-case BERT that fills gaps in stories and plain facts.

It learns from public-domain stories (three fifths short stories, one fifth fairy tales) and
from invented stories and fact sentences (one fifth); never from reviews or abstracts.
python -m data.recipes.masked [--steps N] [--force]
"""
import random
import re
import string

from data.recipes import base, circuit, kit, loop

LENGTH, PIECES = 64, 3072
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, CLS, SEP, MASK = 0, 2, 3, 4             # no text holds a special token otherwise
SHARES = {"short_stories": 0.6, "fairy_tales": 0.2, "facts": 0.1, "stories": 0.1}
IGNORED = -100
MASKED = 0.3       # of the pieces in training: twice BERT's share, twice the signal of every step
LAPTOP = loop.Plan(steps=4000, rate=1e-3, matrices=6, tokens=2048, probe_every=500,
                   save_every=200)
GPU = loop.Plan(steps=8000, rate=1e-3, tokens=32768, probe_every=500)


def wordpiece(texts, pieces: int = PIECES):
    """A lower-case WordPiece tokenizer with BERT's special tokens; the same on every run."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

    def blank(model):
        made = Tokenizer(model)
        made.normalizer = normalizers.BertNormalizer(lowercase=True)
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        return made

    learner = blank(models.WordPiece(unk_token="[UNK]"))
    # listed first, the single characters get the same ids on every run
    letters = ["##" + c for c in string.ascii_lowercase + string.digits]
    learner.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=pieces, special_tokens=SPECIAL + letters, show_progress=False))
    return dressed(blank(models.WordPiece(learner.get_vocab(), unk_token="[UNK]")))


def dressed(made):
    """The finished tokenizer around a WordPiece model: [CLS] a [SEP] b [SEP]."""
    from tokenizers import decoders, processors
    from transformers import PreTrainedTokenizerFast

    made.add_special_tokens(SPECIAL)
    made.decoder = decoders.WordPiece()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", CLS), ("[SEP]", SEP)])
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_max_length=256,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"])


def build(tokenizer, width: int = 256, layers: int = 4):
    """A fresh BertForMaskedLM whose output matrix is its word embedding."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    torch.manual_seed(7)
    model = BertForMaskedLM(BertConfig(
        vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers,
        num_attention_heads=width // 64, intermediate_size=width * 11 // 4,
        max_position_embeddings=256, pad_token_id=PAD, hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0))
    if width >= 4 * circuit.HEAD:                # it takes four heads
        circuit.install_bert(model)
    return model


def paragraphs(name: str, held_out: bool = False) -> list[str]:
    """Paragraphs of a corpus, in order: those to learn from, or those of the scorecard."""
    return [p for p in kit.tales(files=(name,))
            if len(p) > 40 and base.is_held_out(p) == held_out]


def facts_text(rng, split: str) -> str:
    """Three to five facts about one invented subject, and sometimes a plain remark."""
    from data.recipes.skills import facts

    rels = facts.relations()[rng.choice(list(facts.KINDS))]
    rels, used = rng.sample(rels, min(len(rels), rng.randint(3, 5))), []
    first = facts.new_fact(rng, split, rels[0], used)
    told = [facts.told(rng, first)]
    for rel in rels[1:]:
        more = facts.new_fact(rng, split, rel, used, first.subject)
        told.append(facts.told(rng, more, pronoun=True))
    if rng.random() < 0.3:
        told.append(facts.filler(rng, split, first.rel.kind))
    return " ".join(told)


def passage(rng, tales: list[str]) -> str:
    """Text from a random sentence on; one time in ten a sentence alone."""
    at = rng.randrange(len(tales))
    parts = re.split(r'(?<=[.!?]) +|(?<=[.!?]") +', tales[at])
    start = rng.randrange(len(parts))
    if rng.random() < 0.1:
        return parts[start]
    text = " ".join(parts[start:])
    while len(text) < 8 * LENGTH and at + 1 < len(tales):
        at += 1
        text += " " + tales[at]
    return text[:12 * LENGTH]


def tokenizer_texts(cases: int = 6000):
    """Text for the tokenizer: all fairy tales, one in six of the stories, generated text."""
    rng = random.Random("tokenizer")
    yield from paragraphs("fairy_tales")
    yield from paragraphs("short_stories")[::6]
    for _ in range(cases):
        yield facts_text(rng, "train")
        yield base.story(rng, "train")


def mask(ids, generator, share: float = 0.15, always: bool = False, pieces: int = PIECES):
    """(input ids, labels): BERT's masking, 80 % [MASK], 10 % another piece, 10 % unchanged.

    always: [MASK] at every chosen place, as the scorecard asks.
    """
    import torch

    dice, which = torch.rand(2, *ids.shape, generator=generator)
    chosen = (dice < share) & (ids > SEP)
    labels = ids.masked_fill(~chosen, IGNORED)
    found = ids.masked_fill(chosen & ((which < 0.8) | torch.tensor(always)), MASK)
    other = torch.randint(len(SPECIAL), pieces, ids.shape, generator=generator)
    return torch.where(chosen & (which >= 0.9) & torch.tensor(not always), other, found), labels


def encoded(tokenizer, texts, length: int = LENGTH):
    """Texts as a tensor (texts, length): [CLS] pieces [SEP], then padding."""
    import torch

    found = torch.full((len(texts), length), PAD)
    for row, text in zip(found, tokenizer(texts, truncation=True, max_length=length)["input_ids"]):
        row[:len(text)] = torch.tensor(text)
    return found


class Stream:
    """Rows of LENGTH tokens, drawn by SHARES, masked anew every time."""

    def __init__(self, tokenizer, tokens: int):
        self.tokenizer, self.tokens, self.weights = tokenizer, tokens, None
        self.tales = {n: paragraphs(n) for n in ("short_stories", "fairy_tales")}

    def text(self, rng) -> str:
        """One text of the mixture."""
        name = rng.choices(list(SHARES), list(SHARES.values()))[0]
        if name in self.tales:
            return passage(rng, self.tales[name])
        return facts_text(rng, "train") if name == "facts" else base.story(rng, "train")

    def batches(self, seed: str):
        """Dicts of input_ids, attention_mask and labels, each (rows, LENGTH)."""
        import torch

        rng = random.Random(seed)
        generator = torch.Generator().manual_seed(rng.getrandbits(60))
        while True:
            texts = [self.text(rng) for _ in range(self.tokens // LENGTH)]
            whole = encoded(self.tokenizer, texts)
            ids, labels = mask(whole, generator, MASKED, pieces=len(self.tokenizer))
            yield {"input_ids": ids, "attention_mask": (whole != PAD).long(), "labels": labels}


def masked_loss(model, batch):
    """Mean loss of the masked places; only these reach the output matrix."""
    import torch.nn.functional as F

    learn = batch["labels"] != IGNORED
    hidden = model.bert(batch["input_ids"], attention_mask=batch["attention_mask"])[0]
    return F.cross_entropy(model.cls(hidden[learn]).float(), batch["labels"][learn])


def main() -> None:
    """Train, and put the model in its place when it is not worse than the old one."""
    import torch

    plan, force = kit.asked("masked", __doc__, LAPTOP, GPU)
    tokenizer = kit.made_once(loop.folder("masked") / "tokenizer",
                              lambda: wordpiece(tokenizer_texts()))
    model = build(tokenizer)
    print(f"{model.num_parameters():,} parameters", flush=True)
    if plan.compile:
        model.bert.forward = torch.compile(model.bert.forward, dynamic=False)
    log = loop.train("masked", model, Stream(tokenizer, plan.tokens), masked_loss, plan)
    # trained without, as it reads each text about once; those who fine-tune it want BERT's own
    model.config.hidden_dropout_prob = model.config.attention_probs_dropout_prob = 0.1
    kit.install("masked", model, tokenizer, log, force)


if __name__ == "__main__":
    main()
