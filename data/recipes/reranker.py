"""Train `reranker`: a LoRA adapter and a head of one number on the embedder's encoder.

    HANDSON_SOURCES=<folder> python -m data.recipes.reranker [--force] [--steps 20]

Learns from groups of a question, a passage that answers it and three near ones that do not
(data/recipes/relevance.py). The loss is a softmax over the group, which is about the order,
plus binary cross-entropy, which makes the sigmoid of a score mean something without its
group. Test splits are never read here. --steps tries a few steps and keeps nothing.
"""
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from data.recipes import kit, relevance, sentiment
from utils import chapter, machine, models

STEPS, LENGTH = 500, 160
GROUPS = 8                                      # of a batch: 32 pairs
TRAIN = dict(learning_rate=5e-4, per_device_train_batch_size=GROUPS, num_train_epochs=1,
             warmup_steps=0.08, weight_decay=0.01, lr_scheduler_type="linear")
FILES = ["adapter_model.safetensors", "adapter_config.json", "config.json",
         "training_texts.sha256"]


def build(base: str):
    """The encoder with a fresh head of one number and a LoRA adapter; and its tokenizer."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=1)
    blocks = r".*encoder\.layer\..*\.(" + "|".join(sentiment.TARGETS) + ")"
    setting = LoraConfig(target_modules=blocks, modules_to_save=["pooler", "classifier"],
                         **sentiment.LORA)
    return get_peft_model(model, setting), AutoTokenizer.from_pretrained(base)


def encoded(groups, tokenizer):
    """Data set of groups: token ids of each pair, and the length of the longest."""
    from datasets import Dataset

    def pairs(row):
        ids = tokenizer([row["question"]] * relevance.GROUP, row["passages"],
                        truncation="only_second", max_length=LENGTH)
        return {**ids, "length": max(map(len, ids["input_ids"]))}

    rows = [{"question": q, "passages": passages} for q, passages in groups]
    return Dataset.from_list(rows).map(pairs, remove_columns=["question", "passages"])


def flat(tokenizer):
    """Collator: all pairs of some groups as one padded batch."""
    def collate(rows):
        names = ("input_ids", "token_type_ids", "attention_mask")
        pairs = [dict(zip(names, pair)) for r in rows for pair in zip(*(r[n] for n in names))]
        return tokenizer.pad(pairs, return_tensors="pt")

    return collate


def loss_of(model, inputs, return_outputs=False, **_):
    """Softmax over each group, whose first passage is right, plus binary cross-entropy."""
    import torch
    import torch.nn.functional as F

    scores = model(**inputs).logits.view(-1, relevance.GROUP).float()
    first = torch.zeros(len(scores), dtype=torch.long, device=scores.device)
    right = F.one_hot(first, relevance.GROUP).float()
    loss = F.cross_entropy(scores, first) + F.binary_cross_entropy_with_logits(scores, right)
    return (loss, scores) if return_outputs else loss


def train(out: Path, seed: int = 7, steps: int = STEPS):
    """Train, and write the adapter folder `out`; returns the Trainer."""
    from transformers import Trainer, TrainingArguments

    chapter.set_seed(seed)
    base = models.find("embedder", "laptop").path
    here = machine.look()
    processes = int(os.environ.get("WORLD_SIZE", 1))
    groups, prints = relevance.groups(steps * GROUPS * processes, seed)
    model, tokenizer = build(base)
    trainer = Trainer(
        model=model, processing_class=tokenizer, train_dataset=encoded(groups, tokenizer),
        data_collator=flat(tokenizer), args=TrainingArguments(
            output_dir=tempfile.mkdtemp(), seed=seed, bf16=here.bf16 and here.kind != "cpu",
            use_cpu=here.kind == "cpu", save_strategy="no", report_to="none", logging_steps=20,
            dataloader_pin_memory=False, remove_unused_columns=False, max_steps=steps,
            train_sampling_strategy="group_by_length", **TRAIN),
    )
    trainer.compute_loss = loss_of
    trainer.train()
    if trainer.is_world_process_zero():
        save(trainer.accelerator.unwrap_model(model), prints, out)
    return trainer


def save(model, prints, out: Path) -> None:
    """Adapter in float16, the config of the whole, the hash manifest of the real texts."""
    sentiment.save(model, None, {"text": []}, out)
    (out / "training_texts.sha256").write_text("\n".join(sorted(prints)) + "\n", "utf-8")


def validation_ndcg(adapter: Path) -> float:
    """Mean nDCG@10 of an adapter folder on the validation cases: decides what is kept."""
    from data.recipes import scores_reranker
    from utils.adapters import write_merged

    cases = relevance.squad_cases("validation", 10) + [
        c for c in relevance.own_cases("tune", 10) if relevance.held_back(c.question)]
    with tempfile.TemporaryDirectory() as tmp:
        write_merged(Path(models.find("embedder", "laptop").path), adapter, Path(tmp))
        dense, reranked = scores_reranker.compare(tmp, cases)
    print(f"nDCG@10 of {len(cases)} validation questions, embedder alone: {dense.mean():.3f}")
    return float(reranked.mean())


def main() -> int:
    """Train into a temporary folder; keep it only if its scores are not worse."""
    began, target = time.time(), kit.MODELS / "reranker"
    trying = "--steps" in sys.argv
    steps = int(sys.argv[sys.argv.index("--steps") + 1]) if trying else STEPS
    with tempfile.TemporaryDirectory(prefix=".reranker-", dir=kit.MODELS) as tmp:
        new = Path(tmp, "reranker")
        trainer = train(new, steps=steps)
        if not trainer.is_world_process_zero():
            return 0
        log = {"seconds": round(time.time() - began), "steps": trainer.state.log_history}
        kit.write_json(new / "log.json", log)
        score = validation_ndcg(new)
        old = validation_ndcg(target) if (target / "log.json").exists() else 0.0
        print(f"nDCG@10 on the validation questions: new {score:.3f}, old {old:.3f}")
        if trying or score < old and "--force" not in sys.argv:
            print("Only tried." if trying else "The old model is better and stays.")
            return int(not trying)
        if (target / "README.md").exists():
            shutil.copy(target / "README.md", new)
        kit.replace(new, target)
    kit.record(kit.MODELS / "catalogue.toml", "reranker.laptop", kit.hashes(target, FILES))
    print(f"Wrote {target} after {time.time() - began:.0f} s. Now: make scorecard && make index")
    return 0


if __name__ == "__main__":
    sys.exit(main())
