"""utils.machine: options, quantization with bitsandbytes, and its trap in training."""

import logging
import sys
from dataclasses import replace

import pytest

from tests.machines import MPS, OLD_CPU, RTX, T4, llama, minilm, tiny_llama
from utils import HandsOnError, machine

torch = pytest.importorskip("torch")


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
