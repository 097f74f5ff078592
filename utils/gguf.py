"""A model folder of transformers as one GGUF file, which llama.cpp loads.

    path = gguf.write(models.find("chat").path, "q8_0")  # made once, then reused

For Phi3ForCausalLM and LlamaForCausalLM with a byte-level BPE tokenizer that splits
numbers into digits. First used in chapter 6.
"""
import ctypes
import hashlib
import logging
import shutil
from importlib.util import find_spec
from pathlib import Path

from utils import HandsOnError, checkpoint
from utils.adapters import cache_folder, with_temporary
from utils.models import sha256

KINDS = {"f16": 1, "q8_0": 7, "q4_0": 2, "q4_k_m": 15}  # and llama.cpp's number of each
ALIASES = {"q4": "q4_0"}
BLOCK = {"f16": 1, "q8_0": 32, "q4_0": 32, "q4_k_m": 256}  # weights that share a scale
READ = ("config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja")


def write(folder, kind: str = "f16") -> Path:
    """The GGUF file of the model in `folder`; made on first use, then reused.

    kind: "f16", or quantized: "q8_0", "q4_0" ("q4"), "q4_k_m" (widths in 256s only).
    Its place in the cache is named by the weights, the config and the tokenizer.
    Raises HandsOnError, naming the fix, for what llama.cpp would compute differently.
    """
    kind, folder = ALIASES.get(kind, kind), Path(folder)
    if kind not in KINDS:
        raise HandsOnError(f"There is no GGUF kind {kind!r}. Fix: use one of {', '.join(KINDS)}.")
    need("gguf", "llama_cpp")
    config = checkpoint.config(folder)
    check_widths(config, kind)
    target = cache_folder() / f"gguf-{digest(folder)}-{kind}"
    file = target / f"model-{kind}.gguf"
    if target.exists() and not whole(file):
        shutil.rmtree(target)  # truncated or altered since it was made
    if not target.exists():
        plain = None if kind == "f16" else write(folder)

        def make(tmp):
            if plain is None:
                convert(folder, config, tmp / file.name)
            else:
                quantize(plain, tmp / file.name, kind)
            (tmp / "sha256").write_text(sha256(str(tmp / file.name)), "utf-8")

        with_temporary(target, make)
    return file


def need(*packages) -> None:
    """HandsOnError, naming the fix, if one of the packages is not installed."""
    if gone := [name for name in packages if find_spec(name) is None]:
        raise HandsOnError(
            f"{', '.join(gone)}: not installed. Fix: make setup, or run: "
            f"pip install 'llama-cpp-python[server]' gguf openai cohere"
        )


def check_widths(config, kind):
    """Rows that are no whole number of blocks would silently become another kind."""
    rows = [config["hidden_size"], config["intermediate_size"]]
    rows.append(config["num_attention_heads"] * config["head_dim"])
    if any(row % BLOCK[kind] for row in rows):
        fix = "q8_0 or q4_0" if BLOCK[kind] == 256 else "f16"
        raise HandsOnError(
            f"{kind} needs widths that {BLOCK[kind]} divides; this model's are "
            f"{', '.join(map(str, rows))}. Fix: use {fix}."
        )


def digest(folder) -> str:
    """Names these exact weights, config and tokenizer, and the code that converts them."""
    files = [Path(__file__), Path(checkpoint.__file__), *(folder / name for name in READ)]
    files = [f for f in [*files, *sorted(folder.glob("*.safetensors"))] if f.exists()]
    hashes = [f.name + sha256(str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in files]
    return hashlib.sha256("".join(hashes).encode()).hexdigest()[:12]


def whole(file) -> bool:
    """Has a cached file still the sha256 that was noted when it was made?"""
    seal = file.parent / "sha256"
    if not (file.exists() and seal.exists()):
        return False
    return sha256(str(file), file.stat().st_mtime_ns, file.stat().st_size) == seal.read_text()


def convert(folder, config, file) -> None:
    """Write config, tokenizer and weights; matrices in 16 bits, vectors in 32."""
    import gguf
    import numpy as np

    w = gguf.GGUFWriter(str(file), arch=config["model_type"])
    add_config(w, config)
    add_tokenizer(w, checkpoint.tokenizer(folder, config["vocab_size"]))
    for name, array in checkpoint.tensors(folder, config).items():
        if not abs(array).max() <= 65504:  # the largest number of float16; NaN neither
            checkpoint.refuse(f"a model with weights above 65504 ({name})")
        w.add_tensor(name, array.astype(np.float16) if array.ndim == 2 else array)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def add_config(w, c):
    rope = c["rope_parameters"]
    w.add_name("handson-llms")  # "phi3" in a name makes llama.cpp strip spaces after tags
    w.add_file_type(KINDS["f16"])
    w.add_context_length(c["max_position_embeddings"])
    w.add_embedding_length(c["hidden_size"])
    w.add_block_count(c["num_hidden_layers"])
    w.add_feed_forward_length(c["intermediate_size"])
    w.add_head_count(c["num_attention_heads"])
    w.add_head_count_kv(c["num_key_value_heads"])
    w.add_key_length(c["head_dim"])
    w.add_value_length(c["head_dim"])
    w.add_layer_norm_rms_eps(c["rms_norm_eps"])
    w.add_rope_dimension_count(int(c["head_dim"] * rope["partial_rotary_factor"]))
    w.add_rope_freq_base(rope["rope_theta"])
    w.add_vocab_size(c["vocab_size"])
    if c["model_type"] == "phi3":
        w.add_rope_scaling_orig_ctx_len(c["max_position_embeddings"])
        w.add_sliding_window(0)


def add_tokenizer(w, t):
    w.add_tokenizer_model("gpt2")
    w.add_tokenizer_pre("smollm")  # names a pattern inside llama.cpp: digits, then GPT-2's
    w.add_token_list(t["tokens"])
    w.add_token_types(t["types"])
    w.add_token_merges(t["merges"])
    for name, i in t["special"].items():
        getattr(w, f"add_{name}_token_id")(i)
    w.add_add_bos_token(t["starts"])
    w.add_add_space_prefix(False)
    if t["template"]:
        w.add_chat_template(t["template"])


def quantize(plain, file, kind) -> None:
    """Quantize the f16 file `plain` with llama.cpp's own quantizer."""
    import llama_cpp

    logging.getLogger("llama-cpp-python").setLevel(logging.CRITICAL)  # a line a tensor
    how = llama_cpp.llama_model_quantize_default_params()
    how.ftype, how.nthread = KINDS[kind], 1
    paths = str(plain).encode(), str(file).encode()
    if llama_cpp.llama_model_quantize(*paths, ctypes.byref(how)):
        raise HandsOnError(
            f"llama.cpp could not write {kind} in {file.parent.parent}. Fix: free some "
            f"space there, or set HANDSON_CACHE to a folder on a larger disk."
        )
