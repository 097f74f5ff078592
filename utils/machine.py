"""What is here, and in which form a model of N parameters is best loaded on it.

    plan = machine.fits(config)  # on machine.look(); plan.reason says why
    model = AutoModelForCausalLM.from_pretrained(path, **plan.options)
"""

from copy import deepcopy
from dataclasses import dataclass, replace

from utils import HandsOnError
from utils.hardware import GIB, Machine, look, quantization  # noqa: F401

# What is predicted beside weights and cache, in round and careful numbers:
BASE = {"cuda": 0.6, "mps": 0.4, "cpu": 0.4}  # GiB: kernels, workspaces, libraries
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
    } & size.keys()
    fp32 = {name for name in size if any(part in name for part in kept)} - linear
    cache = _cache_bytes(config) if model.can_generate() else 0
    linear, fp32 = (sum(size[name] for name in part) for part in (linear, fp32))
    return Sizes(sum(size.values()), linear, fp32, cache)


def _model_class(config):
    """The class that config.architectures names, else the one an Auto class takes."""
    import transformers as hf

    if named := getattr(hf, (config.architectures or ["none"])[0], None):
        return named
    tasks = ["IMAGE_TEXT_TO_TEXT", "SEQ_TO_SEQ_CAUSAL_LM", "CAUSAL_LM"]
    if not getattr(config, "is_decoder", True):
        tasks.pop()  # BERT and its like read, they do not write
    maps = [getattr(hf, f"MODEL_FOR_{task}_MAPPING") for task in tasks]
    return next(m[type(config)] for m in [*maps, hf.MODEL_MAPPING] if type(config) in m)


def _cache_bytes(config):
    """Of one token: a 16-bit key and value for each layer and key/value head."""
    text = config.get_text_config(decoder=True)
    layers = getattr(text, "num_decoder_layers", None) or text.num_hidden_layers
    queries = text.num_attention_heads
    heads = getattr(text, "num_key_value_heads", None) or queries
    width = getattr(text, "head_dim", None) or text.hidden_size // queries
    inputs = 2 if text.is_encoder_decoder else 1  # the cache holds the input, too
    return 2 * 2 * layers * heads * width * inputs


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
        """Keywords for from_pretrained."""
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
    sizes, plans, plan = count(config), [], None
    for rung in reversed(_ladder(here, sizes.parameters)):
        plan = _plan(title, sizes, here, rung, context, batch, smaller=plan)
        plans.insert(0, plan)
    best = next((plan for plan in plans if plan.fits), None)
    tried = plans[: plans.index(best) + 1] if best else plans
    best = best or min(plans, key=lambda plan: plan.total_gib)
    reason = _why(here, plans[0].dtype) + "; ".join(plan.reason[:-1] for plan in tried)
    if not best.fits or best.device_map == "auto":
        ways = _ways_out(model, config, here, best, context, batch)
        reason += ("; faster: " if best.fits else "; way out: ") + " or ".join(ways)
    return replace(best, reason=reason + ".")


def _ladder(here, parameters):
    """The rungs, from large to small: (dtype, bits, device_map)."""
    where = None if here.kind == "cpu" else here.kind
    small = [(here.half, 8, where), (here.half, 4, where)] * here.quantizes
    if here.kind == "cpu":
        full = parameters < SMALL or not here.bf16
        return [("float32", 32, None)] * full + [("bfloat16", 16, None), *small]
    spread = [(here.half, 16, "auto")] * (here.kind == "cuda")
    return [(here.half, 16, where), *small, *spread]


def _plan(title, sizes, here, rung, context, batch, smaller):
    dtype, bits, where = rung
    word = 4 if dtype == "float32" else 2  # bytes
    packed = sizes.linear if bits < 16 else 0
    weights = (sizes.parameters - packed) * word + packed * bits / 8
    weights += sizes.keep_fp32 * 2 if dtype == "float16" else 0
    cache = sizes.cache_bytes_per_token * word / 2 * context * batch
    extra = ACTIVATIONS * batch * sizes.parameters * word
    extra += packed * NF4_SCALES if bits == 4 else 0
    needs = [weights / GIB, cache / GIB, extra / GIB + BASE[here.kind]]
    room, over = here.usable_gib(where), sum(needs) - here.usable_gib(where)
    plan = Plan(title, sizes.parameters, *rung, *needs, room, over <= 0, "", smaller)
    says = f"{plan.form} takes {plan.total_gib:.1f} of {room:.1f} GiB"
    return replace(plan, reason=says + (f", {over:.1f} too much." if over > 0 else "."))


def _why(here, dtype):
    """Why the ladder begins with this dtype, unless it is bfloat16."""
    if here.bf16:
        return "" if dtype == "bfloat16" else "Small enough for full precision: "
    chip = {"cpu": "This CPU has no", "mps": "Not every Apple GPU has"}.get(here.kind)
    chip = chip or "Compute capability {}.{} has no".format(*here.capability)
    return f"{chip} bfloat16: "


def _ways_out(model, config, here, best, context, batch):
    """What helps where nothing fits, or only over GPU and CPU, which is slow."""
    ways = ["a smaller model"]
    left = best.available_gib - best.weights_gib - best.overhead_gib
    if best.cache_gib > left > 0:
        ways.insert(0, f"a context of {int(context * left / best.cache_gib)} tokens")
    file = best.parameters * GGUF_Q4 / GIB
    most = here.usable_gib("auto" if here.kind == "cuda" else best.device_map)
    writes_text = best.cache_gib and config.get_text_config() is config
    if writes_text and file + best.cache_gib + BASE[here.kind] <= most:
        ways.insert(0, f"a GGUF q4 file with llama.cpp, about {file:.1f} GiB,")
    if here.kind != "mps" and not here.bitsandbytes:
        other = fits(model, replace(here, bitsandbytes=True), context, batch)
        if other.fits and other.bits < 16:
            size = f"{other.form}, {other.total_gib:.1f} GiB"
            ways.insert(0, f"`pip install bitsandbytes` ({size})")
    return ways
