"""Chapter 3 on other models: its knobs name any Phi-3 or Llama, and every cell still runs.

`base` is a Llama with grouped heads and separate q, k, v and gate, up; the tiny models are
random, so that of their claims only those hold that say "by hand = library". Those do hold.
"""
import nbformat
import pytest

from tests import tiny
from tests.tools import notebooks as nbs

SMALL = """
LIMIT, NEW_TOKENS, STORIES, STEPS, SEEDS, RESAMPLES = 20, [4, 24], 12, 12, [0], 50
"""
EQUALITIES = """
claim, missed = run.check, []
run.check = lambda name, holds, detail="": (
    claim(name, holds, detail) if holds or " = " in name else missed.append(name)
)
"""
ALL_BUT_SPEED = EQUALITIES.replace(
    '" = " in name', 'not any(word in name for word in ("times as fast", "cache helps"))'
)


def executed(folder, knobs):
    """The notebook after a run with other knobs; an equality that fails stops it."""
    nb = nbs.read(nbs.notebooks("3")[0])
    nb.cells[3].source += SMALL + knobs
    copy = folder / "copy.ipynb"
    nbformat.write(nb, copy)
    nb, _ = nbs.execute(copy)
    checks = nbs.printed(nb, r"(\d+) checks held")
    text = "\n".join(o.get("text", "") for c in nb.cells for o in c.get("outputs", []))
    return int(checks[1]), text


def test_base_keeps_every_claim_but_that_of_speed(tmp_path):
    knobs = 'MODEL, CHATS = "base", False\n'
    knobs += 'REQUEST = "Once upon a time there was a fox who found a lamp. The fox"\n'
    checks, text = executed(tmp_path, knobs + ALL_BUT_SPEED)
    assert checks >= 60
    assert "chat: a small Phi-3" not in text


@pytest.mark.parametrize("kind, heads, chats", [("phi3", 2, True), ("llama", 1, False)])
def test_a_random_model_of_another_shape(tmp_path, kind, heads, chats):
    """Fused and separate matrices, grouped and shared heads, tied and untied tables."""
    made = tiny.folder(tmp_path / kind, kind, num_key_value_heads=heads)
    knobs = f'MODEL, CHATS, GROUPED = "{made}", {chats}, "{made}"\n'
    checks, _ = executed(tmp_path, knobs + EQUALITIES)
    assert checks >= 40
