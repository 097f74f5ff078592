"""Hash manifests: held-out prompts of the scorecard of `chat`, and reviews learned from.

Training cases are made by the same code, but from the other side of every word list,
wording and number; tests draw training cases and look for these hashes.
"""
import hashlib
import random

CASES = 100
VARIANTS = {"memory": [{"distance": 1}, {"distance": 4}],
            "shots": [{"k": 0}, {"k": 1}, {"k": 4}]}


def cases(makers: dict, skill: str, n: int = CASES, **settings) -> list[dict]:
    """n held-out cases of a skill, always the same ones."""
    rng = random.Random(f"scorecard {skill} {sorted(settings.items())}")
    return [makers[skill](rng, "test", **settings) for _ in range(n)]


def fingerprint(case: dict) -> str:
    """First 16 hex digits of the sha256 of all that precedes the last answer."""
    text = "\n".join(m["role"] + ": " + m["content"] for m in case["messages"][:-1])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def lines() -> list[str]:
    """"skill hash" of each held-out prompt, sorted."""
    from data.recipes import dialogues

    makers = dialogues.registry("SKILLS")
    return sorted({f"{skill} {fingerprint(case)}" for skill in makers
                   for settings in VARIANTS.get(skill, [{}])
                   for case in cases(makers, skill, **settings)})


def reviews_read() -> list[str]:
    """Fingerprints of the reviews, own and public, that `chat` and `seq2seq` train on."""
    from data.recipes.skills import labels
    from utils import corpora

    return sorted({corpora.fingerprint(text) for part in labels.reviews("train")
                   for text, _ in part})
