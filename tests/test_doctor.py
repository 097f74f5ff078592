"""utils.doctor, and the two files it reads: requirements.txt and constraints.txt."""
import re
import sys
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from utils import HandsOnError, chapter, doctor, machine

IN_VENV = Path(sys.prefix).resolve() == (doctor.ROOT / ".venv").resolve()


def lines(name):
    text = (doctor.ROOT / name).read_text("utf-8")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def pins():
    return [Requirement(line.split("#")[0]) for line in lines("constraints.txt")]


@pytest.fixture(autouse=True)
def laptop(monkeypatch):
    monkeypatch.delenv("HANDSON_PROFILE", raising=False)


def test_every_line_of_requirements_is_read():
    rows = doctor.requirements()
    assert len(rows) == len(lines("requirements.txt")) > 40
    for row in rows:
        assert Requirement(row["need"]).name == row["name"]
        assert re.match(r"all chapters|tests|ch\d\d(; ch\d\d)*( |$)", row["where"]), row


def test_a_chapter_needs_its_own_lines_and_the_common_ones():
    def names(number):
        return {r["name"] for r in doctor.requirements() if doctor.for_chapter(r, number)}

    assert {"torch", "scikit-learn"} <= names(4) and not {"bertopic", "peft"} & names(4)
    assert "bertopic" in names(5) and "pytest" not in names(5)


def test_every_requirement_is_pinned_to_a_version_it_allows():
    pinned = {p.name: str(p.specifier).removeprefix("==") for p in pins()}
    for row in doctor.requirements():
        need = Requirement(row["need"])
        assert need.specifier.contains(pinned[need.name.lower()]), need


@pytest.mark.skipif(not IN_VENV, reason="not the environment that make sets up")
def test_the_pinned_set_is_the_installed_set():
    """A local part, torch's +cpu, is a build of the same version."""
    found = {p.name: Version(metadata.version(p.name)).public for p in pins()}
    assert found == {p.name: str(p.specifier).removeprefix("==") for p in pins()}


@pytest.mark.parametrize("need, reason", [
    ("pytest>=8", ""), ("pytest[dev]>=1", ""), ("PyTest", ""),
    ("pytest<1", r"is \d+\..*, needs <1"), ("no-such-package-here", "not installed"),
])  # fmt: skip
def test_an_unmet_need_comes_with_its_reason(need, reason):
    assert re.fullmatch(reason, doctor.unmet(need))


def test_an_unmet_need_is_missing_in_its_chapters_only(monkeypatch):
    monkeypatch.setattr(doctor, "unmet", lambda need: "old" if need.startswith("peft") else "")
    assert [doctor.missing_packages(n) for n in (12, 5)] == [["peft>=0.21"], []]


def test_a_failed_install_says_what_to_do(monkeypatch):
    failed = namedtuple("Done", "returncode")(1)
    monkeypatch.setattr(doctor.subprocess, "run", lambda command: failed)
    with pytest.raises(HandsOnError, match="Restart session"):
        doctor.install(["peft"])


def test_all_is_well_here(capsys):
    code = doctor.main()
    out = capsys.readouterr().out
    assert code == 0, out
    assert out.count("[ok]") == len(doctor.CHECKS) and "[fail]" not in out
    assert "embedder, encoder, sentiment" in out and "reviews (1,200)" in out
    assert "no network needed" in out


SMALL = machine.Machine("cpu", "CPU", 2, ram_gib=1.5)
DISK = namedtuple("Usage", "free")(2**29)
HARM = {
    "check_python": (chapter, "OLDEST", (3, 99), "use 3.99 to 3.14"),
    "check_packages": (doctor, "unmet", lambda need: "is 0.1", r"torch>=2.8 \(is 0.1\).*-c con"),
    "check_memory": (machine, "look", lambda: SMALL, "1.5 GiB free"),
    "check_disk": (doctor.shutil, "disk_usage", lambda folder: DISK, "0.5 GiB.*HANDSON_CACHE"),
    "check_kernel": (
        "jupyter_client.kernelspec.KernelSpecManager", "find_kernel_specs", lambda self: {},
        "ipykernel install"),
    "check_models": (
        "utils.models", "sha256", lambda *file: "0", "model.safetensors.*pip install"),
    "check_data": ("utils.models", "sha256", lambda *file: "0", "git checkout -- data/texts"),
}  # fmt: skip


@pytest.mark.parametrize("check", HARM)
def test_what_is_wrong_is_named_with_its_fix_and_hides_nothing_else(check, monkeypatch, capsys):
    where, name, value, message = HARM[check]
    where = f"{where}.{name}" if isinstance(where, str) else where
    monkeypatch.setattr(*([where] if isinstance(where, str) else [where, name]), value)
    monkeypatch.setattr(doctor, "CHECKS", [getattr(doctor, check), doctor.check_hub])
    assert doctor.main() == 1
    wrong, next_one, last = capsys.readouterr().out.splitlines()
    assert re.match(rf"\[fail\] .*{message}", wrong) and "Fix: " in wrong
    assert next_one.startswith("[ok]") and last == "1 to mend: the fixes are above."


def test_a_check_that_crashes_is_a_failure_and_not_the_end(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "CHECKS", [lambda: 1 / 0, doctor.check_hub])
    assert doctor.main() == 1
    assert "[fail] ZeroDivisionError" in capsys.readouterr().out


def test_in_the_book_profile_the_hub_must_answer(monkeypatch, capsys):
    import huggingface_hub

    asked = []
    monkeypatch.setenv("HANDSON_PROFILE", "book")
    monkeypatch.setattr(huggingface_hub, "model_info", lambda repo, timeout: asked.append(repo))
    assert "the hub answers" in doctor.check_hub() and asked

    def down(repo, timeout):
        raise ConnectionError

    monkeypatch.setattr(huggingface_hub, "model_info", down)
    with pytest.raises(HandsOnError, match="check the network"):
        doctor.check_hub()
