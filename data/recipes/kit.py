"""What the recipes share: public sources, honest replacement of a model, the catalogue."""
import hashlib
import json
import math
import os
import re
import shutil
from pathlib import Path

from utils import HandsOnError, models

MODELS = models.DATA / "models"
TEXTS = models.DATA / "texts"


def source(repo_id: str, split: str):
    """A split of a public data set as a pandas table.

    Read from HANDSON_SOURCES/datasets/<id>/<split>.parquet, a folder with the public
    files under their hub ids. Raises HandsOnError that says what to set.
    """
    import pandas as pd

    folder = os.environ.get("HANDSON_SOURCES") or os.environ.get("HANDSON_HUB_MIRROR")
    file = Path(folder or "?", "datasets", repo_id, f"{split}.parquet")
    if not file.exists():
        raise HandsOnError(
            f"{repo_id} ({split}) is needed. Fix: set HANDSON_SOURCES to a folder that "
            f"holds datasets/{repo_id}/{split}.parquet (download it from the hub)."
        )
    return pd.read_parquet(file)


def tales(limit: int | None = None, files=("fairy_tales",)):
    """Paragraphs of public-domain tales, at most `limit` characters in all.

    Read from HANDSON_SOURCES/../corpora/<file>.jsonl.gz or HANDSON_SOURCES/<file>.jsonl.gz.
    """
    import gzip

    folder = Path(os.environ.get("HANDSON_SOURCES") or "?")
    for name in files:
        places = [folder / f"{name}.jsonl.gz", folder.parent / "corpora" / f"{name}.jsonl.gz"]
        file = next((p for p in places if p.exists()), None)
        if file is None:
            raise HandsOnError(
                f"{name}.jsonl.gz is needed. Fix: set HANDSON_SOURCES to a folder that holds it: "
                f"lines with a text, of Grimm, Andersen and Wilde from Project Gutenberg.")
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                for part in json.loads(line)["text"].split("\n\n"):
                    part = plain(part)
                    if limit is not None:
                        limit -= len(part)
                        if limit < 0:
                            return
                    yield part


def plain(text: str) -> str:
    """One line with plain quotation marks and dashes, as a keyboard types them."""
    for old, new in (("\u201c", '"'), ("\u201d", '"'), ("\u2018", "'"), ("\u2019", "'"),
                     ("\u2014", " - "), ("\u2013", "-")):
        text = text.replace(old, new)
    return re.sub(r"\s+", " ", text.encode("ascii", "ignore").decode()).strip()


def processes():
    """accelerate's PartialState: how many processes train, and which of them this one is."""
    import torch
    from accelerate import PartialState

    return PartialState(cpu=not torch.cuda.is_available())


def asked(role: str, description: str, laptop, gpu) -> tuple:
    """(loop.Plan for this machine, keep the new model in any case?), as the command says.

    Raises HandsOnError before hours of training if the catalogue has no place for the role.
    """
    import argparse

    import torch

    line = argparse.ArgumentParser(description=description)
    line.add_argument("--steps", type=int)
    line.add_argument("--force", action="store_true", help="keep the new one in any case")
    line.add_argument("--on", action="store_true", help="begin with the shipped weights")
    line = line.parse_args()
    if role not in models.catalogue():
        raise HandsOnError(f"{MODELS / 'catalogue.toml'} has no section [{role}]. Fix: add it.")
    plan = gpu if torch.cuda.is_available() else laptop
    plan.steps, plan.onward = line.steps or plan.steps, line.on
    return plan, line.force


def load_shipped(role: str, model) -> None:
    """Put the shipped weights of a role into a model of the same shape."""
    from safetensors.torch import load_file

    file = MODELS / role / "model.safetensors"
    if not file.exists():
        raise HandsOnError(f"There is no {file} to go on from. Fix: leave out --on.")
    missing, extra = model.load_state_dict(load_file(file), strict=False)
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    if extra or set(missing) - tied:
        raise HandsOnError(f"{file} belongs to a model of another shape. Fix: leave out --on.")


def made_once(folder: Path, make):
    """The tokenizer in a folder; made and saved there if it is not yet."""
    from transformers import AutoTokenizer

    with processes().main_process_first():
        if not (folder / "tokenizer.json").exists():
            make().save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def replace(new: Path, old: Path) -> None:
    """Put a finished folder in the place of the old one; never half a folder."""
    spare = old.with_name(f".{old.name}.old")
    shutil.rmtree(spare, ignore_errors=True)
    if old.exists():
        old.rename(spare)
    new.rename(old)
    shutil.rmtree(spare, ignore_errors=True)


def record(catalogue: Path, table: str, hashes: dict) -> None:
    """Write {file: sha256} into [table.sha256] of a catalogue."""
    head = f"[{table}.sha256]"
    text = catalogue.read_text("utf-8")
    if head not in text:
        raise HandsOnError(f"{catalogue} has no section {head}. Fix: add it.")
    before, after = text.split(head, 1)
    rest = re.sub(r'\A\n("[^\n]*\n)*', "\n", after)
    lines = "".join(f'"{name}" = "{digest}"\n' for name, digest in sorted(hashes.items()))
    tmp = catalogue.with_suffix(".tmp")
    tmp.write_text(f"{before}{head}\n{lines}{rest[1:]}", "utf-8")
    tmp.replace(catalogue)
    models.catalogue.cache_clear()


def hashes(folder: Path, names) -> dict:
    """{name: sha256} of files in a folder."""
    return {n: hashlib.sha256((folder / n).read_bytes()).hexdigest() for n in names}


def compact(file: Path) -> None:
    """JSON without indentation: half of the bytes of a tokenizer."""
    value = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), "utf-8")


def write_json(file: Path, value) -> None:
    """JSON through a temporary name."""
    tmp = file.with_suffix(".tmp")
    tmp.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
    tmp.replace(file)


def install(role: str, model, tokenizer, log: dict, force: bool = False, **files) -> bool:
    """Save in float16, measure, and replace the shipped model if the new one is not worse.

    The measure is quality(folder) of data/recipes/scores_<role>.py, the higher the better.
    files: {name: lines} to be written beside it, with the ending .sha256.
    Returns whether the new model was kept.
    """
    import tempfile
    from importlib import import_module

    if not processes().is_main_process:
        return False
    target, quality = MODELS / role, import_module(f"data.recipes.scores_{role}").quality
    with tempfile.TemporaryDirectory(prefix=f".{role}-", dir=MODELS) as tmp:
        new = Path(tmp, role)
        model.half().save_pretrained(new)
        tokenizer.save_pretrained(new)
        compact(new / "tokenizer.json")
        write_json(new / "log.json", log)
        for name, lines in files.items():
            (new / f"{name}.sha256").write_text("\n".join(lines) + "\n", "utf-8")
        score = quality(new)
        old = quality(target) if (target / "log.json").exists() else -math.inf
        print(f"{role}: quality of the new model {score:.3f}, of the old one {old:.3f}")
        if score < old and not force:
            print("The old model is better and stays. --force takes the new one.")
            return False
        if (target / "README.md").exists():
            shutil.copy(target / "README.md", new)
        replace(new, target)
    names = sorted(f.name for f in target.iterdir() if f.name not in ("README.md", "log.json"))
    record(MODELS / "catalogue.toml", f"{role}.laptop", hashes(target, names))
    print(f"Wrote {target}. Now: make scorecard && make index")
    return True
