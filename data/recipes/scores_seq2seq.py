"""Scores of `seq2seq` on held-out cases: greedy answers to each task, and their form."""
import random

from data.recipes import kit
from data.recipes.skills import seq_tasks, summaries

CASES = 100


def cases(task: str, count: int = CASES) -> list:
    """Different held-out cases of a task; (prefix, input, target) each."""
    rng, found = random.Random(f"test {task}"), {}
    while len(found) < count:
        case = seq_tasks.MAKERS[task](rng, "test")
        found.setdefault(case[1], case)
    return list(found.values())


def answers(folder, prompts: list, batch: int = 25) -> list:
    """What the model in a folder writes greedily, one text for each prompt."""
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=torch.float32).eval()
    out = []
    for at in range(0, len(prompts), batch):
        inputs = tokenizer(prompts[at:at + batch], padding=True, return_tensors="pt")
        with torch.no_grad():
            ids = model.generate(input_ids=inputs["input_ids"], do_sample=False, num_beams=1,
                                 attention_mask=inputs["attention_mask"], max_new_tokens=48)
        out += [text.strip() for text in tokenizer.batch_decode(ids, skip_special_tokens=True)]
    return out


def rows(folder=None) -> list:
    """(skill, measure, a value for each case, target); a target below 0 means "at most"."""
    folder, found, off = folder or kit.MODELS / "seq2seq", [], []
    for task in seq_tasks.MAKERS:
        asked = cases(task)
        given = answers(folder, [prefix + text for prefix, text, _ in asked])
        right = [seq_tasks.SCORES[task](text, target, answer)
                 for (_, text, target), answer in zip(asked, given)]
        form = [seq_tasks.FORMS[task](text, answer) for (_, text, _), answer in zip(asked, given)]
        found.append((task, "right", right, .80))
        off.append((task, "off-format", [not ok for ok in form], -.03))
        if task == "summarize":
            found.append((task, "exact", [a == c[2] for c, a in zip(asked, given)], None))
            for name, texts in (("ROUGE-1 F", given), ("ROUGE-1 F of the first sentence", [
                    summaries.first_sentence(text) for _, text, _ in asked])):
                found.append((task, name, [summaries.rouge(a, c[2])
                                           for a, c in zip(texts, asked)], None))
    return found + off


def quality(folder) -> float:
    """Mean share of right answers over the tasks; decides which model is kept."""
    shares = [sum(values) / len(values) for _, measure, values, _ in rows(folder)
              if measure == "right"]
    return sum(shares) / len(shares)


if __name__ == "__main__":
    for skill, measure, values, _ in rows():
        print(f"{skill:10} {measure:32} {sum(values) / len(values):.3f}  n {len(values)}")
