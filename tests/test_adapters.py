"""utils.adapters and the sha256 of weights, on a tiny base and a random adapter on it."""
import errno
import shutil
import threading
from pathlib import Path

import pytest

from utils import HandsOnError, models

TINY = dict(vocab_size=30, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=2, max_position_embeddings=16)  # fmt: skip


@pytest.fixture(autouse=True)
def laptop(monkeypatch):
    monkeypatch.delenv("HANDSON_PROFILE", raising=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    from data.recipes import sentiment

    home = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    BertModel(BertConfig(**TINY)).save_pretrained(home / "base")
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad"]
    tokenizer = BertTokenizerFast(vocab={word: i for i, word in enumerate(vocab)})
    tokenizer.save_pretrained(home / "base")
    model, tokenizer = sentiment.build(str(home / "base"))
    for name, weight in model.named_parameters():
        if "lora_B" in name:  # 0 at first: then a merge that does nothing would pass
            torch.nn.init.normal_(weight, std=0.5)
    (home / "adapter").mkdir()
    sentiment.save(model, tokenizer, {"text": ["A film."]}, home / "adapter")
    return home


@pytest.fixture
def home(made, tmp_path, monkeypatch):
    """A copy of both under data/models of a catalogue of their own; the cache is empty."""
    folder = tmp_path / "data" / "models"
    shutil.copytree(made, folder)
    monkeypatch.setattr(models, "DATA", tmp_path / "data")
    monkeypatch.setenv("HANDSON_CACHE", str(tmp_path / "cache"))
    record(monkeypatch, folder)
    return folder


def record(monkeypatch, folder):
    """Write the present hashes of the two into the catalogue."""
    table = {}
    for name, file in (("base", "model"), ("adapter", "adapter_model")):
        path = folder / name / f"{file}.safetensors"
        row = dict(title=name, folder=name, parameters=1, licence="", limits="",
                   sha256={path.name: models.sha256(str(path), path.stat().st_mtime_ns)})
        table[name] = {"what": "", "class": "", "laptop": row, "book": row}
    table["adapter"]["laptop"]["base"] = "base"
    monkeypatch.setattr(models, "catalogue", lambda: table)


def flip(path):
    """Alter one byte in the middle; the size stays."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("harm, word", [
    (Path.unlink, "is missing"),
    (lambda path: path.write_bytes(path.read_bytes()[:-1]), "truncated or altered"),
    (flip, "truncated or altered"),
])  # fmt: skip
@pytest.mark.parametrize("role, file", [
    ("base", "base/model.safetensors"), ("adapter", "adapter/adapter_model.safetensors"),
])  # fmt: skip
def test_a_harmed_file_is_found_and_the_fix_is_named(role, file, harm, word, home):
    models.find(role)  # its hash was seen once: a cached one must not hide the harm
    harm(home / file)
    with pytest.raises(HandsOnError, match=f"{word}.*Fix: git checkout -- data/models/{role}"):
        models.find(role)


def test_a_model_without_known_hashes_is_refused(home):
    models.catalogue()["base"]["laptop"]["sha256"] = {}
    with pytest.raises(HandsOnError, match="No sha256"):
        models.find("base")


def test_the_merge_is_what_peft_computes(home):
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForSequenceClassification

    config = AutoConfig.from_pretrained(home / "adapter")
    base = AutoModelForSequenceClassification.from_pretrained(home / "base", config=config)
    before = {k: v.clone() for k, v in base.state_dict().items()}
    truth = PeftModel.from_pretrained(base, home / "adapter").merge_and_unload().eval()
    spec = models.find("adapter")
    ours, seen = AutoModelForSequenceClassification.from_pretrained(
        spec.path, output_loading_info=True)  # fmt: skip
    assert not any(seen.values()), seen
    expected, weights = truth.state_dict(), ours.state_dict()
    assert expected.keys() == weights.keys()
    assert all((weights[k] - expected[k]).abs().max() < 1e-5 for k in weights)
    moved = [k for k in weights if (weights[k] - before[k]).abs().max() > 0.01]
    assert len(moved) >= 2 * 6  # every matrix of both blocks
    ids = torch.tensor([[2, 5, 6, 3]])
    assert torch.allclose(ours.eval()(ids).logits, truth(ids).logits, atol=1e-5)
    assert ours.config.id2label == {0: "negative", 1: "neutral", 2: "positive"}


def test_a_merged_adapter_is_reused_until_the_adapter_changes(home, monkeypatch):
    first = models.find("adapter")
    written = Path(first.path, "model.safetensors").stat().st_mtime_ns
    assert models.find("adapter") == first
    assert Path(first.path, "model.safetensors").stat().st_mtime_ns == written
    flip(home / "adapter" / "adapter_model.safetensors")
    record(monkeypatch, home)
    second = models.find("adapter")
    assert second.path != first.path and second.digest != first.digest
    old, new = (Path(s.path, "model.safetensors").read_bytes() for s in (first, second))
    assert old != new


def test_a_full_disk_leaves_nothing_half_written(home, monkeypatch, tmp_path):
    import safetensors.torch

    def full(weights, file, metadata):
        Path(file).write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(safetensors.torch, "save_file", full)
        with pytest.raises(HandsOnError, match="disk is full.*HANDSON_CACHE"):
            models.find("adapter")
    assert list((tmp_path / "cache").iterdir()) == []
    assert Path(models.find("adapter").path, "config.json").exists()


def test_two_merges_at_once_both_succeed(home, monkeypatch, tmp_path):
    meet, found, rename = threading.Barrier(2, timeout=20), [], Path.rename

    def together(path, target):
        meet.wait()  # both have written, and seen that it is not there yet
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", together)
    threads = [threading.Thread(target=lambda: found.append(models.find("adapter").path))
               for _ in range(2)]  # fmt: skip
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert len(found) == 2 and found[0] == found[1]
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [Path(found[0]).name]


def test_a_damaged_cache_is_made_anew(home):
    folder = Path(models.find("adapter").path)
    (folder / "model.safetensors").unlink()
    assert (Path(models.find("adapter").path) / "model.safetensors").exists()
