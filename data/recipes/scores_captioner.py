"""Scores of `captioner` on held-out scenes: what its captions name, and its answers."""
import random
import sys

from data.recipes import kit, scenes, scores_clip
from utils import models

CASES, BATCH = 100, 50


def load(folder):
    """(model, processor) of a folder, ready to answer; the shipped one gets its tower."""
    import torch
    from transformers import AutoProcessor, Blip2ForConditionalGeneration

    if folder == kit.MODELS / "captioner":
        folder = models.find("captioner", "laptop").path

    model = Blip2ForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    return model, AutoProcessor.from_pretrained(folder)


def answers(model, processor, made, prompts) -> list[str]:
    """What is written greedily about each scene after its prompt; "" asks for a caption."""
    found = []
    for at in range(0, len(made), BATCH):
        some = made[at:at + BATCH]
        inputs = processor(images=[scenes.draw(s) for s in some], padding=True,
                           text=list(prompts[at:at + BATCH]), return_tensors="pt")
        ids = model.generate(**inputs, max_new_tokens=32, do_sample=False)
        new = ids[:, inputs["input_ids"].shape[1]:]
        found += [t.strip() for t in processor.batch_decode(new, skip_special_tokens=True)]
    return found


def named(scene, text: str) -> dict:
    """Which of thing, colour and setting a caption of a scene gets exactly right."""
    read = scenes.read(text)
    right = {"thing": read["kinds"] == {t.kind for t in scene.things},
             "colour": read["colours"] == {t.colour for t in scene.things},
             "setting": read["settings"] == {scene.setting}}
    return right | {"all three": all(right.values())}


def captions(model, processor, made) -> dict:
    """{what: right or not, for each scene}."""
    right = [named(s, t) for s, t in zip(made, answers(model, processor, made, [""] * len(made)))]
    return {what: [r[what] for r in right] for what in right[0]}


def questions(model, processor, made) -> dict:
    """{type of question: right or not, for each scene}."""
    asked = [scenes.questions(s, random.Random(f"scores {s.seed}")) for s in made]
    found = {}
    for kind, cases in zip(scenes.TYPES, zip(*asked)):
        given = answers(model, processor, made, [f"Question: {q} Answer:" for q, _ in cases])
        found[kind] = [g.rstrip(".") == a for g, (_, a) in zip(given, cases)]
    return found


def talks(model, processor, made, history: bool = True) -> list[bool]:
    """Second questions that lean on the first: right or not, with or without what was said."""
    prompts, truth = [], []
    for scene in made:
        first, answer, second, reply = (m["content"] for m in scenes.talk(
            scene, random.Random(f"scores {scene.seed}")))
        before = f"Question: {first} Answer: {answer}. " if history else ""
        prompts.append(f"{before}Question: {second} Answer:")
        truth.append(reply)
    return [g.rstrip(".") == t for g, t in zip(answers(model, processor, made, prompts), truth)]


def rows(folder=None) -> list:
    """(skill, measure, a value for each case, target)."""
    found, parts = [], load(folder or kit.MODELS / "captioner")
    for split, things, name, target in (("test", 1, "one thing", .70), ("test", 2, "two things",
                                        None), ("unseen", 1, "an unseen pair", None)):
        right = captions(*parts, scores_clip.chosen(split, CASES, things))
        found += [(f"captions, {name}", what, values, target if what == "all three" else None)
                  for what, values in right.items()]
    made = [scenes.scene(seed, "test") for seed in range(CASES)]
    found += [("questions, held-out scenes", kind, values, .80)
              for kind, values in questions(*parts, made).items()]
    return found + [("second question of a talk", f"{how} the first", talks(*parts, made, known),
                     None) for how, known in (("with", True), ("without", False))]


def quality(folder) -> float:
    """Mean share of right captions and answers on validation scenes; decides what is kept."""
    parts, made = load(folder), scores_clip.chosen("validation", CASES, 1)
    shares = [captions(*parts, made)["all three"], *questions(*parts, made).values()]
    return sum(sum(values) / len(values) for values in shares) / len(shares)


if __name__ == "__main__":
    for skill, measure, values, _ in rows(*sys.argv[1:2]):
        print(f"{skill:28} {measure:18} {sum(values) / len(values):.3f}  n {len(values)}")
