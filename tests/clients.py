"""Fixtures of the tests of the stand-in hub: the hub, a client's process, a model, a cache."""

import json
import random
import shutil
import subprocess
import sys
import textwrap

import pytest

from tests.hub import Hub

MIB = 1 << 20

# What every client script starts with. `tell` hands a result to the test.
PRELUDE = """
import json
import huggingface_hub as hf

def tell(value):
    print(json.dumps(value))

def errors(call, *args, **options):
    try:
        call(*args, **options)
    except Exception as error:
        return [kind.__name__ for kind in type(error).__mro__]
    return []
"""


@pytest.fixture
def hub():
    with Hub() as hub:
        yield hub


@pytest.fixture
def client(hub, tmp_path):
    """Run a script in a process that knows only this hub; the last thing it told."""

    def run(script):
        code = PRELUDE + textwrap.dedent(script)
        command, env = [sys.executable, "-c", code], hub.environment(tmp_path / "home")
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    yield run
    shutil.rmtree(tmp_path / "home", ignore_errors=True)  # pytest would keep it: 90 MB of MiniLM


@pytest.fixture
def model(tmp_path):
    """A model folder: a word-level tokenizer of three words, and 12 MiB of "weights"."""
    vocab = {"[UNK]": 0, "hello": 1, "hub": 2}
    tokenizer = {"version": "1.0", "added_tokens": [], "pre_tokenizer": {"type": "Whitespace"},
                 "model": {"type": "WordLevel", "vocab": vocab, "unk_token": "[UNK]"}}
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "unk_token": "[UNK]"}
    folder = tmp_path / "model"
    (folder / "sub").mkdir(parents=True)
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps(names))
    (folder / "sub" / "weights.bin").write_bytes(random.Random(0).randbytes(12 * MIB))
    return folder


@pytest.fixture
def cache(tmp_path):
    """Where a client keeps owner/model."""
    return tmp_path / "home" / "hub" / "models--owner--model"
