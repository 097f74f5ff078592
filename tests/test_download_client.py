"""utils.download with the real client, in a process of its own, from a hub on 127.0.0.1."""

import json
import os
import random
import subprocess
import sys

import pytest

from tests.hub import Hub

PIN = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"  # any commit


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(random.Random(0).randbytes(3 << 20))
    [(folder / name).write_text("{}") for name in ("config.json", "vocab.txt")]
    return folder


@pytest.fixture
def home(tmp_path):
    """2 MiB of disk, if this user may have a disk of its own."""
    home = tmp_path / "home"
    home.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(home)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("may not mount a tmpfs here")
    yield home
    subprocess.run(["umount", str(home)], check=True)


def client(server, home, *revisions):
    """What snapshot() returned or said, for one revision after the other."""
    code = f"""
import json
from utils import HandsOnError, download
seen = []
for revision in {revisions}:
    try:
        seen.append(download.snapshot("o/m", revision))
    except HandsOnError as e:
        seen.append(str(e))
print(json.dumps(seen))"""
    done = subprocess.run([sys.executable, "-c", code], env=server.environment(home),
                          capture_output=True, text=True, timeout=100)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_disk_that_is_really_full(model, home):
    with Hub() as server:
        server.add_model("o/m", model)
        (said,) = client(server, home, None)
    assert f"The disk is full: o/m does not fit under {home}" in said and "set HF_HOME" in said
    left = {p.name: p.stat().st_size for p in home.rglob("*") if p.is_file()}
    assert sum(left.values()) < 10_000 and "incomplete" not in " ".join(left), left


def test_a_pinned_snapshot_is_completed_and_then_never_asked_for_again(model, tmp_path):
    with Hub() as server:
        server.add_model("o/m", model, revision=PIN)
        server.fail("vocab.txt", status=403)
        broken, folder = client(server, tmp_path / "home", PIN, PIN)
        assert "could not be fetched whole" in broken and "Fix: " in broken
        assert sorted(os.listdir(folder)) == sorted(os.listdir(model))
        before = len(server.requests)
        assert client(server, tmp_path / "home", PIN) == [folder]
        assert len(server.requests) == before
