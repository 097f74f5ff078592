"""What is here, and in which form a model of N parameters is best loaded on it.

    plan = machine.fits(config)  # on machine.look(); plan.reason says why
    model = AutoModelForCausalLM.from_pretrained(path, **plan.options)

A GiB is 1024**3 bytes.
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


# Predictions beside weights and cache, in round and careful numbers. The share of the
# free memory to fill (for mps look() has taken it), and GiB before the first weight:
SHARE = {"cuda": 0.95, "mps": 1.0, "cpu": 0.85}
BASE = {"cuda": 0.6, "mps": 0.3, "cpu": 0.3}  # kernels, workspaces, libraries
ACTIVATIONS = 0.05  # of the unquantized weights, for each row of a batch
NF4_SCALES = 0.127 / 8  # bytes a weight, not in get_memory_footprint(); QLoRA, sec. 3
GGUF_Q4 = 5 / 8  # bytes a weight in a Q4_K_M file, a mixture of 4 and 6 bits
SMALL = 0.5e9  # parameters: below this a CPU can afford full precision


@dataclass(frozen=True)
class Sizes:
    """A model in numbers that hold for every dtype."""

    parameters: int
    linear: int  # weights that bitsandbytes converts
    keep_fp32: int  # of the others, what stays float32 when float16 is asked for
    cache_bytes_per_token: int  # 16-bit keys and values; 0: it does not generate


def count(config):
    """The Sizes of the model a transformers config describes; no weights are needed.

    It is built on torch's meta device, which knows shapes and holds no numbers.
    """
    import torch
    from transformers.quantizers.base import HfQuantizer
    from transformers.quantizers.quantizers_utils import should_convert_module

    config = deepcopy(config)  # building a model writes into its config
    with torch.device("meta"):
        model = _model_class(config)(config)
    size = {name: weight.numel() for name, weight in model.named_parameters()}
    kept = model._keep_in_fp32_modules
    skip = HfQuantizer.get_modules_to_not_convert(model, None, kept)
    linear = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if type(module).__name__ in ("Linear", "Conv1D")  # Conv1D: GPT-2's linear layer
        if should_convert_module(name, skip)  # the question from_pretrained asks
    }
    fp32 = {name for name in size if any(part in name for part in kept)} - linear
    total, *parts = (sum(size[name] for name in part) for part in (size, linear, fp32))
    return Sizes(total, *parts, _cache_bytes(config) if model.can_generate() else 0)


def _model_class(config):
    """The class that config.architectures names, else the one an Auto class takes."""
    import transformers as hf

    if config.architectures and hasattr(hf, config.architectures[0]):
        return getattr(hf, config.architectures[0])
    tasks = ["FOR_IMAGE_TEXT_TO_TEXT_", "FOR_SEQ_TO_SEQ_CAUSAL_LM_", "FOR_CAUSAL_LM_", ""]
    if not getattr(config, "is_decoder", True):
        tasks.remove("FOR_CAUSAL_LM_")  # BERT and its like read, they do not write
    maps = [getattr(hf, f"MODEL_{task}MAPPING") for task in tasks]
    return next(classes[type(config)] for classes in maps if type(config) in classes)


def _cache_bytes(config):
    """Of one token: a 16-bit key and value for each layer and key/value head."""
    text = config.get_text_config(decoder=True)
    layers = getattr(text, "num_decoder_layers", None) or text.num_hidden_layers
    heads = getattr(text, "num_key_value_heads", None) or text.num_attention_heads
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    return 2 * 2 * layers * heads * width * (1 + bool(text.is_encoder_decoder))


@dataclass(frozen=True)
class Plan:
    """One form to load a model in, its size in GiB, and whether that fits."""

    model: str
    parameters: int
    dtype: str  # "float32", "bfloat16" or "float16": of all that is not quantized
    bits: int  # 32, 16, 8 (int8) or 4 (nf4)
    device_map: str | None  # None: the CPU; "auto": over GPU and CPU
    weights_gib: float  # what get_memory_footprint() will say
    cache_gib: float  # keys and values of `context` tokens
    overhead_gib: float
    available_gib: float  # free memory, less a margin
    fits: bool
    reason: str
    smaller: "Plan | None"  # the next rung of the ladder

    @property
    def total_gib(self):
        return self.weights_gib + self.cache_gib + self.overhead_gib

    @property
    def form(self):
        name = {8: "int8", 4: "nf4"}.get(self.bits, self.dtype)
        return f"{name} over GPU and CPU" if self.device_map == "auto" else name

    @property
    def options(self):
        """Keywords for from_pretrained: use them as **plan.options."""
        import torch

        options = {"dtype": getattr(torch, self.dtype), "device_map": self.device_map}
        if self.bits < 16:
            options["quantization_config"] = quantization(self.bits, dtype=self.dtype)
        return {key: value for key, value in options.items() if value is not None}

    def __str__(self):
        return f"{self.model}, {self.parameters / 1e9:.2f} B parameters: {self.reason}"


def fits(model, machine=None, context=4096, batch=1):
    """The best Plan for a model: the first rung of the machine's ladder that fits.

    model: a transformers config, or a Spec, which has .config() and .title.
    machine: a Machine, look() if left out. context: tokens in each row of the batch.
    If nothing fits: the smallest rung, whose reason names a way out.
    """
    here = machine or look()
    config = model.config() if callable(getattr(model, "config", None)) else model
    if not hasattr(config, "get_text_config"):
        raise HandsOnError(f"fits() takes a transformers config or a Spec: {model!r}")
    title = getattr(model, "title", "") or config.name_or_path or config.model_type
    sizes, plans = count(config), [None]
    for rung in reversed(_ladder(here, sizes.parameters)):
        plans.insert(0, _plan(title, sizes, here, rung, context, batch, plans[0]))
    plans.pop()
    best = next((plan for plan in plans if plan.fits), None)
    tried = plans[: plans.index(best) + 1] if best else plans
    best = best or min(plans, key=lambda plan: plan.total_gib)
    parts = [_why(here, plans[0].dtype) + tried[0].reason]
    parts += [plan.reason for plan in tried[1:]]
    if not best.fits or best.device_map == "auto":
        parts += _advice(model, config, here, best, context, batch)
    return replace(best, reason="; ".join(parts) + ".")


def _ladder(here, parameters):
    """The rungs, from large to small: (dtype, bits, device_map)."""
    where = None if here.kind == "cpu" else here.kind
    small = [(here.half, 8, where), (here.half, 4, where)]
    small = small if here.bitsandbytes and here.kind != "mps" else []
    if here.kind == "cpu":
        full = [("float32", 32, None)]
        full = full if parameters < SMALL or not here.bf16 else []
        return [*full, ("bfloat16", 16, None), *small]
    spread = [(here.half, 16, "auto")] if here.kind == "cuda" else []
    return [(here.half, 16, where), *small, *spread]


def _plan(title, sizes, here, rung, context, batch, smaller):
    dtype, bits, where = rung
    word = 4 if dtype == "float32" else 2  # bytes
    packed = sizes.linear if bits < 16 else 0
    weights = (sizes.parameters - packed) * word + packed * bits / 8
    weights += sizes.keep_fp32 * (4 - word) if dtype == "float16" else 0
    cache = sizes.cache_bytes_per_token * word / 2 * context * batch
    extra = ACTIVATIONS * batch * sizes.parameters * word
    extra += packed * NF4_SCALES if bits == 4 else 0
    gib = [weights / GIB, cache / GIB, extra / GIB + BASE[here.kind]]
    room, total = _usable(here, where), sum(gib)
    plan = Plan(
        title, sizes.parameters, dtype, bits, where, *gib, room, total <= room, "", smaller
    )
    says = f"{plan.form} takes {total:.1f} of the {room:.1f} GiB usable"
    if not plan.fits:
        says = f"{plan.form} needs {total:.1f} GiB, {total - room:.1f} more than usable"
    return replace(plan, reason=says)


def _usable(here, where):
    """GiB that a plan may fill: of the GPU, of the CPU (None), or of both ("auto")."""
    gpu, cpu = here.vram_gib * SHARE[here.kind], here.ram_gib * SHARE["cpu"]
    return {None: cpu, "auto": gpu + cpu}.get(where, gpu)


def _why(here, dtype):
    """Why the ladder begins with this dtype, where that is not plain."""
    if here.kind == "cuda" and not here.bf16:
        return "Compute capability {}.{} has no bfloat16: ".format(*here.capability)
    if dtype == "float32":
        return f"{'Small' if here.bf16 else 'No bfloat16 in this CPU'}, so in full: "
    return "bfloat16 is not sure on Apple GPUs: " if here.kind == "mps" else ""


def _advice(model, config, here, best, context, batch):
    """What helps where nothing fits, or only in two memories, which is slow."""
    ways = []
    if here.kind != "mps" and not here.bitsandbytes:
        other = fits(model, replace(here, bitsandbytes=True), context, batch)
        if other.fits and other.bits < 16:
            room = f"{other.form} ({other.total_gib:.1f} GiB)"
            ways.append(f"`pip install bitsandbytes` makes room for {room}")
    if best.fits:
        return ["this is slow", *ways]
    file = best.parameters * GGUF_Q4 / GIB
    writes_text = best.cache_gib and config.get_text_config() is config
    most = _usable(here, "auto" if here.kind == "cuda" else best.device_map)
    if writes_text and file + best.cache_gib + BASE[here.kind] <= most:
        ways.append(f"a GGUF q4 file with llama.cpp takes about {file:.1f} GiB")
    left = best.available_gib - best.weights_gib - best.overhead_gib
    if best.cache_gib and left > 0:
        ways.append(f"a context of {context * left / best.cache_gib:.0f} tokens fits")
    return [" or ".join(ways or ["take a smaller model"])]
