"""start(): one call makes a notebook's kernel ready; the Run it returns keeps its checks.

    run = chapter.start(4)
    epochs = run.pick(laptop=1, book=3)
    run.check("hand = library", np.allclose(a, b), "difference under 1e-6")
    run.report()
"""
import logging
import os
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from utils import HandsOnError, models

ROOT = Path(__file__).resolve().parent.parent
OLDEST, NEWEST = (3, 11), (3, 14)  # the Pythons this is written for
QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",  # widget bars break nbval and GitHub's pages
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRL_EXPERIMENTAL_SILENCE": "1",
    "ANONYMIZED_TELEMETRY": "False",
}


def start(number: int, profile: str | None = None, seed: int = 7) -> "Run":
    """Make the kernel ready for a chapter and say in one line what it found.

    Sets the profile, offline switches, seeds, threads and the plot style. Raises
    HandsOnError, naming the fix, when a package the chapter needs is missing.
    """
    began = time.perf_counter()
    os.environ["HANDSON_PROFILE"] = models.known_profile(profile or models.profile())
    os.environ.update(QUIET)
    if models.profile() == "laptop":
        _offline()
    _need_packages(number)
    _hush()
    from utils import machine, plots

    set_seed(seed)
    plots.style()
    here = machine.look()
    print(f"Chapter {number} · profile {models.profile()} · {here} · seed {seed}")
    return Run(number, models.profile(), seed, began)


def _offline():
    """No look-ups in the laptop profile: without a network each would wait for 23 s."""
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1")
    if constants := sys.modules.get("huggingface_hub.constants"):
        constants.HF_HUB_OFFLINE = True  # imported before us: it read the old value


def _need_packages(number):
    from utils import doctor

    missing = doctor.missing_packages(number)
    if missing and "google.colab" in sys.modules:
        doctor.install(missing)
    elif missing:
        raise HandsOnError(
            f"Chapter {number} needs {', '.join(missing)}. Fix: open it with `make lab`, "
            f"or run: pip install -r requirements.txt -c constraints.txt"
        )


def _hush():
    warnings.filterwarnings("ignore", category=FutureWarning)
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", message="IProgress")  # bars are plain text here
    for name in ("bitsandbytes.backends.cpu.ops", "bitsandbytes.autograd._functions"):
        logging.getLogger(name).setLevel(logging.ERROR)


def set_seed(seed: int) -> None:
    """Seed Python, NumPy and torch."""
    import random

    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed)
    torch.manual_seed(seed)


@dataclass
class Run:
    """One run of one notebook: its profile, its checks, its clock."""

    number: int
    profile: str
    seed: int
    began: float
    held: list[str] = field(default_factory=list)

    def pick(self, laptop, book, long=None):
        """The value for the profile in force; `long` when LONG=1 is set."""
        if long is not None and os.environ.get("LONG") == "1":
            return long
        return book if self.profile == "book" else laptop

    def check(self, name: str, holds, detail: str = "") -> None:
        """Print the claim and what was measured; AssertionError if it does not hold."""
        line = f"{name}: {detail}" if detail else name
        if not bool(holds):
            raise AssertionError(f"This claim did not hold: {line}")
        self.held.append(name)
        print(f"✓ {line}")

    def report(self) -> None:
        """Time, peak memory, versions, and the number of checks that held."""
        from importlib.metadata import version

        used = ("torch", "transformers", "sentence-transformers", "datasets")
        seconds = time.perf_counter() - self.began
        print(f"{len(self.held)} checks held in {seconds:.0f} s; peak memory "
              f"{peak_gib():.1f} GiB; profile {self.profile}; seed {self.seed}")
        print("Python", sys.version.split()[0], *(f"· {p} {version(p)}" for p in used))


def peak_gib() -> float:
    """Largest memory this process held so far, in GiB (2**30 bytes)."""
    try:
        import resource

        unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    except ImportError:  # Windows
        import psutil

        return psutil.Process().memory_info().peak_wset / 2**30
