"""python -m utils.doctor: each thing the notebooks need, [ok] or [fail] with the fix."""
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from utils import HandsOnError

PIP = "pip install -r requirements.txt -c constraints.txt"
ROOT = Path(__file__).resolve().parent.parent
LINE = re.compile(r"^(?P<need>(?P<name>[A-Za-z0-9_.-]+)[^#]*?)\s*#\s*(?P<where>.+)$")


def requirements() -> list[dict]:
    """The lines of requirements.txt: need ("torch>=2.8"), name, where ("ch04; ch11")."""
    text = (ROOT / "requirements.txt").read_text("utf-8")
    return [m.groupdict() for m in map(LINE.match, text.splitlines()) if m]


def for_chapter(row: dict, number: int) -> bool:
    """Does chapter `number` use this line of requirements.txt?"""
    return row["where"].startswith("all chapters") or f"ch{number:02d}" in row["where"]


def unmet(need: str) -> str:
    """What is wrong with one requirement: "" if met, else a short reason."""
    from packaging.requirements import Requirement

    wanted = Requirement(need)
    try:
        found = metadata.version(wanted.name)
    except metadata.PackageNotFoundError:
        return "not installed"
    if not wanted.specifier.contains(found, prereleases=True):
        return f"is {found}, needs {wanted.specifier}"
    return ""


def missing_packages(number: int) -> list[str]:
    """Lines of requirements.txt that chapter `number` needs and that are not met."""
    rows = [r for r in requirements() if for_chapter(r, number)]
    return [r["need"] for r in rows if unmet(r["need"])]


def install(needs: list[str]) -> None:
    """Install with pip into the running Python; used on Colab only."""
    print("Installing:", ", ".join(needs))
    done = subprocess.run([sys.executable, "-m", "pip", "install", "-q", *needs])
    if done.returncode:
        raise HandsOnError(
            "pip could not install them. Fix: read its message above, then "
            "Runtime > Restart session, and run the first cell again."
        )


def check_python():
    """The running Python is one the companion is written for."""
    from utils.chapter import NEWEST, OLDEST

    text = ".".join(map(str, sys.version_info[:3]))
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        return f"Python {text}"
    span = "{}.{} to {}.{}".format(*OLDEST, *NEWEST)
    raise HandsOnError(f"Python {text}. Fix: use {span} (make PYTHON=python3.12 lab)")


def check_packages():
    """Every line of requirements.txt is met."""
    wrong = [f"{r['need']} ({w})" for r in requirements() if (w := unmet(r["need"]))]
    if wrong:
        raise HandsOnError(
            f"{', '.join(wrong)}. Fix: make setup, or {PIP}"
        )
    return f"{len(requirements())} packages of requirements.txt"


def check_memory():
    """At least 4 GiB of memory, free or easily freed."""
    from utils import machine

    here = machine.look()
    if here.ram_gib < 4:
        raise HandsOnError(f"{here.ram_gib:.1f} GiB free. Fix: close other programs (4 GiB needed)")
    return str(here)


def check_disk():
    """Room for merged weights and caches."""
    from utils.adapters import cache_folder

    folder = cache_folder()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 2**30
    if free < 1:
        raise HandsOnError(
            f"{free:.1f} GiB free in {folder}. Fix: free 1 GiB, or set HANDSON_CACHE elsewhere"
        )
    return f"{free:.0f} GiB of disk for caches under {cache_folder()}"


def check_models():
    """Every shipped model is whole: sha256 of each file."""
    from utils import models

    roles = [models.find(role, "laptop").role for role in models.catalogue()]
    return f"models are whole: {', '.join(roles)}"


def check_data():
    """Every shipped data set is whole."""
    from utils import corpora

    counts = [f"{name} ({len(corpora.rows(name)):,})" for name in corpora.catalogue()]
    return f"data sets are whole: {', '.join(counts)}"


def check_kernel():
    """The kernel that the notebooks name exists and belongs to this Python."""
    from jupyter_client.kernelspec import KernelSpecManager

    if "python3" not in KernelSpecManager().find_kernel_specs():
        raise HandsOnError(
            "No kernel python3. Fix: python -m ipykernel install --sys-prefix --name python3"
        )
    return "Jupyter kernel python3"


def check_hub():
    """In the book profile the hub must answer; in the laptop profile nobody asks."""
    from utils import download, models

    if models.profile() == "laptop":
        return "laptop profile: no network needed"
    from huggingface_hub import model_info

    asked = models.catalogue()["embedder"]["book"]["hub"]
    download.explain(lambda: model_info(asked, timeout=10), asked)
    return "book profile: the hub answers"


CHECKS = [check_python, check_packages, check_kernel, check_memory, check_disk,
          check_models, check_data, check_hub]


def main() -> int:
    """Print one line for each check; exit code 1 if any failed."""
    failed = 0
    for check in CHECKS:
        try:
            print("[ok]  ", check())
        except Exception as e:  # one broken thing must not hide the next
            failed += 1
            what = f"{e}" if isinstance(e, HandsOnError) else f"{type(e).__name__}: {e}"
            if isinstance(e, ModuleNotFoundError):
                what = f"{e.name} is missing. Fix: make setup, or {PIP}"
            print("[fail]", what)
    print("All is well." if not failed else f"{failed} to mend: the fixes are above.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
