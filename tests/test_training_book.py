"""Chapters 10 and 11 in the `book` profile, a few steps on real data (HANDSON_HUB_MIRROR).

A hub on 127.0.0.1 serves MNLI's and the STS benchmark's columns, rotten_tomatoes, names marked
in CoNLL's columns (rows of WikiANN) and arXiv's abstracts, some hundreds of rows of each,
under the ids of the book's data sets, and our small models under the ids of its models. Every
cell runs, with so few steps that nothing is learned: what the library computes has to be
equal there, too; claims on quality are only counted and printed (pytest -s).
"""
import json
from pathlib import Path

import nbformat
import pytest

from tests import book
from tests.book import MIRROR, book_environment
from tests.tools import notebooks as nbs
from utils import annotated, corpora, models

hub, home = book.hub, book.home
COUNTED = """
pick, claims = run.pick, []
run.pick = lambda laptop, book, long=None: laptop if isinstance(laptop, (int, float)) else book
run.check = lambda name, holds, detail="": claims.append([name, bool(holds), detail])
"""
FEW = {"10": "STEPS = TURN_STEPS = QA_STEPS = TUNE_STEPS = TEACHER_STEPS = 3\n"
             "PROBED, QUIZ, GOLD, POOL, RESAMPLES = 40, 10, 60, 40, 50",
       "11": "TAUGHT, EPOCHS, SHOTS, PAIR_STEPS, LIBRARY_ROUNDS = 64, 1, [4, 16], 2, 1\n"
             "MLM_STEPS, EVERY, PAPERS, TASK_EPOCHS, NER_EPOCHS, RESAMPLES = 8, 4, 64, 1, 1, 50"}
EQUAL = (" = ", "by hand")  # in the names of the claims that must hold on any data
ROWS = 700  # of each file of the mirror
SERVED = {"cornell-movie-review-data/rotten_tomatoes": "cornell-movie-review-data/rotten_tomatoes",
          "nyu-mll/glue": "nyu-mll/glue", "lhoestq/conll2003": "unimelb-nlp/wikiann/en",
          "MaartenGr/arxiv_nlp": "MaartenGr/arxiv_nlp"}


def ours():
    """Our `nli` in MNLI's columns: of the mirror's premises 45 have all three relations."""
    import pandas as pd

    rows = pd.DataFrame(corpora.rows("nli"))[["premise", "hypothesis", "label"]]
    return rows.assign(label=rows.label.map(annotated.RELATIONS.index), idx=range(len(rows)))


def serve(hub, folder: Path) -> None:
    """Every k-th row of the mirror's files, but all of MNLI, and more."""
    import pandas as pd

    for name, there in SERVED.items():
        whole = Path(MIRROR, "datasets", there)
        for file in whole.rglob("*.parquet"):
            rows = pd.read_parquet(file)
            if file.parts[-2:] == ("mnli", "train.parquet"):
                rows = pd.concat([rows, ours()])
            step = 1 if "mnli" in file.parts else max(1, len(rows) // ROWS)
            part = folder / name / file.relative_to(whole)
            part.parent.mkdir(parents=True, exist_ok=True)
            rows.iloc[::step].to_parquet(part)
        hub.add_dataset(name, folder / name)


def counted(number: str, folder: Path) -> Path:
    """A copy of a chapter that counts its claims instead of stopping at the first."""
    nb = nbs.read(nbs.notebooks(number)[0])
    start = next(c for c in nb.cells if c.cell_type == "code" and "chapter.start" in c.source)
    start.source += COUNTED
    knobs = next(c for c in nb.cells if c.cell_type == "code" and "Every knob" in c.source)
    knobs.source += "\n" + FEW[number]
    said = "import json; print('CLAIMS' + json.dumps(claims))"
    nb.cells.append(nbformat.v4.new_code_cell(said))
    copy = folder / f"copy{number}.ipynb"
    nbformat.write(nb, copy)
    return copy


@pytest.mark.skipif(not MIRROR, reason="set HANDSON_HUB_MIRROR to a folder with datasets/<id>")
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", ["10", "11"])
def test_every_cell_on_real_data(number, hub, home, tmp_path):
    serve(hub, tmp_path / "served")
    for role in ("masked", "reranker", "encoder"):
        row = models.catalogue()[role]["book"]
        hub.add_model(row["hub"], models.find(role, "laptop").path, revision=row.get("revision"))
    env = book_environment(hub, home) | {"HANDSON_CACHE": str(tmp_path / "cache")}
    done, _ = nbs.execute(counted(number, tmp_path), env, timeout=1200)
    texts = [o.get("text", "") for c in done.cells for o in c.get("outputs", [])]
    claims = json.loads(texts[-1].split("CLAIMS")[1])
    assert "profile book" in "".join(texts) and len(claims) > 40
    failed = [name for name, holds, _ in claims if not holds]
    print(f"chapter {number}: {len(claims) - len(failed)} of {len(claims)} claims hold there")
    print(*failed, sep="\n")
    assert not [name for name in failed if any(mark in name for mark in EQUAL)]
