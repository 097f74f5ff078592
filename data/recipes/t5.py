"""What is T5's own: a Unigram tokenizer with sentinels, and texts with gaps."""

SENTINELS, PIECES = 32, 2048


def make_tokenizer(texts):
    """A T5Tokenizer of PIECES entries: Unigram pieces, then the sentinels, as in T5 itself."""
    import json

    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import T5Tokenizer

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")])
    signs = [chr(i) for i in range(33, 127)] + list("éèêëàâçîïôöûùüœæÉÈÊÀÂÇÎÔŒ«»–—’“”…€£°")
    tokenizer.train_from_iterator(texts, trainers.UnigramTrainer(
        vocab_size=PIECES - SENTINELS, special_tokens=["<pad>", "</s>", "<unk>"],
        unk_token="<unk>", initial_alphabet=signs, show_progress=False))
    pieces = [tuple(p) for p in json.loads(tokenizer.to_str())["model"]["vocab"]]
    pieces += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(SENTINELS))]
    return T5Tokenizer(vocab=pieces, extra_ids=SENTINELS, model_max_length=512)


def parts(rng, total: int, count: int) -> list:
    """`total` as a sum of `count` random whole numbers from 1 up."""
    cuts = [0, *sorted(rng.sample(range(1, total), count - 1)), total]
    return [b - a for a, b in zip(cuts, cuts[1:])]


def gapped(rng, ids: list, sentinel, share: float = 0.15, mean: int = 3) -> tuple:
    """(input, target): spans replaced by sentinels, and what stood there.

    ids: a text without </s>; sentinel: the id of <extra_id_n> as a function of n.
    """
    missing = max(1, round(share * len(ids)))
    spans = max(1, round(missing / mean))
    kept = parts(rng, len(ids) - missing, spans + 1)
    at, source, target = 0, [], []
    for n, (keep, drop) in enumerate(zip(kept, [*parts(rng, missing, spans), 0])):
        source += ids[at:at + keep]
        target.append(sentinel(n))
        if drop:
            source.append(sentinel(n))
            target += ids[at + keep:at + keep + drop]
        at += keep + drop
    return source, target
