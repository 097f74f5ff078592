"""Drawn scenes as arrays: drawn once, kept outside the repository, read by those that learn.

20,000 pictures of 64 x 64 take 245 MB and two minutes of one core.
"""
import hashlib
import os
from pathlib import Path

import numpy as np

from data.recipes import kit, loop, scenes

SIDE, PART = 64, 250                            # PART: pictures that a worker draws at once


def code() -> str:
    """Eight signs that change when the drawing does."""
    files = sorted(Path(scenes.__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(f.read_bytes() for f in files)).hexdigest()[:8]


def draw(made) -> np.ndarray:
    """(n, SIDE, SIDE, 3) uint8 of n scenes."""
    return np.stack([np.asarray(scenes.draw(one, SIDE)) for one in made])


def draw_part(split: str, first: int, last: int) -> np.ndarray:
    """The pictures of the seeds first .. last - 1."""
    return draw([scenes.scene(seed, split) for seed in range(first, last)])


def write(file: Path, split: str, count: int) -> None:
    """Draw the seeds 0 .. count - 1 of a split into a .npy file, on all cores."""
    from multiprocessing import get_context

    tmp = file.with_suffix(".tmp")
    whole = np.lib.format.open_memmap(tmp, "w+", np.uint8, (count, SIDE, SIDE, 3))
    parts = [(split, at, min(at + PART, count)) for at in range(0, count, PART)]
    workers = min(len(parts), len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity")
                  else os.cpu_count() or 1)
    if workers < 2:
        for part in parts:
            whole[part[1]:part[2]] = draw_part(*part)
    else:
        with get_context("spawn").Pool(workers) as pool:
            waiting = [pool.apply_async(draw_part, part) for part in parts]
            for (_, first, last), drawn in zip(parts, waiting):
                whole[first:last] = drawn.get()
    whole.flush()
    tmp.replace(file)


def drawn(split: str, count: int):
    """(count, SIDE, SIDE, 3) uint8, picture i of scenes.scene(i, split); from a file, read only.

    The file lies in loop.folder("clip"). Files of an older drawing code are removed.
    """
    folder = loop.folder("clip")
    file = folder / f"{split}-{count}-{code()}.npy"
    with kit.processes().main_process_first():
        if not file.exists():
            for old in folder.glob(f"{split}-*.npy"):
                if not old.stem.endswith(code()):
                    old.unlink()
            write(file, split, count)
    return np.load(file, mmap_mode="r")


def shifted(images: np.ndarray, rng, by: int = 3) -> np.ndarray:
    """Each picture moved up to `by` points along both sides; its edge is repeated.

    rng: numpy.random.Generator. A mirror image would make `on the left` a lie.
    """
    n, side = images.shape[:2]
    steps = rng.integers(-by, by + 1, (2, n, 1))
    rows, columns = np.clip(np.arange(side) + steps, 0, side - 1)
    return images[np.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :]]


def pixels(images: np.ndarray):
    """(n, 3, SIDE, SIDE) float32 tensor: what CLIP's image processor makes of the pictures."""
    import torch
    from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

    mean, std = (torch.tensor(v).view(3, 1, 1) for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return (torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2) / 255 - mean) / std
