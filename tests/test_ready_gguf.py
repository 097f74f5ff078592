"""A model of the book whose makers offer GGUF files: fetched as it is, not converted."""
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub import Hub
from utils import download, models, services

OFFER = {"hub": "makers/model-gguf", "files": {"q4_0": "model-q4.gguf", "f16": "model-fp16.gguf"}}


@pytest.fixture
def asked(monkeypatch):
    """What services asks the hub for, in a book profile whose `chat` is offered as GGUF."""
    names = []

    def single(repo, name):
        names.append(f"{repo}/{name}")
        return Path(name)

    monkeypatch.setattr(models, "catalogue", lambda: {"chat": {"book": {"gguf": OFFER}}})
    monkeypatch.setattr(models, "profile", lambda: "book")
    monkeypatch.setattr(download, "single", single)
    return names


def test_the_file_of_the_kind_is_fetched(asked):
    assert services.gguf_file("chat", "f16") == (Path("model-fp16.gguf"), services.CONTEXT)
    assert asked == ["makers/model-gguf/model-fp16.gguf"]


def test_a_kind_that_is_not_offered_becomes_q4_0_and_says_so(asked, capsys):
    assert services.gguf_file("chat", "q8_0")[0] == Path("model-q4.gguf")
    assert "has no q8_0: model-q4.gguf is taken" in capsys.readouterr().out


def test_one_file_comes_from_the_hub_and_is_then_at_hand_without_it(tmp_path):
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / "model-q4.gguf").write_bytes(b"GGUF")
    code = "from utils import download; print(download.single('makers/model-gguf', '{}'))"

    def client(name):
        return subprocess.run([sys.executable, "-c", code.format(name)], env=env, text=True,
                              capture_output=True, timeout=120)

    with Hub() as hub:
        hub.add_model("makers/model-gguf", tmp_path / "repo")
        env = hub.environment(tmp_path / "home")
        first = client("model-q4.gguf").stdout.strip()
        assert Path(first).read_bytes() == b"GGUF"
    assert client("model-q4.gguf").stdout.strip() == first
    assert "could not be fetched whole" in client("other.gguf").stderr
