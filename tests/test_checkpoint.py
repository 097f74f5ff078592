"""utils.checkpoint: what llama.cpp would load and compute differently is refused."""
import json
import sys

import pytest

from tests import tiny
from utils import HandsOnError, checkpoint, gguf


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSON_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path):
    return tiny.folder(tmp_path / "model")


def edit(name, **values):
    """A harm to a model folder: other values at the top of one of its JSON files."""

    def harm(folder):
        file = folder / name
        file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | values), "utf-8")

    return harm


def rules(**options):
    return lambda folder: tiny.tokenizer(**options).save(str(folder / "tokenizer.json"))


def weights(**changes):
    """Save with other weights: None removes one."""

    def harm(folder):
        from safetensors.numpy import load_file, save_file

        file = folder / "model.safetensors"
        all_ = load_file(file) | {k.replace("__", "."): w for k, w in changes.items()}
        save_file({k: w for k, w in all_.items() if w is not None}, file)

    return harm


def cut(name, size):
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:size])


def strips(folder):
    tokens = json.loads((folder / "tokenizer.json").read_text("utf-8"))["added_tokens"]
    edit("tokenizer.json", added_tokens=[t | {"rstrip": True} for t in tokens])(folder)


def eos_after(folder):
    rules(bos=True)(folder)
    after = json.loads((folder / "tokenizer.json").read_text("utf-8"))["post_processor"]
    edit("tokenizer.json", post_processor=after | {"single": after["single"][::-1]})(folder)


def large():
    import numpy as np

    return np.full(64, 1.0, "float32"), np.full((350, 64), 1e5, "float32"), np.ones(64, "int32")


VECTOR, HUGE, WHOLE = large()
LONG = {"rope_type": "longrope", "rope_theta": 1e4}
HARMS = {
    "another class": (edit("config.json", architectures=["GPT2LMHeadModel"]), "GPT2LMHead.*GGUF"),
    "scaled rotary": (edit("config.json", rope_parameters=LONG), "scaled.*Fix: use a GGUF"),
    "sliding window": (edit("config.json", sliding_window=64), "window.*max_position.* to 64"),
    "activation": (edit("config.json", hidden_act="gelu"), "activation gelu"),
    "no config": (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
    "half a config": (cut("config.json", 100), "config.json is missing or damaged"),
    "half of the weights": (cut("model.safetensors", -9), "truncated or damaged. Fix: fetch"),
    "no weights": (cut("model.safetensors", 0), "truncated or damaged. Fix: fetch"),
    "a weight missing": (weights(model__norm__weight=None), "lacks, or has, model.norm.weight"),
    "a bias": (weights(model__norm__bias=VECTOR), "lacks, or has, model.norm.bias"),
    "whole numbers": (weights(model__norm__weight=WHOLE), "are I32.*float32"),
    "beyond float16": (weights(model__embed_tokens__weight=HUGE), "above 65504 .token_embd"),
    "numbers in one piece": (rules(digits=False), "into digits, then as GPT-2"),
    "a space before": (rules(prefix=True), "into digits, then as GPT-2"),
    "not a BPE": (edit("tokenizer.json", normalizer={"type": "NFC"}), "plain byte-level BPE"),
    "tags that strip": (strips, "strips spaces around"),
    "eos after texts": (eos_after, "other tokens than bos"),
    "more tokens": (edit("config.json", vocab_size=99), "99 embeddings for 346 tokens"),
}  # fmt: skip


@pytest.mark.parametrize("name", HARMS)
def test_what_would_go_wrong_is_refused_and_the_fix_is_named(name, folder, tmp_path):
    harm, said = HARMS[name]
    harm(folder)
    with pytest.raises(HandsOnError, match=f"(?s){said}") as e:
        gguf.write(folder)
    assert "Fix: " in str(e.value)
    assert not list(tmp_path.glob("cache/*"))


def test_an_unknown_kind_lists_the_kinds(folder):
    with pytest.raises(HandsOnError, match="'q3'. Fix: use one of f16, q8_0, q4_0, q4_k_m"):
        gguf.write(folder, "q3")


@pytest.mark.parametrize("package", ["gguf", "llama_cpp"])
def test_a_missing_package_is_named_with_the_fix(package, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(HandsOnError, match=f"^{package}: not installed. Fix: make setup"):
        gguf.write(folder)


def test_a_config_from_before_transformers_5_is_understood(folder):
    c = json.loads((folder / "config.json").read_text())
    del c["rope_parameters"], c["num_key_value_heads"]
    (folder / "config.json").write_text(json.dumps(c | {"rope_theta": 5e4}))
    found = checkpoint.config(folder)
    assert found["rope_parameters"] == {"rope_theta": 5e4, "partial_rotary_factor": 1.0}
    assert found["num_key_value_heads"] == 4 and found["head_dim"] == 16


@pytest.mark.parametrize("bos", [False, True])
def test_bos_is_put_first_where_the_tokenizer_does_so(bos, folder):
    rules(bos=bos)(folder)
    assert checkpoint.tokenizer(folder, 350)["starts"] is bos


def test_reading_imports_nothing_heavy(folder):
    import subprocess

    code = (f"import sys, time; from utils import gguf; gguf.write({str(folder)!r}); "
            "assert not {'torch', 'transformers'} & set(sys.modules)")  # fmt: skip
    subprocess.run([sys.executable, "-c", code], check=True)
