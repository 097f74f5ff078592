"""utils.machine: plans on six machines, and the sentences that give their reasons."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from tests.machines import (
    A100,
    H200,
    MPS,
    NEW_CPU,
    OLD_CPU,
    RTX,
    T4,
    blip2,
    llama,
    llama_70b,
    minilm,
    phi3,
    tinyllama,
)
from utils import HandsOnError, machine

pytest.importorskip("torch")


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
