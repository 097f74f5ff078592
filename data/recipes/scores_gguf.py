"""Does llama.cpp say what transformers says? The f16 file of `chat` and `base`, greedily."""
import random

CASES, TOKENS = 100, 64
SKILLS = ("story", "anecdote", "email_plain", "cited", "guarded", "steps", "memory", "react",
          "json_character", "summarise_talk")


def prompts(role: str, tokenizer) -> list[list[int]]:
    """CASES held-out prompts as ids: talks for `chat`, the first ten words of stories else."""
    from data.recipes import base, dialogues

    rng = random.Random(f"gguf {role}")
    if role == "chat":
        makers = dialogues.registry("SKILLS")
        talks = [makers[SKILLS[i % len(SKILLS)]](rng, "test")["messages"][:-1]
                 for i in range(CASES)]
        return [tokenizer.apply_chat_template(t, add_generation_prompt=True, return_dict=False)
                for t in talks]
    starts = [" ".join(base.story(rng, "test").split()[:10]) for _ in range(CASES)]
    return [tokenizer.encode(s) for s in starts]


def by_transformers(model, ids) -> list[int]:
    """Greedy continuation, the end token included."""
    import torch

    with torch.no_grad():
        out = model.generate(torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)),
                             max_new_tokens=TOKENS, do_sample=False)
    return out[0, len(ids):].tolist()


def by_llama(llm, ids, ends) -> list[int]:
    """The same from llama.cpp: the highest logit, until an end token."""
    llm.reset()
    out = []
    while len(out) < TOKENS and not (out and out[-1] in ends):
        llm.eval((ids + out)[llm.n_tokens:])
        out.append(int(llm.scores[llm.n_tokens - 1].argmax()))
    return out


def difference(model, llm, ids) -> float:
    """Largest difference of the logits over a prompt, relative to the largest logit."""
    import torch

    with torch.no_grad():
        want = model(torch.tensor([ids])).logits[0].numpy()
    llm.reset()
    llm.eval(ids)
    return float(abs(llm.scores[:len(ids)] - want).max() / abs(want).max())


def rows(role: str, folder):
    """(skill, measure, a bool per prompt, target)."""
    from llama_cpp import Llama
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from utils import gguf

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()
    ends = model.generation_config.eos_token_id
    ends = set(ends if isinstance(ends, list) else [ends])
    llm = Llama(str(gguf.write(folder)), n_ctx=512, n_threads=1, n_threads_batch=1,
                logits_all=True, verbose=False)
    same, near = [], []
    for ids in prompts(role, tokenizer):
        same.append(by_llama(llm, ids, ends) == by_transformers(model, ids))
        near.append(difference(model, llm, ids) <= 0.01)
    llm.close()
    yield "GGUF f16 and transformers", "same greedy tokens", same, .95
    yield "GGUF f16 and transformers", "all logits within 1 % of the largest", near, 1.0
