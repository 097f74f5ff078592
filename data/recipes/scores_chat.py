"""What `chat` does with 100 held-out cases of each skill: greedy, float32."""
import re
from collections import Counter

from data.recipes import dialogues, manifest

CASES = manifest.CASES


class Reader:
    """A chat folder, loaded once; answers are kept, so that several lines can share them."""

    def __init__(self, folder):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.makers, self.rules = (dialogues.registry(k) for k in ("SKILLS", "SCORES"))

    def reply(self, talks, batch: int = 50, limit: int = 140, **sampling) -> list[str]:
        """Texts that follow the talks; cut = "" is marked by a missing end tag."""
        import torch

        order = sorted(range(len(talks)), key=lambda i: len(str(talks[i])))
        out = [""] * len(talks)
        for at in range(0, len(order), batch):
            part = order[at:at + batch]
            inputs = self.tokenizer.apply_chat_template(
                [talks[i] for i in part], add_generation_prompt=True, return_tensors="pt",
                return_dict=True, padding=True)
            with torch.no_grad():
                ids = self.model.generate(**inputs, max_new_tokens=limit,
                                          **(sampling or {"do_sample": False}))
            new = ids[:, inputs["input_ids"].shape[1]:]
            for i, row in zip(part, new):
                text = self.tokenizer.decode(row, skip_special_tokens=False)
                out[i] = text.split(dialogues.PAD)[0]
        return out

    def cases(self, skill: str, n: int = CASES, **settings) -> list[dict]:
        """n held-out cases, always the same ones."""
        return manifest.cases(self.makers, skill, n, **settings)

    def score(self, skill: str, n: int = CASES, **settings) -> dict[str, list[bool]]:
        """{attribute: one bool per case that has it}; "ends" is the end tag."""
        cases = self.cases(skill, n, **settings)
        texts = self.reply([c["messages"][:-1] for c in cases])
        found = {}
        for case, text in zip(cases, texts):
            found.setdefault("ends", []).append(dialogues.END in text)
            for key, good in self.rules[skill](case, clean(text)).items():
                found.setdefault(key, []).append(bool(good))
        return found


def clean(text: str) -> str:
    """The answer without its end tag."""
    return text.split(dialogues.END)[0]


def distinct(texts, n: int = 2) -> float:
    """Different n-grams of words over all n-grams, pooled."""
    grams = [g for t in texts for w in [t.split()] for g in zip(*(w[i:] for i in range(n)))]
    return len(set(grams)) / max(1, len(grams))


def plain(reader: Reader):
    """(skill, measure, bools, target): the skills with a rule of their own."""
    table = [
        ("cited", {"answer": .95, "citation": .95}), ("steps", {"right": .90}),
        ("summarise_talk", None), ("system_turn", {"form": .95}),
        ("json_character", {"valid": .60}), ("rewrite", {"right": .85}),
        ("split_two", {"right": .85}), ("next_hop", {"right": .85}), ("route", {"right": .85}),
        ("judge_support", {"right": .85}), ("judge_ab", {"right": .85}),
        ("invented_word", None), ("extract", {"right": .85}), ("relevance", {"right": .85}),
        ("wrong_step_check", {"right": .85}), ("next_line", {"right": .85})]
    for skill, targets in table:
        found = reader.score(skill)
        if skill == "invented_word":
            yield skill, "word used, well formed", both(found), .80
        elif skill == "summarise_talk":
            yield skill, "facts kept", both(found), .90
        else:
            for key, target in targets.items():
                yield skill, key, found[key], target
    for part, right in reader.score("email_steered", 140).items():
        if part != "ends":
            yield "email_steered", part, right, .80
    for distance, target in ((1, .95), (4, .90)):
        yield f"memory, {distance} turn(s) back", "right", \
            reader.score("memory", distance=distance)["right"], target


def both(found: dict) -> list[bool]:
    """Every attribute of a case at once (all lists must be of one length), else pooled."""
    rows = [v for k, v in found.items() if k != "ends"]
    if len({len(r) for r in rows}) == 1:
        return [all(r) for r in zip(*rows)]
    return [x for r in rows for x in r]


def first_text(reader: Reader):
    """Stories, anecdotes and e-mails: do they end, do they vary."""
    ends, texts = [], []
    for skill in ("story", "anecdote", "email_plain"):
        talks = [c["messages"][:-1] for c in reader.cases(skill, 34)]
        replies = reader.reply(talks)
        ends += [dialogues.END in t for t in replies]
        texts += [distinct([clean(t)]) >= 0.8 for t in replies]
    yield "first text", "ends with the end tag", ends, .98
    yield "first text", "distinct-2 of a text >= 0.8", texts, .90


def guarded(reader: Reader):
    """Refusals where the answer is absent, and where it is not."""
    cases = reader.cases("guarded", 2 * CASES)
    texts = [clean(t) for t in reader.reply([c["messages"][:-1] for c in cases])]
    for absent, target in ((True, .95), (False, -.05)):
        refused = ["do not say" in t for c, t in zip(cases, texts)
                   if bool(c["gold"]["absent"]) is absent]
        yield "guarded", f"refuses, answer {'absent' if absent else 'present'}", refused, target


def shots(reader: Reader):
    """Formats known from 0, 1 and 4 examples only."""
    for k, target in ((0, -.10), (1, .60), (4, .85)):
        found = reader.score("shots", k=k)
        seen = found["format"] if k else [not other for other in found["other_form"]]
        yield f"shots, {k} examples", "label in the examples' form", seen, target


def number(text: str):
    """The number after the last "answer is", else the last number."""
    found = re.findall(r"answer is (-?\d+)", text) or re.findall(r"-?\d+", text)
    return found[-1] if found else None


def problems(reader: Reader):
    """Direct answers, the gap, and a vote of seven samples."""
    import torch

    cases = reader.cases("steps")
    talks = [c["messages"][:-1] for c in cases]
    gold = [number(c["messages"][-1]["content"]) for c in cases]
    yield "direct", "right", reader.score("direct")["right"], -.50
    torch.manual_seed(7)
    samples = [number(t) for t in reader.reply(
        [t for t in talks for _ in range(7)], batch=100, do_sample=True, temperature=0.8)]
    groups = [samples[i:i + 7] for i in range(0, len(samples), 7)]
    single = [s == g for group, g in zip(groups, gold) for s in group]
    vote = [Counter(group).most_common(1)[0][0] == g for group, g in zip(groups, gold)]
    yield "steps, single sample at T = 0.8", "right", single, None
    yield "steps, vote of 7 at T = 0.8", "right", vote, round(sum(single) / len(single) + .03, 3)


def react(reader: Reader):
    """The next action of an agent, given the trace."""
    for skill in ("react", "react_facts"):
        found = reader.score(skill)
        yield skill, "action and input", both(found), .90


def quality(folder) -> float:
    """Mean share of right answers over the skills with one right answer, 30 cases each."""
    reader = Reader(folder)
    skills = ("cited", "guarded", "steps", "memory", "shots", "react", "summarise_talk",
              "judge_support", "judge_ab", "next_hop", "email_steered", "recall")
    shares = []
    for skill in skills:
        found = reader.score(skill, 30)
        right = [x for key, xs in found.items() if key != "ends" for x in xs]
        shares.append(sum(right) / len(right))
    return sum(shares) / len(shares)
