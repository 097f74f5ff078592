"""The catalogue of data sets: name -> datasets.DatasetDict, in each profile.

    reviews = corpora.load("reviews")            # splits train, validation, test
    vectors = corpora.vectors("reviews", spec, model.encode)

The table itself is data/texts/catalogue.toml. First used in chapter 4.
"""
import hashlib
import json
import re
import tempfile
import tomllib
from functools import lru_cache
from pathlib import Path

import utils.models as models
from utils import HandsOnError

TEXTS = models.DATA / "texts"
SPLITS = ("train", "validation", "test")
ORDER = ("all", "train", "tune", "validation", "test", "unseen")  # of every split there may be


@lru_cache
def catalogue() -> dict:
    """The whole table of data/texts/catalogue.toml as a dictionary."""
    return tomllib.loads((TEXTS / "catalogue.toml").read_text("utf-8"))


def entry(name: str, profile: str | None = None) -> dict:
    """The catalogue's row for a data set; HandsOnError lists the names if unknown."""
    where = models.known_profile(profile) if profile else models.profile()
    table = catalogue()
    if name not in table:
        names = ", ".join(f"{n} ({t['what']})" for n, t in table.items())
        raise HandsOnError(f"There is no data set {name!r}. Fix: use one of {names}.")
    return table[name][where]


def load(name: str, profile: str | None = None):
    """A data set as datasets.DatasetDict, for "reviews" with train, validation and test.

    Columns of "reviews": text; label ("negative", "positive", in the laptop profile also
    "neutral"); hard (does the surface mislead: negation, contrast, irony?). "passages" has
    one split, "all"; "questions" has tune, validation and test; "scenes" has a column image
    (PIL.Image). Their columns: data/texts/*.md. "abstracts" has one split, "all", and beside
    title, abstract, year and field a column text, title and abstract in one: `vectors`
    embeds it.
    """
    row = entry(name, profile)
    found = _from_hub(row) if "hub" in row else _from_file(name, row)
    if "text" in row:
        from datasets import disable_progress_bars

        disable_progress_bars()  # a bar is noise among a notebook's stored outputs
        found = found.map(lambda r: {"text": joined(*(r[k] for k in row["text"]))})
    return found


def joined(title: str, text: str) -> str:
    """A title and its text as one text."""
    return f"{title}{' ' if title[-1:] in '.?!' else '. '}{text}"


def rows(name: str) -> list[dict]:
    """The rows of a shipped JSON Lines file, its sha256 checked first."""
    row = entry(name, "laptop")
    fix = f"git checkout -- data/texts/{row['file']}"
    models.check_files(TEXTS, row["sha256"], f"data set {name}", fix)
    lines = (TEXTS / row["file"]).read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def _from_file(name, row):
    from datasets import Dataset, DatasetDict, Features, Json

    mixed, parts = row.get("json", ()), {}
    for r in _with_pictures(rows(name), row):
        parts.setdefault(r.pop("split", "all"), []).append(r)
    found = DatasetDict()
    for s in _splits(parts):
        plain = [{k: v for k, v in r.items() if k not in mixed} for r in parts[s]]
        kinds = Dataset.from_list(plain).features
        # without a type of their own, every row's dictionary would get the keys of all rows
        kinds = Features({k: Json() if k in mixed else kinds[k] for k in parts[s][0]})
        found[s] = Dataset.from_list(parts[s], features=kinds)
    return found


def _with_pictures(found, row):
    """The rows with a column image where the data set has a sheet of pictures."""
    if "pictures" not in row:
        return found
    from utils import pictures

    shown = pictures.tiles(TEXTS / row["pictures"], len(found))
    return [{**r, "image": image} for r, image in zip(found, shown)]


def _splits(data) -> list[str]:
    return [s for s in ORDER if s in data]


def _from_hub(row):
    from datasets import Features, Value

    from utils.download import dataset

    found = dataset(row["hub"], row.get("config"))
    if "form" in row:
        from utils.annotated import FORMS

        return FORMS[row["form"]](found)
    if "names" not in row:
        return _renamed(found, row)
    cue = re.compile(row["hard"], re.IGNORECASE)

    def ours(r):
        text = r[row["rename"]["text"]]
        label = row["names"][r[row["rename"]["label"]]]
        return {"text": text, "label": label, "hard": bool(cue.search(text))}

    columns = next(iter(found.values())).column_names
    kinds = {"text": Value("string"), "label": Value("string"), "hard": Value("bool")}
    # `features` is needed: the hub's label is a ClassLabel, which refuses our names
    return found.map(ours, remove_columns=columns, features=Features(kinds))


def _renamed(data, row):
    """Hub data under our names of columns and splits, other columns left out."""
    from datasets import DatasetDict

    ours = {theirs: name for name, theirs in row["rename"].items()}
    return DatasetDict({row.get("splits", {}).get(s, s):
                        part.select_columns(list(ours)).rename_columns(ours)
                        for s, part in data.items()})


def fingerprint(text: str) -> str:
    """12 hex digits that stand for a text: lower case, letters and digits only."""
    plain = re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()
    return hashlib.sha256(plain.encode()).hexdigest()[:12]


def vectors(name: str, spec, encode) -> dict:
    """Embeddings of a data set: split -> float32 array of shape (rows, dimensions).

    Shipped vectors (float16) are used when they were made from these very texts by the
    checkpoint `spec`; otherwise `encode` (a SentenceTransformer's) computes them once,
    and they are kept in the cache folder.
    """
    data = load(name, spec.profile)
    key = text_key(data, spec.digest)
    shipped = entry(name, spec.profile).get("vectors")
    for file in [*([TEXTS / shipped] if shipped else []), _cached(name, key)]:
        found = read_vectors(file, key)
        if found is not None:
            return found
    made = {s: encode(list(part["text"]), batch_size=64) for s, part in data.items()}
    write_vectors(_cached(name, key), made, key)
    return read_vectors(_cached(name, key), key)


def text_key(data, digest: str) -> str:
    """One hash of all texts, in order, and of the weights that embed them."""
    h = hashlib.sha256(digest.encode())
    for split in _splits(data):
        for text in data[split]["text"]:
            h.update(text.encode() + b"\0")
    return h.hexdigest()[:32]


def _cached(name, key):
    from utils.adapters import cache_folder

    return cache_folder() / f"{name}-{key[:12]}.vectors.safetensors"


def read_vectors(file: Path, key: str):
    """Arrays of a vector file as float32, or None if it is absent or of other texts."""
    from safetensors import safe_open

    if not file.exists():
        return None
    with safe_open(file, "np") as f:
        if (f.metadata() or {}).get("key") != key:
            return None
        return {s: f.get_tensor(s).astype("float32") for s in _splits(f.keys())}


def write_vectors(file: Path, arrays: dict, key: str) -> None:
    """Write float16 arrays to a temporary place, then rename: never half a file."""
    from safetensors.numpy import save_file

    file.parent.mkdir(parents=True, exist_ok=True)
    half = {s: a.astype("float16") for s, a in arrays.items()}
    # a place of its own: two notebooks may write the same vectors at once
    with tempfile.TemporaryDirectory(prefix=".vectors-", dir=file.parent) as tmp:
        save_file(half, Path(tmp, file.name), metadata={"key": key})
        Path(tmp, file.name).replace(file)
