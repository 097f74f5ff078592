"""The training loop that the recipes of chat, base, masked and seq2seq share.

One process uses the GPU where there is one, else the CPU. Started by `torchrun
--nproc_per_node 2 -m data.recipes.chat` or `accelerate launch`, every process draws its own
cases and the gradients are averaged. An interrupted run goes on from its last checkpoint,
which lies outside the repository (HANDSON_TRAIN, else ~/.cache/handson-train/<role>).
"""
import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from data.recipes import kit

KEPT = ("step", "exp_avg", "exp_avg_sq", "momentum")

@dataclass
class Plan:
    """What decides a run; kept with the model."""

    steps: int
    rate: float = 1e-3               # of AdamW, after the warm-up; Muon's: see matrices
    matrices: float = 6.0            # Muon's rate over AdamW's; 0: AdamW alone
    warmup: int = 100
    decay: float = 0.25              # last share of the steps, falling to 2 % of the rate
    tokens: int = 4096               # per batch and process, padding included
    clip: float = 1.0
    weight_decay: float = 0.01
    seed: int = 7
    probe_every: int = 200
    save_every: int = 200
    compile: bool = False            # up to 20 % faster on some CPUs after a minute of compiling
    onward: bool = False             # begin with the shipped weights, not from nothing


def folder(role: str) -> Path:
    """Where checkpoints of a role lie, outside the repository."""
    root = os.environ.get("HANDSON_TRAIN") or Path.home() / ".cache" / "handson-train"
    path = Path(root, role)
    path.mkdir(parents=True, exist_ok=True)
    return path


def precision(device):
    """bfloat16 where it is the faster one (GPUs; CPUs by a short race), else float32."""
    import torch

    if device.type != "cpu":
        return torch.bfloat16

    def seconds(kind):
        x, w = torch.randn(2048, 512, dtype=kind), torch.randn(512, 512, dtype=kind)
        for _ in range(3):
            x @ w
        began = time.perf_counter()
        for _ in range(8):
            x @ w
        return time.perf_counter() - began

    return torch.bfloat16 if 1.3 * seconds(torch.bfloat16) < seconds(torch.float32) \
        else torch.float32


def rate_at(plan: Plan, step: int) -> float:
    """Share of the full rate: warm-up, constant, then a straight line down to 2 %."""
    last = max(1, int(plan.steps * plan.decay))
    falling = min(1.0, (plan.steps - step) / last)
    return min(1.0, (step + 1) / max(1, plan.warmup)) * max(0.02, falling)


def average(model, world: int) -> None:
    """The mean of all processes' gradients, in one message."""
    import torch
    import torch.distributed as dist

    grads = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in grads])
    dist.all_reduce(flat)
    flat /= world
    for g, part in zip(grads, flat.split([g.numel() for g in grads])):
        g.copy_(part.view_as(g))


def save(file: Path, model, optimizers, state: dict) -> None:
    """Weights and the optimizers' moments in one safetensors file, by a temporary name."""
    from safetensors.torch import save_file

    tensors = {}
    for name, p in model.named_parameters():
        tensors[f"weight:{name}"] = p.detach()
        for optimizer in optimizers:
            for key, value in optimizer.state.get(p, {}).items():
                tensors[f"{key}:{name}"] = value.reshape(-1) if value.ndim == 0 else value
    tmp = file.with_suffix(".tmp")
    save_file({k: v.contiguous().cpu() for k, v in tensors.items()}, tmp,
              {"state": json.dumps(state)})
    tmp.replace(file)


def resume(file: Path, model, optimizers) -> dict:
    """Load what `save` wrote; returns its state."""
    import torch
    from safetensors import safe_open

    with safe_open(file, "pt") as f:
        state, names = json.loads(f.metadata()["state"]), set(f.keys())
        with torch.no_grad():
            for name, p in model.named_parameters():
                p.copy_(f.get_tensor(f"weight:{name}"))
                kept = {k: f.get_tensor(f"{k}:{name}").to(p.device) for k in KEPT
                        if f"{k}:{name}" in names}
                if "step" in kept:
                    kept["step"] = kept["step"].reshape(()).cpu()
                if len(optimizers) == 1 and "momentum" in kept:
                    kept = {}                    # written by Muon, of no use to AdamW
                if kept:
                    owner = optimizers[0] if "momentum" in kept else optimizers[-1]
                    owner.state[p] = kept
    return state


def train(role: str, model, stream, loss_of, plan: Plan, probe=None) -> dict:
    """Train `model` in place; returns the log.

    stream: object with batches(seed) -> endless iterator of dicts of tensors.
    loss_of(model, batch) -> scalar tensor.
    probe(model, stream) -> dict of numbers, called every plan.probe_every steps on the first
    process; it may change the stream's weights, which are shared and kept.
    """
    import torch

    from data.recipes import muon

    state = kit.processes()
    device, rank, world = state.device, state.process_index, state.num_processes
    model.to(device).train()
    kind = precision(device)
    optimizers = muon.split(model, plan.rate, plan.weight_decay, plan.matrices)
    file = folder(role) / "checkpoint.safetensors"
    here = {"step": 0, "log": [], "seconds": 0.0, "tokens": 0, "weights": None}
    if plan.onward and not file.exists():
        kit.load_shipped(role, model)
    if file.exists():
        here = resume(file, model, optimizers)
        if here["weights"]:                      # skills that came later keep their share
            stream.weights |= here["weights"]
    state.print(f"{role}: step {here['step']:,} of {plan.steps:,}, {device}, {kind}, "
                f"{world} process(es)", flush=True)
    source = stream.batches(f"{plan.seed} {rank} {here['step']}")
    began, running = time.time() - here["seconds"], None
    for step in range(here["step"], plan.steps):
        for group in (g for o in optimizers for g in o.param_groups):
            group["lr"] = group["full"] * rate_at(plan, step)
        batch = {k: v.to(device) for k, v in next(source).items()}
        with torch.autocast(device.type, torch.bfloat16, enabled=kind == torch.bfloat16):
            loss = loss_of(model, batch)
        loss.backward()
        if world > 1:
            average(model, world)
        torch.nn.utils.clip_grad_norm_(model.parameters(), plan.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        here["tokens"] += batch["input_ids"].numel() * world
        value = loss.item()
        running = value if running is None else 0.98 * running + 0.02 * value
        done = step + 1
        if done % 100 == 0:
            state.print(f"  {done:,}: {running:.3f}", flush=True)
        if done % plan.probe_every == 0 or done == plan.steps:
            report(here, state, model, stream, probe, done, running, time.time() - began)
        if state.is_main_process and (done % plan.save_every == 0 or done == plan.steps):
            here.update(step=done, weights=stream.weights)
            save(file, model, optimizers, here)
    return {"plan": asdict(plan), **{k: here[k] for k in ("log", "seconds", "tokens")},
            "processes": world, "device": str(device), "precision": str(kind)}


def report(here, state, model, stream, probe, step, running, seconds) -> None:
    """Probe, print and log; the stream's weights of the first process reach the others."""
    import torch.distributed as dist

    found = probe(model, stream) if probe and state.is_main_process else {}
    model.train()
    if state.num_processes > 1:
        box = [stream.weights]
        dist.broadcast_object_list(box, 0)
        stream.weights = box[0]
    here["seconds"] = seconds
    line = {"step": step, "loss": round(running, 4), "seconds": round(seconds), **found}
    here["log"].append(line)
    per = here["tokens"] / max(1e-9, seconds)
    state.print(f"step {step:,}  loss {running:.3f}  {seconds / 60:.1f} min  {per:,.0f} tokens/s  "
                + "  ".join(f"{k} {v:.2f}" for k, v in found.items()), flush=True)
    if not math.isfinite(running):
        raise kit.HandsOnError("the loss is not a number. Fix: lower the rate of the plan.")
