"""Train `sentiment`: a LoRA adapter and a head on the embedder's encoder.

    HANDSON_SOURCES=<folder> python -m data.recipes.sentiment [--force] [--steps 4]

Learns three classes from the train split of `reviews` and from the train split of the
public sentence polarity data (rotten_tomatoes, Pang & Lee 2005), which has no neutral
class. Runs on a GPU where there is one, else on the CPU in bf16; `torchrun --nproc_per_node 2
-m data.recipes.sentiment` (or `accelerate launch` on GPUs) shares it between processes. Test
splits are never read here. --steps tries a few steps and keeps nothing.
"""
import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from data.recipes import kit, scores_sentiment
from utils import chapter, corpora, machine, models

LABELS = ["negative", "neutral", "positive"]
TARGETS = ["query", "key", "value", "dense"]  # every matrix of the encoder's blocks
LORA = dict(r=16, lora_alpha=32, lora_dropout=0.1, task_type="SEQ_CLS")
TRAIN = dict(learning_rate=8e-4, num_train_epochs=3, per_device_train_batch_size=32,
             warmup_steps=0.06, weight_decay=0.01, lr_scheduler_type="linear")
OWN_SHARE = 2  # each of our own reviews is seen twice an epoch: they are 9 % of the texts


def texts(seed: int):
    """Shuffled training rows {text, label}: public sentences and our train split."""
    from datasets import Dataset

    public = kit.source("cornell-movie-review-data/rotten_tomatoes", "train")
    rows = [{"text": t, "label": 2 if y else 0} for t, y in zip(public["text"], public["label"])]
    own = corpora.load("reviews", "laptop")["train"]
    rows += OWN_SHARE * [{"text": r["text"], "label": LABELS.index(r["label"])} for r in own]
    return Dataset.from_list(rows).shuffle(seed=seed)


def build(base: str):
    """The encoder with a fresh head and adapter; the adapter, pooler and head are trained."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    names = dict(enumerate(LABELS))
    model = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=3, id2label=names, label2id={v: k for k, v in names.items()},
    )
    # blocks only: `dense` would match the pooler too, which is trained whole
    blocks = r".*encoder\.layer\..*\.(" + "|".join(TARGETS) + ")"
    setting = LoraConfig(target_modules=blocks, modules_to_save=["pooler", "classifier"], **LORA)
    return get_peft_model(model, setting), AutoTokenizer.from_pretrained(base)


def train(out: Path, seed: int = 7, steps: int = -1):
    """Train, and write the adapter folder `out`; returns the Trainer."""
    from transformers import DataCollatorWithPadding, Trainer, TrainingArguments

    chapter.set_seed(seed)
    base = models.find("embedder", "laptop").path
    model, tokenizer = build(base)
    tokenizer.model_max_length = 128
    data = texts(seed).map(lambda b: tokenizer(b["text"], truncation=True), batched=True)
    here = machine.look()
    trainer = Trainer(
        model=model, processing_class=tokenizer, train_dataset=data,
        data_collator=DataCollatorWithPadding(tokenizer),
        args=TrainingArguments(
            output_dir=tempfile.mkdtemp(), seed=seed, bf16=here.bf16, use_cpu=here.kind == "cpu",
            save_strategy="no", report_to="none", logging_steps=50, dataloader_pin_memory=False,
            train_sampling_strategy="group_by_length", max_steps=steps, **TRAIN,
        ),
    )
    trainer.train()
    if trainer.is_world_process_zero():
        save(trainer.accelerator.unwrap_model(model), tokenizer, data, out)
    return trainer


def save(model, tokenizer, data, out: Path) -> None:
    """Adapter in float16, the config of the whole, the tokenizer, the hash manifest."""
    from safetensors.torch import load_file, save_file

    model.save_pretrained(out)
    file = out / "adapter_model.safetensors"
    save_file({k: v.half() for k, v in load_file(file).items()}, file, metadata={"format": "pt"})
    setting = json.loads((out / "adapter_config.json").read_text("utf-8"))
    setting["base_model_name_or_path"] = "sentence-transformers/all-MiniLM-L6-v2"
    kit.write_json(out / "adapter_config.json", setting)
    whole = model.get_base_model()
    whole.config.architectures = [type(whole).__name__]
    whole.config.save_pretrained(out)
    prints = sorted({corpora.fingerprint(t) for t in data["text"]})
    (out / "training_texts.sha256").write_text("\n".join(prints) + "\n", "utf-8")
    (out / "README.md").unlink(missing_ok=True)  # peft's own; ours is written by make index


def main() -> int:
    """Train into a temporary folder; keep it only if its scores are not worse."""
    began, target = time.time(), kit.MODELS / "sentiment"
    steps = int(sys.argv[sys.argv.index("--steps") + 1]) if "--steps" in sys.argv else -1
    with tempfile.TemporaryDirectory(prefix=".sentiment-", dir=kit.MODELS) as tmp:
        new = Path(tmp, "sentiment")
        trainer = train(new, steps=steps)
        if steps > 0 or not trainer.is_world_process_zero():
            print(f"process {trainer.args.process_index} of {trainer.args.world_size}: done")
            return 0
        log = {"seconds": round(time.time() - began), "steps": trainer.state.log_history}
        kit.write_json(new / "log.json", log)
        score = scores_sentiment.validation_f1(new)
        old = scores_sentiment.validation_f1(target) if (target / "log.json").exists() else 0.0
        print(f"macro-F1 on the validation split: new {score:.3f}, old {old:.3f}")
        if score < old and "--force" not in sys.argv:
            print("The old model is better and stays.")
            return 1
        if (target / "README.md").exists():
            shutil.copy(target / "README.md", new)
        kit.replace(new, target)
    files = ["adapter_model.safetensors", "adapter_config.json", "config.json",
             "training_texts.sha256"]
    kit.record(kit.MODELS / "catalogue.toml", "sentiment.laptop", kit.hashes(target, files))
    print(f"Wrote {target} after {time.time() - began:.0f} s. Now: make scorecard && make index")
    return 0


if __name__ == "__main__":
    sys.exit(main())
