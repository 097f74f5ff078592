"""Step 1 of `captioner`: a Q-Former learns to read the frozen tower of `clip`, by three tasks.

contrast, match and write (ITC, ITM and ITG of BLIP-2, Li et al. 2023, arXiv 2301.12597) are
learned at once, from batches of clip.Stream. What learns is transformers' own
Blip2ForImageTextRetrieval; its words are written through its word embedding.
"""
from data.recipes import clip
from utils import towers

QUERIES, WIDTH, LAYERS, SHARED = 16, 128, 3, 64


def build(seen_by, tokenizer, width: int = WIDTH, layers: int = LAYERS, queries: int = QUERIES,
          shared: int = SHARED):
    """A fresh Blip2ForImageTextRetrieval around the tower of a CLIPModel, which is frozen."""
    import math

    import torch
    from transformers import Blip2Config, Blip2ForImageTextRetrieval

    torch.manual_seed(7)
    vision = towers.from_clip(seen_by)
    model = Blip2ForImageTextRetrieval(Blip2Config(
        vision_config=vision.config.to_dict(), num_query_tokens=queries,
        image_text_hidden_size=shared, qformer_config=dict(
            vocab_size=len(tokenizer), hidden_size=width, num_hidden_layers=layers,
            num_attention_heads=width // 32, intermediate_size=width * 2,
            cross_attention_frequency=1, max_position_embeddings=64, pad_token_id=clip.END,
            use_qformer_text_input=True, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0)))
    model.vision_model = vision
    # transformers starts them at zero, where they would stay alike for ever
    torch.nn.init.normal_(model.query_tokens, std=model.config.initializer_range)
    model.register_parameter("logit_scale", torch.nn.Parameter(torch.tensor(math.log(1 / 0.07))))
    return model


def look(model, pixels):
    """States of the patches, (n, 65, width of the tower), without gradients."""
    import torch

    with torch.no_grad():
        return model.vision_model(pixel_values=pixels).last_hidden_state


def queries(model, seen):
    """States of the queries after they have read the patches, (n, queries, width)."""
    return model.qformer(query_embeds=model.query_tokens.expand(len(seen), -1, -1),
                         encoder_hidden_states=seen).last_hidden_state


def together(model, seen, ids, mask):
    """States of queries and pieces in one row, (n, queries + length, width).

    mask: (n, queries + length) or (n, 1, queries + length, queries + length), True: may see.
    """
    start = model.query_tokens.expand(len(seen), -1, -1)
    return model.qformer(
        query_embeds=model.embeddings(input_ids=ids, query_embeds=start), attention_mask=mask,
        query_length=start.shape[1], encoder_hidden_states=seen).last_hidden_state


def similar(model, seen, ids, mask):
    """Cosine of each text with the best query of each picture, times the scale: (n, n)."""
    import torch
    import torch.nn.functional as F

    text = model.qformer(query_embeds=model.embeddings(input_ids=ids), query_length=0,
                         attention_mask=mask).last_hidden_state[:, 0]
    text = F.normalize(model.text_projection(text).float(), dim=-1)
    image = F.normalize(model.vision_projection(queries(model, seen)).float(), dim=-1)
    with torch.autocast(image.device.type, enabled=False):
        best = torch.einsum("nqd,md->nmq", image, text).amax(-1)
        return best * model.logit_scale.exp().clamp(max=clip.TOP)


def wrong(logits):
    """For each row another column, drawn the more often the more similar it is."""
    import torch

    chances = logits.detach().softmax(1) + 1e-6
    return torch.multinomial(chances.fill_diagonal_(0), 1)[:, 0]


def contrast_loss(logits):
    """ITC: the right text of each picture, and back."""
    import torch
    import torch.nn.functional as F

    right = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, right) + F.cross_entropy(logits.T, right)) / 2


def match_loss(model, seen, ids, mask, other):
    """ITM: do picture and text belong together? Half of the texts are the similar wrong ones."""
    import torch
    import torch.nn.functional as F

    n, count = len(ids), model.query_tokens.shape[1]
    ids, mask, seen = torch.cat([ids, ids[other]]), torch.cat([mask, mask[other]]), seen.repeat(
        2, 1, 1)
    whole = torch.cat([mask.new_ones(2 * n, count), mask], 1)
    states = together(model, seen, ids, whole)[:, :count]
    truth = (torch.arange(2 * n, device=ids.device) < n).long()
    return F.cross_entropy(model.itm_head(states).mean(1).float(), truth)


def causal(mask, count: int):
    """(n, 1, all, all): queries see queries; a piece sees the queries and the pieces before it."""
    import torch

    n, length = mask.shape
    seen = torch.ones(count + length, count + length, dtype=torch.bool, device=mask.device).tril()
    seen[:count, :count] = True
    present = torch.cat([mask.new_ones(n, count), mask], 1).bool()
    return seen[None, None] & present[:, None, None]


def write_loss(model, seen, ids, mask):
    """ITG: every next piece of the caption from the queries and the pieces before."""
    import torch.nn.functional as F

    count = model.query_tokens.shape[1]
    states = together(model, seen, ids, causal(mask, count))[:, count:-1]
    logits = states @ model.embeddings.word_embeddings.weight.T
    return F.cross_entropy(logits.flatten(0, 1).float(),
                           ids[:, 1:].masked_fill(mask[:, 1:] == 0, -100).flatten())


def losses(model, batch) -> dict:
    """The three losses of a batch of clip.Stream."""
    ids, mask, seen = batch["input_ids"], batch["attention_mask"], look(
        model, batch["pixel_values"])
    logits = similar(model, seen, ids, mask)
    return {"contrast": contrast_loss(logits), "write": write_loss(model, seen, ids, mask),
            "match": match_loss(model, seen, ids, mask, wrong(logits))}


def three_losses(model, batch):
    """Their sum, as loop.train wants it."""
    return sum(losses(model, batch).values())
