"""The training loop of the recipes, on a model of a few thousand weights."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from data.recipes import dialogues, kit, loop, muon

ROOT = Path(__file__).resolve().parent.parent
PLAN = dict(steps=12, warmup=2, tokens=512, probe_every=4, save_every=4, rate=3e-3)


def tiny():
    """(model, stream): a Phi-3 of width 64 on three easy skills."""
    from data.recipes import bpe, chat

    makers = {k: dialogues.registry("SKILLS")[k] for k in ("sums", "opener", "route")}
    import random
    rng = random.Random(0)
    texts = [m["content"] for f in makers.values() for _ in range(60)
             for m in f(rng, "train")["messages"]]
    tokenizer = bpe.train(texts, 400)
    stream = dialogues.Stream(tokenizer, dict.fromkeys(makers, 1.0), 512, makers)
    return chat.build(tokenizer, 64, 2), stream


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HANDSON_TRAIN", str(tmp_path))


def run(name, **changes):
    model, stream = tiny()
    log = loop.train(name, model, stream, dialogues.answer_loss, loop.Plan(**PLAN | changes))
    return model, log


def test_the_loss_falls_and_a_seed_gives_the_same_weights():
    (one, log), (two, _) = run("one"), run("two")
    assert torch.equal(weights(one), weights(two))
    assert log["log"][-1]["loss"] < log["log"][0]["loss"]
    assert log["tokens"] > 0 and log["plan"]["steps"] == 12


def test_an_interrupted_run_goes_on_where_it_was(capsys):
    run("same", steps=8)
    model, log = run("same", steps=12)
    assert "step 8 of 12" in capsys.readouterr().out
    assert [line["step"] for line in log["log"]] == [4, 8, 12]


def test_a_checkpoint_brings_back_weights_and_moments():
    model, _ = run("kept", steps=4)
    again, _ = tiny()
    optimizers = muon.split(again, 1e-3, 0.01)
    state = loop.resume(loop.folder("kept") / "checkpoint.safetensors", again, optimizers)
    assert state["step"] == 4 and torch.equal(weights(model), weights(again))
    held = [s for o in optimizers for s in o.state.values()]
    assert any("momentum" in s for s in held) and any("exp_avg_sq" in s for s in held)


def test_muon_steps_have_singular_values_near_one():
    torch.manual_seed(0)
    for shape in ((64, 64), (48, 160), (160, 48)):
        values = torch.linalg.svdvals(muon.orthogonal(torch.randn(shape)))
        assert values.median() > 0.6 and values.max() < 1.3


def test_every_matrix_of_the_blocks_goes_to_muon_and_the_rest_to_adamw():
    model, _ = tiny()
    first, second = muon.split(model, 1e-3, 0.01)
    count = [sum(p.numel() for g in o.param_groups for p in g["params"]) for o in (first, second)]
    inside = sum(p.numel() for p in model.model.layers.parameters() if p.ndim == 2)
    assert count == [inside, sum(p.numel() for p in model.parameters()) - inside]


def test_the_rate_warms_up_stays_and_falls():
    plan = loop.Plan(steps=100, warmup=10, decay=0.2)
    rates = [loop.rate_at(plan, s) for s in range(100)]
    assert rates[0] < 0.2 and rates[50] == 1.0 and rates[79] == 1.0 and rates[99] < 0.06


def test_two_processes_follow_the_curve_of_one(tmp_path):
    code = ("import json, os, pathlib\n"
            "from tests.test_training import run\n"
            "_, log = run('pair', steps=24)\n"
            "if os.environ['RANK'] == '0':\n"
            "    found = [log['processes'], log['log'][-1]['loss']]\n"
            "    pathlib.Path(os.environ['FOUND']).write_text(json.dumps(found), 'utf-8')\n")
    script = tmp_path / "two.py"
    script.write_text(code, "utf-8")
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
                        "ACCELERATE_USE_CPU": "true", "FOUND": str(tmp_path / "found.json")}
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", str(script)],
        capture_output=True, text=True, env=env, cwd=ROOT, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    processes, loss = json.loads((tmp_path / "found.json").read_text("utf-8"))
    _, alone = run("alone", steps=24)
    assert processes == 2 and abs(loss - alone["log"][-1]["loss"]) < 0.4


def test_a_worse_model_does_not_replace_a_better_one(tmp_path, monkeypatch, capsys):
    model, stream = tiny()
    monkeypatch.setattr(kit, "MODELS", tmp_path)
    (tmp_path / "catalogue.toml").write_text("[x.laptop.sha256]\n", "utf-8")
    marks = iter([0.5, 0.4, 0.5])
    fake = type(sys)("data.recipes.scores_x")
    fake.quality = lambda folder: next(marks)
    monkeypatch.setitem(sys.modules, "data.recipes.scores_x", fake)
    assert kit.install("x", model, stream.tokenizer, {"steps": 1})
    before = (tmp_path / "x" / "model.safetensors").read_bytes()
    assert b"model.safetensors" in (tmp_path / "catalogue.toml").read_bytes()
    assert not kit.install("x", model, stream.tokenizer, {"steps": 2})
    assert (tmp_path / "x" / "model.safetensors").read_bytes() == before
    assert "stays" in capsys.readouterr().out
    assert not list(tmp_path.glob(".x-*"))


def test_missing_tales_say_what_to_set(monkeypatch, tmp_path):
    monkeypatch.setenv("HANDSON_SOURCES", str(tmp_path))
    with pytest.raises(kit.HandsOnError, match="HANDSON_SOURCES"):
        next(kit.tales())
