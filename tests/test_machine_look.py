"""utils.machine: what look() finds on a machine, and what importing it costs."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.machines import NEW_CPU, OLD_CPU, minilm
from utils import machine

torch = pytest.importorskip("torch")


def test_look_describes_this_machine():
    here = machine.look()
    assert here.cores >= 1 and here.ram_gib > 0.1 and "\n" not in str(here)
    assert here.kind in ("cuda", "mps", "cpu")
    assert machine.fits(minilm()).fits


def test_look_at_a_t4_an_a100_and_an_apple_gpu(monkeypatch):
    cuda = SimpleNamespace(
        is_available=lambda: True, memory_reserved=lambda: 3 * 1024**3,
        memory_allocated=lambda: 1024**3, mem_get_info=lambda: (8 * 1024**3, 0),
        get_device_name=lambda: "Tesla T4", get_device_capability=lambda: (7, 5),
    )  # fmt: skip
    monkeypatch.setattr(torch, "cuda", cuda)
    here = machine.look()
    assert (here.kind, here.vram_gib, here.bf16) == ("cuda", 10.0, False)
    assert str(here).startswith("Tesla T4, 10.0 GiB free, capability 7.5, no bf16; CPU")
    cuda.get_device_capability = lambda: (8, 0)
    assert machine.look().bf16
    cuda.is_available = lambda: False
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    here = machine.look()
    assert (here.kind, here.bf16, here.half) == ("mps", False, "float16")
    assert 0 < here.vram_gib <= here.ram_gib


@pytest.mark.parametrize("names", [
    "memory.max memory.current memory.stat",
    "memory/memory.limit_in_bytes memory/memory.usage_in_bytes memory/memory.stat",
])  # fmt: skip
def test_the_limit_of_a_container_is_respected(names, tmp_path, monkeypatch):
    home = sys.modules[machine.look.__module__]
    monkeypatch.setattr(home, "CGROUP", tmp_path)
    (tmp_path / "memory").mkdir()
    names = names.split()
    stat = "anon 5\nactive_file 20\ninactive_file 10\ntotal_inactive_file 99\n"
    for name, text in zip(names, ("1000\n", "400\n", stat), strict=True):
        (tmp_path / name).write_text(text)
    assert home._free_memory() == 1000 - 400 + 20 + 10
    (tmp_path / names[0]).write_text("max\n")
    assert home._free_memory() > 1e6


def test_the_line_about_a_cpu():
    here = replace(NEW_CPU, ram_gib=22.14)
    assert str(here) == "CPU, 2 cores, 22.1 GiB free memory, AVX-512 with bf16"
    assert str(OLD_CPU) == "CPU, 2 cores, 12.0 GiB free memory, no bf16"


def test_importing_it_imports_nothing_heavy():
    heavy = "{'torch', 'transformers', 'psutil', 'numpy', 'joblib'}"
    code = f"import sys, utils.machine; print({heavy} & set(sys.modules))"
    root = Path(machine.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True
    )
    assert done.stdout == "set()\n", done.stderr
