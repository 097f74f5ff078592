"""What is here, and in which form a model of N parameters is best loaded on it.

    plan = machine.fits(config)   # for machine.look(); plan.reason says why
    model = AutoModelForCausalLM.from_pretrained(path, **plan.options)

A GiB is 1024**3 bytes. Of several GPUs only the current one is counted.
"""

import logging
import re
from copy import deepcopy
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from utils import HandsOnError

GIB = 1024**3
CGROUP = Path("/sys/fs/cgroup")  # where Linux keeps the limits of a container
SMALL = 0.5e9  # parameters: below this a CPU can afford full precision
# Predicted beside weights and cache, in round and careful numbers:
USABLE = {"cuda": 0.95, "mps": 1.0, "cpu": 0.85}  # of free memory; mps: see look()
BASE_GIB = {"cuda": 0.6, "mps": 0.3, "cpu": 0.3}  # kernels, workspaces, libraries
ACTIVATIONS = 0.05  # of the weights in the compute dtype, per row of the batch
NF4_SCALES = 0.127 / 8  # bytes a weight, not in get_memory_footprint(); QLoRA, sec. 3
GGUF_Q4 = 5 / 8  # bytes a weight of a Q4_K_M file, which mixes 4 and 6 bits


@dataclass(frozen=True)
class Machine:
    """What models can run on here: a GPU ("cuda" or "mps") beside a CPU, or the CPU."""

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
        chip = "compute capability {}.{}, ".format(*self.capability or "--")
        return f"{self.name}, {self.vram_gib:.1f} GiB free, {chip}{bf16}; {cpu}"


def look():
    """The Machine this process runs on, with the memory that is free at this moment.

    CUDA has bfloat16 from capability 8.0 (torch.cuda.is_bf16_supported() says yes to a
    T4, too, which emulates it). An Apple GPU shares the CPU's memory and may take about
    70 % of it; its bfloat16 depends on the version of macOS and is not relied on.
    """
    import torch
    from joblib import cpu_count  # heeds affinity and the limits of a container

    free, total = _memory()
    can = getattr(torch.cpu, "get_capabilities", dict)()
    bf16 = any(can.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    bnb = find_spec("bitsandbytes") is not None
    avx = bool(can.get("avx512_f"))
    if torch.cuda.is_available():
        chip, name = torch.cuda.get_device_capability(), torch.cuda.get_device_name()
        idle = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()
        vram = torch.cuda.mem_get_info()[0] + idle  # idle: torch's own cache
        gpu = "cuda", name, vram, chip, chip >= (8, 0)
    elif torch.backends.mps.is_available():
        gpu = "mps", "Apple GPU", min(0.7 * total, free), None, False
    else:
        gpu = "cpu", "CPU", 0, None, bf16
    kind, name, vram, chip, bf16 = gpu
    return Machine(
        kind, name, cpu_count(), free / GIB, vram / GIB, chip, bf16, avx, bnb
    )


def _memory():
    """Bytes of memory (free now, in all), within a container's limit (cgroup 1, 2)."""
    import psutil

    memory = psutil.virtual_memory()
    free, total = memory.available, memory.total
    two = CGROUP, "memory.max", "memory.current"
    one = CGROUP / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
    for folder, limit, used in (two, one):
        try:
            limit = int((folder / limit).read_text())
            used = int((folder / used).read_text())
            stat = (folder / "memory.stat").read_text()
        except (OSError, ValueError):  # no such file, or no limit: "max"
            continue
        cached = re.findall(r"^(?:in)?active_file (\d+)", stat, re.MULTILINE)
        free = min(free, limit - used + sum(map(int, cached)))  # cached files give way
    return free, total


@dataclass(frozen=True)
class Sizes:
    """A model in numbers that hold for every dtype."""

    parameters: int
    linear: int  # weights that bitsandbytes converts
    keep_fp32: int  # of the others, what stays float32 when float16 is asked for
    cache_bytes_per_token: int  # 16-bit keys and values; 0: the model does not generate


def count(config):
    """The Sizes of the model a transformers config describes: no weight is needed.

    The model is built on torch's meta device, which knows shapes and holds no numbers.
    """
    import torch
    from transformers.pytorch_utils import Conv1D
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    config = deepcopy(config)  # building a model writes into its config
    with torch.device("meta"):
        model = _model_class(config)(config)
    fp32 = model._keep_in_fp32_modules
    skip = HfQuantizer.get_modules_to_not_convert(model, None, fp32)
    linear = {  # the question that from_pretrained asks of each module
        f"{name}.weight"
        for name, module in model.named_modules()
        if type(module) is torch.nn.Linear or isinstance(module, Conv1D)
        if should_convert_module(name, skip)
    }
    sizes = {name: weight.numel() for name, weight in model.named_parameters()}
    kept = [n for n in sizes if n not in linear and any(part in n for part in fp32)]
    return Sizes(
        sum(sizes.values()), sum(sizes[n] for n in linear), sum(sizes[n] for n in kept),
        _cache_bytes(config) if model.can_generate() else 0,
    )


def _model_class(config):
    """The class that config.architectures names, else what an Auto class would take."""
    import transformers as hf

    if named := getattr(hf, (config.architectures or [""])[0], None):
        return named
    tasks = ["FOR_IMAGE_TEXT_TO_TEXT_", "FOR_SEQ_TO_SEQ_CAUSAL_LM_", "FOR_CAUSAL_LM_", ""]
    if not getattr(config, "is_decoder", True):
        tasks.remove("FOR_CAUSAL_LM_")  # BERT and its like: they read, they do not write
    maps = [getattr(hf, f"MODEL_{task}MAPPING") for task in tasks]
    return next(m[type(config)] for m in maps if type(config) in m)


def _cache_bytes(config):
    text = config.get_text_config(decoder=True)
    layers = getattr(text, "num_decoder_layers", None) or text.num_hidden_layers
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    size = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * 2 * layers * heads * size * (1 + bool(text.is_encoder_decoder))
