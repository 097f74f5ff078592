"""utils.vocabularies and the twins it ships."""
import shutil

import pytest
from transformers import AutoTokenizer

from utils import HandsOnError, vocabularies

LINE = "Two  blanks, 1,234 and 😀 狐\n\tif x:\n        return é"


@pytest.fixture(autouse=True)
def laptop(monkeypatch):
    monkeypatch.delenv("HANDSON_PROFILE", raising=False)


def load(name):
    return AutoTokenizer.from_pretrained(vocabularies.find(name).path)


def test_an_unknown_name_lists_the_choices():
    with pytest.raises(HandsOnError, match="'gpt9'.*bert-uncased.*llama2"):
        vocabularies.find("gpt9")


def test_there_are_nine_and_one_is_real():
    found = [vocabularies.find(name) for name in vocabularies.names()]
    assert len(found) == 9
    assert [v.name for v in found if not v.twin] == ["bert-uncased"]


@pytest.mark.parametrize("name", ["gpt2", "gpt4", "starcoder2", "galactica", "phi3", "llama2"])
def test_those_that_stand_on_bytes_lose_nothing(name):
    tokenizer = load(name)
    ids = tokenizer(LINE, add_special_tokens=False).input_ids
    assert tokenizer.decode(ids) == LINE


@pytest.mark.parametrize("name", ["bert-cased", "flan-t5"])
def test_the_others_have_an_unknown(name):
    tokenizer = load(name)
    assert tokenizer.unk_token_id in tokenizer("😀").input_ids


def test_an_altered_twin_is_found(tmp_path, monkeypatch):
    shutil.copytree(vocabularies.FOLDER, tmp_path / "tokenizers")
    monkeypatch.setattr(vocabularies, "FOLDER", tmp_path / "tokenizers")
    file = tmp_path / "tokenizers" / "gpt2" / "tokenizer.json"
    file.write_text(file.read_text("utf-8").replace("the", "teh", 1), "utf-8")
    with pytest.raises(HandsOnError, match="git checkout -- data/tokenizers/gpt2"):
        vocabularies.find("gpt2")


def test_word_vectors_are_the_rows_on_the_laptop():
    made = vocabularies.word_vectors(["up", "down"], [[0.0, 1.0], [0.0, -1.0]])
    assert made.most_similar("up", topn=1) == [("down", -1.0)]
