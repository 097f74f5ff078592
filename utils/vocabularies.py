"""The catalogue of tokenizers: name -> folder in each profile, without any weights.

    tokenizer = AutoTokenizer.from_pretrained(vocabularies.find("gpt2").path)

The table itself is data/tokenizers/catalogue.toml. First used in chapter 2.
"""
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import utils.models as models
from utils import HandsOnError

FOLDER = models.DATA / "tokenizers"
FILES = ["tokenizer*", "*.model", "vocab*", "merges.txt", "added_tokens.json",
         "special_tokens_map.json", "*.jinja", "config.json"]


@lru_cache
def catalogue() -> dict:
    """The whole table of data/tokenizers/catalogue.toml as a dictionary."""
    return tomllib.loads((FOLDER / "catalogue.toml").read_text("utf-8"))


def names() -> list[str]:
    """Every name that `find` knows, in the order of the catalogue."""
    return list(catalogue())


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer: where it is, and whether it is the real one or its small twin."""

    name: str
    title: str
    twin: bool  # same algorithm and rules, pieces learned from this project's texts
    path: str = field(repr=False)  # a local folder: goes where a hub id would go


def find(name: str, profile: str | None = None) -> Vocabulary:
    """The tokenizer `name` in the profile in force (or in `profile`).

    In the book profile it is fetched from the hub; where the hub asks for a login that is
    not there, the twin takes its place and a sentence says so. Raises HandsOnError for an
    unknown name, an altered file, and what can go wrong on the way to the hub.
    """
    where = models.known_profile(profile) if profile else models.profile()
    table = catalogue()
    if name not in table:
        raise HandsOnError(f"There is no tokenizer {name!r}. Fix: use one of {', '.join(table)}.")
    entry = table[name]
    if where == "laptop":
        return _shipped(name, entry)
    try:
        return Vocabulary(name, entry["title"], False, _fetch(entry["book"]["hub"]))
    except HandsOnError as e:
        if "is gated" not in str(e) or "folder" not in entry["laptop"]:
            raise
        print(f"{e} Until then its twin is used.")
        return _shipped(name, entry)


def _shipped(name, entry):
    row = entry["laptop"]
    if "role" in row:  # a model whose vocabulary is the real one
        return Vocabulary(name, entry["title"], False, models.find(row["role"], "laptop").path)
    folder = FOLDER / row["folder"]
    fix = f"git checkout -- data/tokenizers/{row['folder']}"
    models.check_files(folder, row["sha256"], f"tokenizer {name}", fix)
    return Vocabulary(name, entry["title"], True, str(folder))


def _fetch(repo_id):
    """The tokenizer's files of a hub model, and nothing else: its weights may be 30 GB."""
    from huggingface_hub import HfApi, constants, snapshot_download

    from utils.download import explain, no_bar

    if not constants.HF_HUB_OFFLINE:  # a quick question first: fails at once, not after 25 s
        explain(lambda: HfApi().repo_info(repo_id, timeout=10), repo_id)
    folder = explain(lambda: snapshot_download(
        repo_id, allow_patterns=FILES, tqdm_class=no_bar()), repo_id)
    if not Path(folder, "tokenizer.json").exists():
        raise HandsOnError(f"{repo_id} has no tokenizer.json. Fix: use the laptop profile.")
    return folder


def word_vectors(words, rows):
    """Pretrained word vectors as gensim KeyedVectors, one fixed vector for each word.

    In the book profile GloVe (50 numbers a word, 400,000 words) through gensim's downloader;
    in the laptop profile, or where GloVe cannot be fetched, `rows` under the names `words`.
    """
    from gensim.models import KeyedVectors

    if models.profile() == "book":
        import gensim.downloader

        try:
            return gensim.downloader.load("glove-wiki-gigaword-50")
        except (OSError, ValueError) as e:
            print(f"GloVe could not be fetched ({type(e).__name__}): rows of the model are used.")
    made = KeyedVectors(len(rows[0]))
    made.add_vectors(words, rows)
    return made
