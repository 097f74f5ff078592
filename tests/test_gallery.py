"""The data set `scenes` and its sheet of pictures."""
import numpy as np
import pytest
from PIL import Image

from data.recipes import gallery, scenes
from utils import HandsOnError, corpora, pictures


@pytest.fixture(scope="module")
def data():
    return corpora.load("scenes", "laptop")


def test_a_sheet_gives_its_tiles_back(tmp_path):
    dice = np.random.default_rng(1)
    made = [Image.fromarray(dice.integers(0, 256, (64, 64, 3), np.uint8)) for _ in range(45)]
    pictures.sheet(made).save(tmp_path / "sheet.webp", lossless=True)
    again = pictures.tiles(tmp_path / "sheet.webp", 45)
    assert all(np.array_equal(a, b) for a, b in zip(made, again))
    with pytest.raises(HandsOnError, match="git checkout"):
        pictures.tiles(tmp_path / "sheet.webp", 90)


def test_splits_hold_what_the_card_says(data):
    assert {s: len(p) for s, p in data.items()} == {"train": 700, "test": 160, "unseen": 100}
    assert sum(len(r) == 1 for r in data["train"]["things"]) == 416
    assert [len(r) for r in data["test"]["things"]] == [1] * 100 + [2] * 60
    ids = [i for part in data.values() for i in part["id"]]
    assert len(set(ids)) == len(ids)


def test_no_pair_of_unseen_is_in_another_split(data):
    pairs = {s: {(t["kind"], t["colour"]) for row in p["things"] for t in row}
             for s, p in data.items()}
    assert pairs["unseen"] <= scenes.HELD_OUT
    assert not scenes.HELD_OUT & (pairs["train"] | pairs["test"])


def test_full_captions_name_all_and_answers_are_true(data):
    for split in ("train", "test", "unseen"):
        for row in data[split].remove_columns("image"):
            read = scenes.read(row["caption"])
            assert read["kinds"] == {t["kind"] for t in row["things"]}
            assert read["colours"] == {t["colour"] for t in row["things"]}
            assert read["settings"] == {row["setting"]}
            for q in row.get("questions", []):
                if q["type"] == "colour":
                    assert q["answer"] in read["colours"]
                if q["type"] == "setting":
                    assert q["answer"] == row["setting"]


def test_pictures_are_those_of_their_scenes(data):
    for scene, image in zip(gallery.chosen("test", 5, 1), data["test"][:5]["image"]):
        assert np.array_equal(scenes.draw(scene, 64), image)


def test_rows_are_made_again_alike(data):
    made = gallery.row(gallery.chosen("unseen", 8, 1)[7], 868)
    assert made["caption"] == data["unseen"][7]["caption"] and made["id"] == data["unseen"][7]["id"]
