"""How fast `chat` writes: transformers and three GGUF files, beside the memory's bandwidth.

Every new token reads all weights once, so bandwidth / bytes of weights bounds the tokens
per second of a model that is larger than the caches. Ours is smaller than most caches.
"""
import os
import time
from pathlib import Path

PROMPT = "Write a short story about a fox and a lost key."
TOKENS = 128


def best(action, runs: int = 3) -> float:
    """Shortest wall time of a few runs, in seconds."""
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return min(times)


def bandwidth() -> float:
    """Bytes per second that one thread reads from memory: the sum of 512 MB."""
    import numpy as np

    numbers = np.ones(64_000_000)
    return numbers.nbytes / best(numbers.sum, 5)


def by_transformers(folder) -> float:
    """Tokens per second of generate() with its cache, float32."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": PROMPT}], add_generation_prompt=True,
        return_tensors="pt", return_dict=True)

    def write():
        model.generate(**inputs, min_new_tokens=TOKENS, max_new_tokens=TOKENS, do_sample=False)

    return TOKENS / best(write)


def by_llama(file) -> float:
    """Tokens per second of llama.cpp on one thread."""
    from llama_cpp import Llama

    llm = Llama(str(file), n_ctx=512, n_threads=1, n_threads_batch=1, verbose=False)
    prompt = llm.tokenize(PROMPT.encode(), add_bos=False, special=True)

    def write():
        llm.reset()
        for count, _ in enumerate(llm.generate(prompt, temp=0.0), 1):
            if count == TOKENS:
                break

    speed = TOKENS / best(write)
    llm.close()
    return speed


def rows(folder) -> list[dict]:
    """One line per format: bytes, tokens per second, the bound by bandwidth."""
    from utils import gguf

    reads = bandwidth()
    weights = Path(folder, "model.safetensors").stat().st_size
    lines = [("transformers, float32", 2 * weights, by_transformers(folder))]
    for kind in ("f16", "q8_0", "q4_0"):
        file = gguf.write(folder, kind)
        lines.append((f"llama.cpp, {kind}", os.path.getsize(file), by_llama(file)))
    return [{"format": name, "bytes": size, "tokens_per_second": round(speed),
             "bound": round(reads / size)} for name, size, speed in lines]


def table(rows) -> str:
    """As Markdown; these numbers belong to one machine and one moment."""
    out = ["| `chat`, one thread where it can be chosen | MB read per token | tokens/s | "
           "bound by memory bandwidth |", "|---|---|---|---|"]
    for r in rows:
        out.append(f"| {r['format']} | {r['bytes'] / 1e6:.1f} | {r['tokens_per_second']:,} | "
                   f"{r['bound']:,} |")
    return "\n".join(out)
