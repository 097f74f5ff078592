"""utils.gguf and utils.checkpoint, on tiny random models: llama.cpp against transformers."""
import json
import random
import shutil

import pytest

from tests import tiny
from utils import HandsOnError, gguf

llama_cpp = pytest.importorskip("llama_cpp")

VARIANTS = {
    "phi3": ("phi3", {}, {}),
    "phi3-untied": ("phi3", {"tie_word_embeddings": False, "num_key_value_heads": 4}, {}),
    "phi3-partial": ("phi3", {"rope_parameters": {
        "rope_type": "default", "rope_theta": 5e4, "partial_rotary_factor": 0.5}}, {}),
    "llama": ("llama", {}, {}),
    "llama-tied": ("llama", {"tie_word_embeddings": True, "num_key_value_heads": 1}, {"bos": True}),
    "llama-wide-heads": ("llama", {"head_dim": 24}, {}),
}  # fmt: skip
PIECES = ["a", " the", "Once", "don't", " I'll", "12", "0", " 345", "½", "²", "Ⅳ", "٣", "é",
          "e\u0301", "ß", "東京", "日", "🙂", "👩\u200d🚀", "ي", "हि", "\n", "\n\n", " ", "  ",
          "    ", "\t", "\r\n", "\u00a0", "\u2003", "!?", "...", "#", "_", "{'", "</s>", "<|", "|>",
          "ﬁ", "\u200b", *tiny.TAGS]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HANDSON_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def pair(home):
    """pair(name): the folder of a variant, its transformers model, its llama.cpp model."""
    from transformers import AutoModelForCausalLM

    made = {}

    def get(name):
        if name not in made:
            kind, changes, rules = VARIANTS[name]
            folder = tiny.folder(home / name, kind, tiny.tokenizer(**rules), **changes)
            model = AutoModelForCausalLM.from_pretrained(folder)
            made[name] = folder, model.eval(), load(gguf.write(folder))
        return made[name]

    yield get
    [llm.close() for _, _, llm in made.values()]


@pytest.fixture
def phi3(tmp_path):
    return tiny.folder(tmp_path / "phi3")


def load(file):
    return llama_cpp.Llama(str(file), n_ctx=256, n_threads=1, n_threads_batch=1,
                           logits_all=True, verbose=False)  # fmt: skip


def logits(llm, ids):
    import numpy as np

    llm.reset()
    llm.eval(ids)
    return np.array(llm.scores[: len(ids)])


def truth(model, ids):
    import torch

    with torch.no_grad():
        return model(torch.tensor([ids])).logits[0].numpy()


def change(file, **values):
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


@pytest.mark.parametrize("name", VARIANTS)
def test_logits_and_greedy_text_are_those_of_transformers(name, pair):
    _, model, llm = pair(name)
    for seed in range(3):
        ids = random.Random(seed).choices(range(5, 340), k=30)
        want = truth(model, ids)
        assert abs(logits(llm, ids) - want).max() < 0.01 * abs(want).max()
        llm.reset()
        for _ in range(40):
            llm.eval(ids[llm.n_tokens :])
            ids.append(int(llm.scores[llm.n_tokens - 1].argmax()))
        want = truth(model, ids)[29:-1]
        chosen = want[range(40), ids[30:]]
        assert (want.max(1) - chosen).max() < 0.02  # equal, but for ties
        assert (want.argmax(1) == ids[30:]).mean() > 0.9


@pytest.mark.parametrize("name", ["phi3", "llama-tied"])
def test_token_ids_are_those_of_transformers(name, pair):
    from transformers import AutoTokenizer

    folder, _, llm = pair(name)
    tokenizer, draw = AutoTokenizer.from_pretrained(folder), random.Random(0)
    texts = ["".join(draw.choices(PIECES, k=draw.randint(1, 20))) for _ in range(200)]
    for text in texts:
        assert llm.tokenize(text.encode(), special=True) == tokenizer(text).input_ids, text
    for tag in tiny.TAGS:
        assert len(llm.tokenize(tag.encode(), add_bos=False, special=True)) == 1


def test_the_chat_template_and_the_end_of_a_turn_are_in_the_file(pair):
    from transformers import AutoTokenizer

    folder, _, llm = pair("phi3")
    talk = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "12 + 30?"}]
    ids = AutoTokenizer.from_pretrained(folder).apply_chat_template(
        talk, add_generation_prompt=True, return_dict=False)  # fmt: skip
    llm.create_chat_completion(talk, max_tokens=4, temperature=0)
    assert llm.input_ids[: len(ids)].tolist() == ids
    assert llama_cpp.llama_vocab_is_eog(llm._model.vocab, tiny.TAGS.index("<|end|>"))


def test_a_folder_that_transformers_saved_in_bfloat16(pair, tmp_path):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder, _, _ = pair("llama")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    model.save_pretrained(tmp_path / "saved")
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path / "saved")
    llm, ids, want = load(gguf.write(tmp_path / "saved")), [*range(9, 60)], None
    want = truth(model.float(), ids)
    assert abs(logits(llm, ids) - want).max() < 0.01 * abs(want).max()
    llm.close()


def test_quantized_files_are_smaller_and_still_say_nearly_the_same(pair, capfd):
    import numpy as np

    folder, model, _ = pair("llama")
    files = [gguf.write(folder, kind) for kind in ("f16", "q8_0", "q4")]
    sizes = [file.stat().st_size for file in files]
    assert sizes == sorted(set(sizes), reverse=True) and files[2].name == "model-q4_0.gguf"
    ids, close = random.Random(0).choices(range(5, 340), k=60), []
    for file in files:
        llm = load(file)
        close.append(np.corrcoef(logits(llm, ids).ravel(), truth(model, ids).ravel())[0, 1])
        llm.close()
    assert close == sorted(close, reverse=True) and close[1] > 0.999 and close[2] > 0.97, close
    assert capfd.readouterr() == ("", "")


def test_q4_k_m_needs_widths_that_256_divides(phi3, tmp_path):
    with pytest.raises(HandsOnError, match="256 divides.*64, 96, 64. Fix: use q8_0 or q4_0"):
        gguf.write(phi3, "q4_k_m")
    wide = tiny.folder(tmp_path / "w", hidden_size=256, intermediate_size=256, num_hidden_layers=1)
    sizes = {kind: gguf.write(wide, kind).stat().st_size for kind in gguf.KINDS}
    assert sizes["q4_0"] < sizes["q4_k_m"] < sizes["q8_0"] < sizes["f16"]


def test_a_file_is_made_once_and_anew_when_the_model_changes(phi3, monkeypatch):
    first = gguf.write(phi3)
    seen = []
    real = gguf.convert
    monkeypatch.setattr(gguf, "convert", lambda *a: (seen.append(a), real(*a)))
    assert gguf.write(phi3) == first and not seen
    paths = {first}
    other = tiny.folder(phi3.parent / "other", seed=1)
    shutil.copyfile(other / "model.safetensors", phi3 / "model.safetensors")
    paths.add(gguf.write(phi3))
    change(phi3 / "config.json", rms_norm_eps=1e-6)
    paths.add(gguf.write(phi3))
    (phi3 / "chat_template.jinja").write_text("{{ messages }}")
    paths.add(gguf.write(phi3))
    assert len(paths) == len(seen) + 1 == 4


@pytest.mark.parametrize("kind", ["f16", "q8_0"])
def test_a_damaged_file_is_made_anew(kind, phi3):
    file = gguf.write(phi3, kind)
    good = file.read_bytes()
    for harm in (good[:-100], good[:5000] + b"\xff" + good[5001:], b""):
        file.write_bytes(harm)
        assert gguf.write(phi3, kind) == file and file.read_bytes() == good
    (file.parent / "sha256").unlink()
    assert gguf.write(phi3, kind).read_bytes() == good


def test_a_failed_quantization_leaves_nothing(phi3, monkeypatch, tmp_path):
    monkeypatch.setenv("HANDSON_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(llama_cpp, "llama_model_quantize", lambda *a: 1)
    with pytest.raises(HandsOnError, match="could not write q8_0.*Fix: free some space"):
        gguf.write(phi3, "q8_0")
    assert [p.name[-4:] for p in (tmp_path / "cache").iterdir()] == ["-f16"]
