"""What is here: the GPU, the CPU, their memory, and bitsandbytes if it is installed."""

import logging
import re
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from utils import HandsOnError

GIB = 1024**3
CGROUP = Path("/sys/fs/cgroup")  # where Linux keeps the limits of a container
SHARE = {"cuda": 0.95, "mps": 1.0, "cpu": 0.85}  # of free memory; mps: see look()


@dataclass(frozen=True)
class Machine:
    """What runs models: a GPU ("cuda", "mps"; the current one) or the CPU ("cpu")."""

    kind: str
    name: str
    cores: int
    ram_gib: float  # free now
    vram_gib: float = 0.0  # free now
    capability: tuple | None = None  # CUDA compute capability, such as (7, 5)
    bf16: bool = False  # bfloat16 in the hardware of `kind`, not emulated
    avx512: bool = False
    bitsandbytes: bool = False  # installed

    def __str__(self):
        cpu = f"CPU, {self.cores} cores, {self.ram_gib:.1f} GiB free memory"
        bf16 = "bf16" if self.bf16 else "no bf16"
        if self.kind == "cpu":
            return f"{cpu}, {'AVX-512 with ' if self.avx512 else ''}{bf16}"
        chip = "capability {}.{}, ".format(*self.capability) if self.capability else ""
        return f"{self.name}, {self.vram_gib:.1f} GiB free, {chip}{bf16}; {cpu}"

    @property
    def half(self):
        """The 16-bit type this machine computes in; "float32" on a CPU without one."""
        if self.bf16:
            return "bfloat16"
        return "float32" if self.kind == "cpu" else "float16"

    @property
    def quantizes(self):
        """Whether int8 and nf4 are to be had: not on Apple GPUs."""
        return self.bitsandbytes and self.kind != "mps"

    def usable_gib(self, device_map):
        """What a model may fill, less a margin; "auto" is the GPU and the CPU."""
        gpu, cpu = self.vram_gib * SHARE[self.kind], self.ram_gib * SHARE["cpu"]
        return {None: cpu, "auto": gpu + cpu}.get(device_map, gpu)


def look():
    """The Machine this process runs on, with the memory that is free at this moment.

    CUDA has bfloat16 from compute capability 8.0; a T4 (7.5) only emulates it, and
    torch.cuda.is_bf16_supported() says yes all the same. An Apple GPU may use about
    70 % of the CPU's memory; its bfloat16 depends on macOS and is not relied on.
    """
    import psutil
    import torch
    from joblib import cpu_count  # heeds affinity and the limits of a container

    can = getattr(torch.cpu, "get_capabilities", dict)()
    bf16 = any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    bnb = find_spec("bitsandbytes") is not None
    free, avx512 = _free_memory() / GIB, bool(can.get("avx512_f"))
    here = Machine("cpu", "CPU", cpu_count(), free, 0.0, None, bf16, avx512, bnb)
    if (gpu := torch.cuda).is_available():
        idle = gpu.memory_reserved() - gpu.memory_allocated()  # held by torch, unused
        vram, chip = gpu.mem_get_info()[0] + idle, gpu.get_device_capability()
        here = replace(here, kind="cuda", name=gpu.get_device_name(), capability=chip)
        return replace(here, vram_gib=vram / GIB, bf16=chip >= (8, 0))
    if torch.backends.mps.is_available():
        vram = min(free, 0.7 * psutil.virtual_memory().total / GIB)
        return replace(here, kind="mps", name="Apple GPU", vram_gib=vram, bf16=False)
    return here


def _free_memory():
    """Bytes of memory free now, within the limit of a container (cgroup 2, or 1)."""
    import psutil

    free = psutil.virtual_memory().available
    new = CGROUP, "memory.max", "memory.current"
    old = CGROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
    for folder, *files in (new, old):
        try:
            limit, used = (int((folder / name).read_text()) for name in files)
            stat = (folder / "memory.stat").read_text()
        except (OSError, ValueError):  # no such file, or no limit: "max"
            continue
        cached = re.findall(r"(?m)^(?:in)?active_file (\d+)", stat)
        free = min(free, limit - used + sum(map(int, cached)))  # cached files give way
    return free


def quantization(bits, double=True, dtype=None):
    """The BitsAndBytesConfig to load a model in 4 bits (nf4) or 8 bits (int8) here.

    nf4 and `double`, which quantizes the scaling constants too, are from QLoRA (arXiv
    2305.14314), int8 is from LLM.int8() (arXiv 2208.07339). dtype: the name of the type
    that 4-bit weights are multiplied in; None: the best this machine has.
    HandsOnError: bitsandbytes is missing, an Apple GPU, or other bits than 4 and 8.
    """
    here = look()
    if here.kind == "mps":
        raise HandsOnError("No bitsandbytes on Apple GPUs: load the model in float16.")
    if not here.bitsandbytes:
        raise HandsOnError(f"{bits}-bit loading needs: pip install bitsandbytes")
    if bits not in (4, 8):
        raise HandsOnError(f"bitsandbytes quantizes to 4 or 8 bits, not {bits}.")
    for name in ("backends.cpu.ops", "autograd._functions"):  # a line per layer
        logging.getLogger(f"bitsandbytes.{name}").setLevel(logging.ERROR)
    import torch
    from bitsandbytes.nn import modules
    from transformers import BitsAndBytesConfig

    # On a CPU with AVX512-BF16 the first generate() repacks 4-bit weights for a kernel
    # without gradients: training after it is wrong. Layers made from now on do not.
    modules.has_avx512bf16 = lambda: False
    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=getattr(torch, dtype or here.half),
    )
