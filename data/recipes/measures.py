"""What `make scorecard` measures of each shipped model."""
import numpy as np

from data.recipes.scorecard import kept, row, share
from utils import models


def shipped(role: str) -> str:
    """The folder of a shipped model."""
    return models.find(role, "laptop").path


def lines_of(role: str, found) -> list[dict]:
    """Scorecard lines of (skill, measure, values or (truth, answers), target)."""
    return [row(role, skill, measure, *values, target) if isinstance(values, tuple)
            else share(role, skill, measure, values, target)
            for skill, measure, values, target in found]


def chat() -> list[dict]:
    """The skills of `chat`, and llama.cpp's agreement with transformers."""
    from data.recipes import scores_chains, scores_gguf

    folder = shipped("chat")
    return lines_of("chat", scores_chains.rows(folder, shipped("embedder"))) + \
        lines_of("chat", scores_gguf.rows("chat", folder))


def base() -> list[dict]:
    """Perplexity of `base`; the target is that of a 5-gram model on the same texts."""
    from data.recipes import scores_base, scores_gguf

    def perplexity(losses, _):
        return float(np.exp(np.mean(losses)))

    lines = []
    for kind, own, rival in scores_base.rows(shipped("base")):
        line = row("base", kind, "perplexity", own, own, None, perplexity)
        limit = round(perplexity(rival, None), 1)
        lines.append(line | {"target": limit, "at_most": True})
    for kind in {"public-domain tales"} - {r["skill"] for r in lines}:
        lines.append(kept("base", kind))
    return lines + lines_of("base", scores_gguf.rows("base", shipped("base")))


def seq2seq() -> list[dict]:
    """The tasks of `seq2seq`: right answers, and answers of another form than asked."""
    from data.recipes import scores_seq2seq

    return lines_of("seq2seq", scores_seq2seq.rows(shipped("seq2seq")))


def reranker() -> list[dict]:
    """What `reranker` gains on the embedder alone."""
    from data.recipes import scores_reranker

    return scores_reranker.rows(shipped("reranker"))


def sentiment() -> list[dict]:
    """Three classes on our reviews, two on public ones."""
    from data.recipes import scores_sentiment

    return scores_sentiment.rows(shipped("sentiment"))


def masked() -> list[dict]:
    """Gaps in stories that `masked` never read."""
    from data.recipes import scores_masked

    return scores_masked.rows(shipped("masked"))


def clip() -> list[dict]:
    """What `clip` tells apart by words alone, and finds."""
    from data.recipes import scores_clip

    return lines_of("clip", scores_clip.rows(shipped("clip")))


def captioner() -> list[dict]:
    """What the captions of `captioner` name, and its answers."""
    from data.recipes import scores_captioner

    return lines_of("captioner", scores_captioner.rows(shipped("captioner")))


MEASURES = {"chat": chat, "base": base, "masked": masked, "seq2seq": seq2seq,
            "sentiment": sentiment, "reranker": reranker, "clip": clip,
            "captioner": captioner}
