"""Make the twins of eight well-known tokenizers: data/tokenizers/<name>/, in seconds.

    python -m data.recipes.twins

A twin has the algorithm, the rules of its original and its special tokens, but learned its
pieces from this project's texts and code; its vocabulary is a sixteenth of the original's.
"""
import json
import shutil
import tempfile
from pathlib import Path

from data.recipes import kit, t5
from utils import corpora, models

FOLDER = models.DATA / "tokenizers"
GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA = r"▁+(?=▁)|▁?[^▁\d\n\t]+|\d|[\n\t]|▁"  # only while it learns: no piece over two words
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FIM = ["fim_prefix", "fim_middle", "fim_suffix"]
STAR = ["<|endoftext|>", *(f"<{n}>" for n in FIM), "<fim_pad>", "<repo_name>", "<file_sep>",
        "<issue_start>", "<issue_comment>", "<issue_closed>", "<jupyter_start>",
        "<jupyter_text>", "<jupyter_code>", "<jupyter_output>", "<empty_output>"]
KINDS = ("REF", "SUP", "SUB", "DNA", "AMINO", "SMILES", "I_SMILES")
GALACTICA = ["<s>", "<pad>", "</s>", "<unk>", "<work>", "</work>",
             *(f"[{edge}_{kind}]" for kind in KINDS for edge in ("START", "END"))]
PHI3 = ["<|endoftext|>", "<|assistant|>", *(f"<|placeholder{i}|>" for i in range(1, 5)),
        "<|system|>", "<|end|>", "<|placeholder5|>", "<|placeholder6|>", "<|user|>"]


def prose(names=("reviews", "passages", "instructions", "preferences", "similarity",
                 "stories")) -> list[str]:
    """Every sentence-like value of the shipped data sets."""
    rows = (row for name in names for row in corpora.rows(name))
    return [v for row in rows for v in row.values() if isinstance(v, str) and " " in v]


def code() -> list[str]:
    """The functions of the data set `code` and of the recipes of today."""
    found = [row["text"] for row in corpora.rows("code")]
    for file in sorted(p for p in Path(__file__).parent.glob("*.py") if p != Path(__file__)):
        found += file.read_text("utf-8").split("\n\n\n")
    return found


def level(*before, regex=True):
    """Byte-level pre-tokenisation, after other rules if there are any."""
    from tokenizers import pre_tokenizers

    last = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=regex)
    return pre_tokenizers.Sequence([*before, last]) if before else last


def byte_bpe(texts, size: int, specials, rule):
    """Byte-level BPE: 256 bytes, then merges; nothing is ever unknown."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = rule, decoders.ByteLevel()
    made.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return made


def wordpiece(texts, size: int):
    """BERT's WordPiece with capitals kept; pieces with ## go on within a word."""
    from tokenizers import (
        Tokenizer,
        decoders,
        models,
        normalizers,
        pre_tokenizers,
        processors,
        trainers,
    )

    def empty(vocab):
        made = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
        made.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
        made.pre_tokenizer, made.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
        return made

    signs = [chr(i) for i in range(33, 127)]
    learner = empty({"[UNK]": 0})  # ## signs as special tokens: else their order is chance
    learner.train_from_iterator(texts, trainers.WordPieceTrainer(
        vocab_size=size, special_tokens=BERT + [f"##{c}" for c in signs], show_progress=False,
        initial_alphabet=signs, limit_alphabet=len(signs)))
    made = empty(learner.get_vocab())
    made.add_special_tokens(BERT)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, made.token_to_id(t)) for t in ("[CLS]", "[SEP]")])
    return made


def llama(texts, size: int, tags=()):
    """BPE over characters, spaces as a sign of their own, bytes for what is unknown."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    head = ["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256))]
    space = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Sequence(
        [space, pre_tokenizers.Split(Regex(LLAMA), "isolated")])
    signs = ["▁", *(chr(i) for i in range(33, 127))]
    learner.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=size, special_tokens=head, show_progress=False, initial_alphabet=signs,
        limit_alphabet=len(signs)))
    learned = json.loads(learner.to_str())["model"]
    made = Tokenizer(models.BPE(learned["vocab"], [tuple(m) for m in learned["merges"]],
                                unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.pre_tokenizer = space
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(),
                                      decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    made.add_special_tokens([*head[:3], *tags])
    return made


def unigram(texts):
    """T5's Unigram, likelier pieces first. (Its trainer adds in any order: scores can move.)"""
    from tokenizers import Tokenizer

    made = json.loads(t5.make_tokenizer(texts).backend_tokenizer.to_str())
    special = {t["content"] for t in made["added_tokens"]}
    plain = [[p, round(s, 6)] for p, s in made["model"]["vocab"] if p not in special]
    plain.sort(key=lambda p: (-p[1], p[0]))
    rest = [p for p in made["model"]["vocab"] if p[0] in special]
    made["model"]["vocab"] = rest[:3] + plain + rest[3:]
    for i, (piece, _) in enumerate(made["model"]["vocab"]):
        for token in made["added_tokens"]:
            if token["content"] == piece:
                token["id"] = i
    made["added_tokens"].sort(key=lambda t: t["id"])
    return Tokenizer.from_str(json.dumps(made))


def twins() -> dict:
    """name -> (tokenizer, what its tokenizer_config.json says)."""
    from tokenizers import Regex, pre_tokenizers

    text, source = prose(), code()
    science, digits = prose(["passages"]), pre_tokenizers.Digits(individual_digits=True)
    gpt4 = level(pre_tokenizers.Split(Regex(GPT4), "removed", invert=True), regex=False)
    end = ["<|endoftext|>"]
    bert = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), BERT))
    llamas = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    gpt4_tags = end + [f"<|{n}|>" for n in FIM] + ["<|endofprompt|>"]
    return {
        "bert-cased": (wordpiece(text, 1812), bert),
        "gpt2": (byte_bpe(text, 3141, end, level()), {"eos_token": end[0]}),
        "gpt4": (byte_bpe(text + source, 6266, gpt4_tags, gpt4), {"eos_token": end[0]}),
        "starcoder2": (byte_bpe(source * 2 + text[:1500], 3072, STAR, level(digits)),
                       {"eos_token": end[0]}),
        "flan-t5": (unigram(text), dict(pad_token="<pad>", eos_token="</s>", unk_token="<unk>")),
        "galactica": (byte_bpe(science, 3125, GALACTICA, level(digits)),
                      {"eos_token": "</s>", "pad_token": "<pad>"}),
        "llama2": (llama(text + source, 2000), llamas),
        "phi3": (llama(text + source, 2000, PHI3), llamas | {"eos_token": end[0]}),
    }


def main() -> None:
    """Write every twin through a temporary folder, and its sha256 into the catalogue."""
    for name, (tokenizer, config) in twins().items():
        with tempfile.TemporaryDirectory(prefix=".twin-", dir=FOLDER) as tmp:
            new = Path(tmp, name)
            new.mkdir()
            tokenizer.save(str(new / "tokenizer.json"), pretty=False)
            kit.write_json(new / "tokenizer_config.json",
                           {"tokenizer_class": "PreTrainedTokenizerFast",
                            "clean_up_tokenization_spaces": False, **config})
            shutil.rmtree(FOLDER / name, ignore_errors=True)
            new.rename(FOLDER / name)
        files = ["tokenizer.json", "tokenizer_config.json"]
        kit.record(FOLDER / "catalogue.toml", f"{name}.laptop", kit.hashes(FOLDER / name, files))
        print(name, tokenizer.get_vocab_size())


if __name__ == "__main__":
    main()
