"""A Phi-3 or Llama folder of transformers, read in the terms of llama.cpp.

Read without transformers or torch, in a fraction of a second. What llama.cpp would load
and then compute differently is refused, with a HandsOnError that names the way out.
"""
import json
import re

from utils import HandsOnError

TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
BOTH = {"input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
        "self_attn.o_proj": "attn_output", "mlp.down_proj": "ffn_down"}  # fmt: skip
LAYER = {  # the weights of a layer: their names in transformers, and in llama.cpp
    "phi3": BOTH | {"self_attn.qkv_proj": "attn_qkv", "mlp.gate_up_proj": "ffn_up"},
    "llama": BOTH | {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
                     "self_attn.v_proj": "attn_v", "mlp.gate_proj": "ffn_gate",
                     "mlp.up_proj": "ffn_up"},
}  # fmt: skip
OTHER = "use a GGUF file from the makers of the model"
AGAIN = "fetch or save the model again"


def refuse(what, fix=OTHER):
    raise HandsOnError(f"No GGUF file of {what} can be written here. Fix: {fix}.")


def read_json(file) -> dict:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as e:
        raise HandsOnError(f"{file} is missing or damaged. Fix: {AGAIN}.") from e


def config(folder) -> dict:
    """config.json, with head_dim, num_key_value_heads and rope_parameters filled in."""
    c = read_json(folder / "config.json")
    if c.get("architectures") not in (["Phi3ForCausalLM"], ["LlamaForCausalLM"]):
        refuse(f"{' '.join(c.get('architectures') or ['a nameless model'])}")
    c.setdefault("num_key_value_heads", c["num_attention_heads"])
    c["head_dim"] = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    old = {"rope_theta": c.get("rope_theta", 10000.0)} | (c.get("rope_scaling") or {})
    part = {"partial_rotary_factor": c.get("partial_rotary_factor", 1.0)}
    rope = c["rope_parameters"] = part | (c.get("rope_parameters") or old)
    whole = c["model_type"] == "phi3" or rope["partial_rotary_factor"] == 1
    if rope.get("rope_type", rope.get("type", "default")) != "default" or not whole:
        refuse("a model with scaled or partial rotary embeddings")
    window, most = c.get("sliding_window"), c["max_position_embeddings"]
    if c["model_type"] == "phi3" and window and window < most:  # llama.cpp ignores it
        refuse("a model with a sliding window", f"set max_position_embeddings to {window}")
    if c.get("hidden_act", "silu") not in ("silu", "swish"):
        refuse(f"a model with the activation {c['hidden_act']}")
    return c


def tensors(folder, c) -> dict:
    """The weights as numpy arrays under llama.cpp's names; all of them, and no others."""
    found = {}
    for file in sorted(folder.glob("*.safetensors")):
        found |= {name: array(t, file) for name, t in read_safetensors(file)}
    tied = c.get("tie_word_embeddings", False)
    names = {old: new for old, new in TOP.items() if not (tied and old == "lm_head")}
    for i in range(c["num_hidden_layers"]):
        layer = LAYER[c["model_type"]].items()
        names |= {f"model.layers.{i}.{old}": f"blk.{i}.{new}" for old, new in layer}
    if tied:
        found.pop("lm_head.weight", None)
    wrong = found.keys() ^ {f"{old}.weight" for old in names}
    if wrong:
        refuse(f"a model that lacks, or has, {min(wrong)} ({len(wrong)} such weights)", AGAIN)
    if c["model_type"] == "llama":
        for name, a in found.items():
            if m := re.search(r"self_attn\.([qk])_proj", name):
                heads = "num_attention_heads" if m[1] == "q" else "num_key_value_heads"
                found[name] = interleave(a, c[heads])
    return {f"{new}.weight": found[f"{old}.weight"] for old, new in names.items()}


def read_safetensors(file):
    from safetensors import SafetensorError, deserialize

    try:
        return deserialize(file.read_bytes())
    except SafetensorError as e:
        raise HandsOnError(f"{file} is truncated or damaged. Fix: {AGAIN}.") from e


def array(tensor, file):
    """A tensor of a safetensors file as float32: its numbers are the same in that type."""
    import numpy as np

    kinds = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}
    if tensor["dtype"] not in kinds:
        refuse(f"{file}, whose weights are {tensor['dtype']}", "save the model in float32")
    a = np.frombuffer(tensor["data"], kinds[tensor["dtype"]])
    if tensor["dtype"] == "BF16":  # the upper half of a float32
        a = (a.astype(np.uint32) << 16).view(np.float32)
    return a.astype(np.float32).reshape(tensor["shape"])


def interleave(a, heads):
    """Rows of a Llama query or key matrix in the order of llama.cpp's rotary embedding.

    transformers rotates row i of a head with row i + half, llama.cpp 2i with 2i + 1.
    """
    return a.reshape(heads, 2, -1, a.shape[-1]).swapaxes(1, 2).reshape(a.shape)


def tokenizer(folder, size) -> dict:
    """Tokens, types, merges, special ids and chat template; `size`: of the embedding."""
    rules = read_json(folder / "tokenizer.json")
    check_rules(rules)
    setting = read_json(folder / "tokenizer_config.json")
    added = {t["id"]: t for t in rules["added_tokens"]}
    ids = rules["model"]["vocab"] | {t["content"]: i for i, t in added.items()}
    if max(ids.values()) >= size:
        refuse(f"a model with {size} embeddings for {max(ids.values()) + 1} tokens", AGAIN)
    words = {i: word for word, i in ids.items()}
    kind = {i: 3 if t["special"] else 4 for i, t in added.items()}  # CONTROL, USER_DEFINED
    special = {}
    for name in ("bos", "eos", "pad", "unk"):
        word = setting.get(f"{name}_token")
        special[name] = ids.get(word["content"] if isinstance(word, dict) else word)
    special["eot"] = ids.get("<|end|>")
    template = folder / "chat_template.jinja"
    return {
        "tokens": [words.get(i, f"[PAD{i}]") for i in range(size)],
        "types": [kind.get(i, 1 if i in words else 5) for i in range(size)],  # 5: UNUSED
        "merges": [m if isinstance(m, str) else " ".join(m) for m in rules["model"]["merges"]],
        "special": {name: i for name, i in special.items() if i is not None},
        "starts": starts_with(special["bos"], rules),
        "template": template.read_text("utf-8") if template.exists()
        else setting.get("chat_template"),
    }  # fmt: skip


def check_rules(rules):
    """Refuse a tokenizer that llama.cpp's "smollm" would not reproduce id for id."""
    model, steps = rules["model"], rules["pre_tokenizer"] or {}
    steps = steps.get("pretokenizers", [steps])
    seen = [
        (s.get("type"), s.get("individual_digits"), s.get("add_prefix_space"), s.get("use_regex"))
        for s in steps
    ]
    odd = ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback",
           "ignore_merges")  # fmt: skip
    if model["type"] != "BPE" or any(model.get(name) for name in odd) or rules["normalizer"]:
        refuse("a model whose tokenizer is not a plain byte-level BPE")
    if seen != [("Digits", True, None, None), ("ByteLevel", None, False, True)]:
        refuse("a model whose tokenizer does not split text into digits, then as GPT-2 does")
    if any(t[flag] for t in rules["added_tokens"] for flag in ("lstrip", "rstrip", "single_word")):
        refuse("a model whose tokenizer strips spaces around its special tokens")


def starts_with(bos, rules) -> bool:
    """Does the tokenizer put the bos token, and nothing else, before a text?"""
    after = rules["post_processor"] or {}  # add_bos_token in tokenizer_config: not heeded
    steps = after.get("single", [])
    put = [after["special_tokens"][s["SpecialToken"]["id"]]["ids"]
           for s in steps if "SpecialToken" in s]  # fmt: skip
    if put and (put != [[bos]] or "SpecialToken" not in steps[0]):
        refuse("a model whose tokenizer adds other tokens than bos before the text")
    return bool(put)
