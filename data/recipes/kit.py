"""What the recipes share: public sources, honest replacement of a model, the catalogue."""
import hashlib
import json
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


def write_json(file: Path, value) -> None:
    """JSON through a temporary name."""
    tmp = file.with_suffix(".tmp")
    tmp.write_text(json.dumps(value, indent=1) + "\n", "utf-8")
    tmp.replace(file)
