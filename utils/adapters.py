"""A LoRA adapter added to its base model, written once as an ordinary checkpoint.

LoRA (Hu et al. 2021, arXiv 2106.09685) learns W + (alpha / r) B A with small A and B.
Merging is that sum, so it needs no peft: readers get a folder that `from_pretrained`
loads anywhere, while the repository ships a megabyte instead of ninety.
"""
import errno
import hashlib
import json
import os
import shutil
import tempfile
from pathlib import Path

from utils import HandsOnError

WHOLE = ("config.json", "model.safetensors", "tokenizer.json")
PREFIX = "base_model.model."  # peft's prefix before the names of the wrapped model


def cache_folder() -> Path:
    """Where derived files live: HANDSON_CACHE, else ~/.cache/handson-llms."""
    default = Path.home() / ".cache" / "handson-llms"
    return Path(os.environ.get("HANDSON_CACHE") or default).expanduser()


def merged(base: Path, adapter: Path, key: str) -> Path:
    """Folder of `base` with `adapter` merged in; made on first use, then reused.

    A folder without an adapter's config is a BLIP-2 that lacks its tower, and `base` a CLIP.

    `key` names the exact weights of both, so that a new adapter gets a new folder.
    """
    name = f"{adapter.name}-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    target = cache_folder() / name
    if target.exists() and not all((target / name).exists() for name in WHOLE):
        shutil.rmtree(target)  # somebody deleted part of it: folders arrive whole
    if not target.exists():
        write = write_merged
        if not (adapter / "adapter_config.json").exists():  # a BLIP-2 without its tower
            from utils.towers import write_whole as write
        with_temporary(target, lambda tmp: write(base, adapter, tmp))
    return target


def with_temporary(target: Path, write) -> None:
    """Let `write` fill a temporary folder beside `target`, then rename it into place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    tmp = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        write(tmp)
        if not target.exists():  # another kernel may have been faster
            tmp.rename(target)
    except Exception as e:
        if target.exists() and isinstance(e, OSError):
            return
        if out_of_space(e):
            raise HandsOnError(
                f"The disk is full: {target.name} does not fit in {target.parent}. Fix: free "
                f"some space there, or set HANDSON_CACHE to a folder on a larger disk."
            ) from e
        raise
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


def out_of_space(error) -> bool:
    """Is a full disk behind this error? safetensors and datasets wrap it in their own."""
    while error is not None:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if full or "No space left" in str(error) or "Not enough disk space" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def write_merged(base: Path, adapter: Path, target: Path) -> None:
    """Write base + adapter as safetensors, with the adapter's config and tokenizer."""
    import torch
    from safetensors.torch import load_file, save_file

    low = load_file(adapter / "adapter_model.safetensors")
    low = {k.removeprefix(PREFIX): v.float() for k, v in low.items()}
    setting = json.loads((adapter / "adapter_config.json").read_text("utf-8"))
    scale = setting["lora_alpha"] / setting["r"]
    weights = {f"bert.{k}": v.float() for k, v in load_file(base / "model.safetensors").items()}
    weights.pop("bert.embeddings.position_ids", None)  # a buffer, not a weight
    for name, a in low.items():
        if name.endswith("lora_A.weight"):
            b = low[name.replace("lora_A", "lora_B")]
            weights[name.replace("lora_A.", "")] += scale * (b @ a)
        elif "lora_" not in name:
            weights[name] = a  # the head: trained whole, not as an adapter
    weights = {k: v.contiguous().to(torch.float32) for k, v in weights.items()}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        source = adapter / name if (adapter / name).exists() else base / name
        shutil.copyfile(source, target / name)
