"""A copying circuit written into the first two layers of a fresh Phi-3, before any training.

A head of layer 0 looks at the token before and notes it; heads of layer 1 look for places
whose note is the present token, and bring the token that stands there: after "Brenot lies"
... "Brenot" comes "lies". Transformers find such induction heads by themselves (Olsson et al.
2022, arXiv 2209.11895), but late: 14.5 M tokens were not enough here. So written, 8 of 10
random words in a repeated line are right before the first step; training may change it all.
"""
import torch

SHARED = 0.7             # length of the direction that all embeddings share, in token lengths
HEAD = 64
SLOW = 18                # rotary pairs from here on turn by less than 1 in 180 tokens


def frame(width: int, rows: int, shared: torch.Tensor, generator) -> torch.Tensor:
    """Orthonormal directions, (rows, width), all orthogonal to `shared` (width,)."""
    raw = torch.randn(width, rows + 1, generator=generator)
    raw[:, 0] = shared
    return torch.linalg.qr(raw)[0][:, 1:].T


def shared_direction(width: int) -> torch.Tensor:
    """The direction that serves as a bias, (width,)."""
    direction = torch.randn(width, generator=torch.Generator().manual_seed(7))
    return direction / direction.norm()


@torch.no_grad()
def look_back(model, layer: int, heads: int = 2, sharpness: float = 12.0) -> None:
    """Start some heads of a layer as "look at the token 1 (2) before".

    A query and a key along the shared direction differ only by the rotation of 1 (2) places.
    """
    h, d, fast = model.config.hidden_size, HEAD, 10     # the ten fastest of the rotary pairs
    shared = shared_direction(h)
    turn = 1 / (10000 ** (torch.arange(0, d, 2) / d))
    query = torch.zeros(d)
    query[:fast] = query[d // 2:d // 2 + fast] = (2 * fast) ** -0.5
    first, second = query[:d // 2], query[d // 2:]
    scale = (sharpness * d ** 0.5) ** 0.5 / (0.57 * h ** 0.5)
    weight = model.model.layers[layer].self_attn.qkv_proj.weight
    for head in range(heads):
        cos, sin = ((head + 1) * turn).cos(), ((head + 1) * turn).sin()
        key = torch.cat([first * cos - second * sin, second * cos + first * sin])
        weight[head * d:(head + 1) * d] = scale * torch.outer(query, shared)
        weight[h + head * d:h + (head + 1) * d] = scale * torch.outer(key, shared)


@torch.no_grad()
def install(model, sharpness: float = 8.0, note: float = 0.3, copy: float = 1.0) -> None:
    """Write the circuit into layers 0 and 1 of a fresh Phi3ForCausalLM with heads of 64.

    note, copy: lengths of what the two layers add, where a token's embedding has about 0.3.
    The rest of the network starts quiet, so that it does not drown them.
    """
    h, d = model.config.hidden_size, HEAD
    unit = h ** 0.5 * model.config.initializer_range
    shared, generator = shared_direction(h), torch.Generator().manual_seed(11)
    model.model.embed_tokens.weight += SHARED * unit * shared
    for layer in model.model.layers:
        layer.self_attn.o_proj.weight *= 0.1
        layer.mlp.down_proj.weight *= 0.1
    model.lm_head.weight.copy_(model.model.embed_tokens.weight - SHARED * unit * shared)
    look_back(model, 0)
    look_back(model, 1)
    slow = [*range(SLOW, d // 2), *range(d // 2 + SLOW, d)]
    n = len(slow)
    code, noted = frame(h, 2 * n, shared, generator).split(n)
    first, second = (model.model.layers[i].self_attn for i in (0, 1))
    start = unit * (1 + SHARED ** 2) ** 0.5             # length of an embedding
    later = (start ** 2 + note ** 2) ** 0.5             # and of a state after layer 0
    seen = unit * (n / h) ** 0.5 * h ** 0.5             # of a token's code, before the norm
    first.qkv_proj.weight[2 * h:2 * h + d] = 0
    first.qkv_proj.weight[2 * h:2 * h + n] = code
    first.o_proj.weight[:, :d] = 0
    first.o_proj.weight[:, :n] = noted.T * note * start / seen
    scale = (3 * sharpness * d ** 0.5 * later ** 2 / (seen * note * h ** 0.5)) ** 0.5
    brought = frame(h, 2 * d, shared, generator).split(d)
    for head, part in zip((2, 3), brought):
        rows = slice(head * d, (head + 1) * d)
        query, key = torch.zeros(2, d, h)
        query[slow], key[slow] = code * scale, noted * scale
        second.qkv_proj.weight[:h][rows] = query
        second.qkv_proj.weight[h:2 * h][rows] = key
        second.qkv_proj.weight[2 * h:][rows] = part
        second.o_proj.weight[:, rows] = part.T * copy * later / (unit * d ** 0.5)


def repeated(model, words: int = 60, rows: int = 16) -> float:
    """Share of right first choices in the second half of lines of random ids said twice."""
    ids = torch.randint(6, model.config.vocab_size, (rows, words),
                        generator=torch.Generator().manual_seed(0)).repeat(1, 2)
    with torch.no_grad():
        best = model(ids).logits[:, words:-1].argmax(-1)
    return float((best == ids[:, words + 1:]).float().mean())


@torch.no_grad()
def install_t5(model, sharpness: float = 0.9, note: float = 0.7, copy: float = 4.0) -> None:
    """The same for a fresh gated T5: encoder layer 0 notes, the decoder's first look brings.

    Head 0 of the encoder must already look at the token before (see seq2seq.look_around).
    sharpness: factor on both query and key; T5 does not divide scores by sqrt(d).
    """
    h, d = model.config.d_model, model.config.d_kv
    generator = torch.Generator().manual_seed(11)
    unit = float(model.shared.weight.norm(dim=1).mean())
    noted, *brought = frame(h, 3 * d, torch.randn(h, generator=generator), generator).split(d)
    code = frame(h, d, torch.randn(h, generator=generator), generator)
    seen, state = (d / h) ** 0.5 * h ** 0.5, (unit ** 2 + note ** 2) ** 0.5
    first = model.encoder.block[0].layer[0].SelfAttention
    first.v.weight[:d], first.o.weight[:, :d] = code, noted.T * note / seen
    cross = model.decoder.block[0].layer[1].EncDecAttention
    for head, part in enumerate(brought):
        rows = slice(head * d, (head + 1) * d)
        cross.q.weight[rows], cross.k.weight[rows] = code * sharpness, noted * sharpness
        cross.v.weight[rows] = part
        cross.o.weight[:, rows] = part.T * copy * state / (unit * h ** 0.5)


@torch.no_grad()
def install_bert(model, sharpness: float = 9.0, amplitude: float = 0.1, word: float = 0.06,
                 brought: float = 0.5) -> None:
    """Heads of layer 0 of a fresh BertForMaskedLM look 1 back, 1 ahead, 2 back and 2 ahead.

    The last 64 numbers of an embedding hold the place, as 32 turning pairs, and the words
    leave them free; what stands at those places is added to the state. A BERT without them
    guesses the commonest word for thousands of steps before it looks at the neighbours.
    """
    h, d = model.config.hidden_size, HEAD
    generator = torch.Generator().manual_seed(11)
    embeddings, layer = model.bert.embeddings, model.bert.encoder.layer[0].attention
    turn = torch.pi * (torch.arange(d // 2) + 0.5) / (d // 2)
    places = torch.arange(len(embeddings.position_embeddings.weight))[:, None] * turn
    embeddings.word_embeddings.weight.mul_(word / model.config.initializer_range)
    embeddings.word_embeddings.weight[:, h - d:] = 0
    embeddings.token_type_embeddings.weight.zero_()
    embeddings.position_embeddings.weight.zero_()
    embeddings.position_embeddings.weight[:, h - d:] = \
        amplitude * torch.cat([places.cos(), places.sin()], 1)
    share = d / 2 * amplitude ** 2 / (d / 2 * amplitude ** 2 + (h - d) * word ** 2)
    scale = (sharpness * d ** 0.5 / (h * share)) ** 0.5
    rows = frame(h - d, d, torch.randn(h - d, generator=generator), generator)
    for head, step in zip(range(h // d), (1, -1, 2, -2)):
        part = slice(head * d, (head + 1) * d)
        cos, sin = (step * turn).cos().diag(), (step * turn).sin().diag()
        layer.self.query.weight[part] = 0
        layer.self.query.weight[part, h - d:] = scale * torch.eye(d)
        layer.self.key.weight[part] = 0
        layer.self.key.weight[part, h - d:] = scale * torch.cat(
            [torch.cat([cos, -sin], 1), torch.cat([sin, cos], 1)])
        layer.self.value.weight[part] = 0
        layer.self.value.weight[part, :h - d] = rows
        mixed = frame(h, d, torch.randn(h, generator=generator), generator)
        layer.output.dense.weight[:, part] = brought * mixed.T
