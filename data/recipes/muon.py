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
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                kept = self.state[p].setdefault("momentum", torch.zeros_like(p))
                kept.lerp_(p.grad, 1 - group["momentum"])
                ahead = p.grad.lerp(kept, group["momentum"])
                pieces = [orthogonal(m) * max(1, m.shape[0] / m.shape[1]) ** 0.5
                          for m in ahead.chunk(group["parts"])]
                p.mul_(1 - group["lr"] * group["decay"])
                p.add_(torch.cat(pieces), alpha=-group["lr"])


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
