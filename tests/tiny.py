"""Language models of 100,000 random weights, in folders as transformers writes them."""
import json
from pathlib import Path

TEXTS = ["Once upon a time there was a small cat.", "What is 12 + 30? The answer is 42.",
         "def f(x):\n    return x * 2\n", "Überraschung: naïve café, 東京, 🙂!"] * 3  # fmt: skip
TAGS = ["<|endoftext|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"]
CHAT = (
    "{% for m in messages %}{{'<|' + m['role'] + '|>\n' + m['content'] + '<|end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{'<|assistant|>\n'}}{% endif %}"
)


def tokenizer(digits=True, prefix=False, bos=False):
    """A byte-level BPE; `digits`: each a piece of its own; `bos`: before every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    parts = [pre_tokenizers.Digits(individual_digits=True)] * digits + [level]
    made.pre_tokenizer = pre_tokenizers.Sequence(parts)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=380, special_tokens=TAGS, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(TEXTS, trainer)
    if bos:
        made.post_processor = processors.TemplateProcessing(
            single=f"{TAGS[0]} $A", special_tokens=[(TAGS[0], 0)]
        )
    return made


def weights(config, seed=0):
    """Random numpy weights under the names that transformers gives them."""
    import numpy as np

    random, c = np.random.default_rng(seed), config
    wide, inner, vocab = c["hidden_size"], c["intermediate_size"], c["vocab_size"]
    head = c.get("head_dim", wide // c["num_attention_heads"])
    keys, queries = head * c["num_key_value_heads"], head * c["num_attention_heads"]
    if c["model_type"] == "phi3":
        shapes = {"self_attn.qkv_proj": (queries + 2 * keys, wide),
                  "mlp.gate_up_proj": (2 * inner, wide)}  # fmt: skip
    else:
        shapes = {"self_attn.q_proj": (queries, wide), "self_attn.k_proj": (keys, wide),
                  "self_attn.v_proj": (keys, wide), "mlp.gate_proj": (inner, wide),
                  "mlp.up_proj": (inner, wide)}  # fmt: skip
    shapes |= {"self_attn.o_proj": (wide, queries), "mlp.down_proj": (wide, inner),
               "input_layernorm": (wide,), "post_attention_layernorm": (wide,)}  # fmt: skip
    every = {f"model.layers.{i}.{name}.weight": shape
             for i in range(c["num_hidden_layers"]) for name, shape in shapes.items()}
    every |= {"model.embed_tokens.weight": (vocab, wide), "model.norm.weight": (wide,)}
    if not c["tie_word_embeddings"]:
        every["lm_head.weight"] = (vocab, wide)
    drawn = {name: random.normal(len(shape) == 1, 0.1, shape) for name, shape in every.items()}
    return {name: w.astype(np.float32) for name, w in drawn.items()}


def folder(path, kind="phi3", made=None, seed=0, **changes) -> Path:
    """Write a model of `kind` ("phi3" or "llama") under `path`; `changes`: to its config."""
    from safetensors.numpy import save_file

    path, made = Path(path), made or tokenizer()
    path.mkdir(parents=True)
    config = {
        "model_type": kind, "architectures": [f"{kind.title()}ForCausalLM"],
        "vocab_size": made.get_vocab_size() + 4, "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
        "max_position_embeddings": 512, "rms_norm_eps": 1e-5, "hidden_act": "silu",
        "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0},
        "tie_word_embeddings": kind == "phi3", "sliding_window": None, "dtype": "float32",
        "bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0,
    } | changes  # fmt: skip
    names = {f"{name}_token": TAGS[0] for name in ("bos", "eos", "pad")}
    settings = names | {"tokenizer_class": "PreTrainedTokenizerFast"}
    save_file(weights(config, seed), path / "model.safetensors", metadata={"format": "pt"})
    (path / "config.json").write_text(json.dumps(config), "utf-8")
    (path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (path / "chat_template.jinja").write_text(CHAT, "utf-8")
    made.save(str(path / "tokenizer.json"))
    return path
