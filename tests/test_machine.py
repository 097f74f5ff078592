"""utils.machine: sizes against the truth of transformers."""

from dataclasses import replace

import pytest

from tests.machines import NEW_CPU, OLD_CPU, REAL, RTX, T4, TINY, phi3
from utils import machine

torch = pytest.importorskip("torch")

ROOMY = 4000.0  # GiB: here the first rung always fits, and .smaller lists the others


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
