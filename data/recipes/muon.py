"""Muon (Jordan et al. 2024): momentum whose matrices are made orthogonal before each step.

torch.optim.Muon does the same in bfloat16, which is the slow type on many CPUs; these lines
stay in float32 and treat the fused q, k, v (and gate, up) matrices as the separate matrices
they are. On the copying skills of `chat` it needed half of AdamW's steps.
"""
import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)


def orthogonal(matrix: torch.Tensor, steps: int = 4) -> torch.Tensor:
    """The nearest matrix with singular values near 1, by Newton-Schulz; any shape (r, c).

    x <- p(x x^T) x, iterated on the small square g = x x^T alone: every factor is a
    polynomial in g, so the factors are collected and x is multiplied once, at the end.
    """
    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    gram, whole = x @ x.T, None
    for _ in range(steps):
        factor = torch.addmm(gram, gram, gram, beta=b, alpha=c)
        factor.diagonal().add_(a)
        whole = factor if whole is None else factor @ whole
        gram = factor @ gram @ factor
    x = whole @ x
    return x.T if matrix.shape[0] > matrix.shape[1] else x


class Muon(torch.optim.Optimizer):
    """For the two-dimensional weights inside the blocks; the rest belongs to AdamW."""

    def __init__(self, parameters, lr: float = 0.02, momentum: float = 0.95, decay: float = 0.01):
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "decay": decay})

    @torch.no_grad()
    def step(self, closure=None):
        """One update; a group's "parts" says into how many matrices its weights fall."""
        ahead = [(group, p, self.ahead(group, p)) for group in self.param_groups
                 for p in group["params"] if p.grad is not None]
        for (group, p, _), update in zip(ahead, shared(ahead)):
            p.mul_(1 - group["lr"] * group["decay"])
            p.add_(update, alpha=-group["lr"])

    def ahead(self, group, p):
        """Nesterov's look ahead along the momentum, which this call moves on."""
        kept = self.state[p].setdefault("momentum", torch.zeros_like(p))
        kept.lerp_(p.grad, 1 - group["momentum"])
        return p.grad.lerp(kept, group["momentum"])


def orthogonal_parts(group, p, ahead) -> torch.Tensor:
    """The update of one parameter, of its shape, from its parts each made orthogonal."""
    return torch.cat([orthogonal(m) * max(1, m.shape[0] / m.shape[1]) ** 0.5
                      for m in ahead.chunk(group["parts"])])


def shared(ahead: list) -> list:
    """The updates of all parameters; every process makes its part of them for all."""
    import torch.distributed as dist

    if not (dist.is_available() and dist.is_initialized()):
        return [orthogonal_parts(*row) for row in ahead]
    world, rank = dist.get_world_size(), dist.get_rank()
    order = sorted(range(len(ahead)), key=lambda i: -ahead[i][1].numel())
    mine = set(order[rank::world])
    flat = torch.cat([(orthogonal_parts(*row) if i in mine else torch.zeros_like(row[1])).flatten()
                      for i, row in enumerate(ahead)])
    dist.all_reduce(flat)
    parts = flat.split([p.numel() for _, p, _ in ahead])
    return [part.view_as(p) for part, (_, p, _) in zip(parts, ahead)]


def split(model, rate: float, decay: float, matrices: float = 20.0) -> list:
    """[Muon, AdamW] for a transformer; Muon's rate is `matrices` times AdamW's.

    With matrices = 0 there is one AdamW for everything.
    """
    fused = {"qkv_proj.weight": 3, "gate_up_proj.weight": 2}
    groups, rest = {}, []
    for name, p in model.named_parameters():
        if matrices and p.ndim == 2 and ("layer" in name or "block" in name) and "bias" not in name:
            parts = next((n for end, n in fused.items() if name.endswith(end)), 1)
            groups.setdefault(parts, []).append(p)
        else:
            rest.append(p)
    adam = torch.optim.AdamW(rest, rate, betas=(0.9, 0.95), weight_decay=0.0 if groups else decay,
                             fused=True)
    found = [adam]
    if groups:
        sets = [{"params": ps, "parts": n} for n, ps in groups.items()]
        found = [Muon(sets, matrices * rate, decay=decay), adam]
    for optimizer in found:
        for group in optimizer.param_groups:
            group["full"] = group["lr"]
    return found
