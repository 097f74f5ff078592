"""The data rules of `songs`, `playlists` and `code`."""
from collections import Counter

import pytest

from data.recipes import playlists, snippets
from utils import corpora


@pytest.fixture(autouse=True)
def laptop(monkeypatch):
    monkeypatch.delenv("HANDSON_PROFILE", raising=False)


@pytest.fixture(scope="module")
def songs():
    return corpora.rows("songs")


@pytest.fixture(scope="module")
def lists():
    return corpora.rows("playlists")


def test_songs_and_lists_keep_every_rule(songs, lists):
    assert playlists.bad_songs(songs) == []
    assert playlists.bad_lists(songs, lists) == []


def test_a_broken_rule_is_named(songs):
    first, second, *rest = songs
    moved = [first, second | {"title": first["title"]}, *rest]
    assert f"{first['title'].lower()}: twice" in playlists.bad_songs(moved)


def test_the_shipped_lists_are_what_the_recipe_makes(songs, lists):
    file = corpora.TEXTS / playlists.LISTS
    assert playlists.as_lines(playlists.make(songs)) == file.read_bytes()


@pytest.mark.parametrize("profile", ["laptop", "book"])
def test_both_profiles_load_them(profile):
    songs = corpora.load("songs", profile)["all"]
    lists = corpora.load("playlists", profile)["all"]
    assert songs.column_names == list(playlists.FIELDS) and len(songs) == 320
    assert set(songs["id"]) == {song for row in lists["songs"] for song in row}


def test_the_numbers_on_the_card(songs, lists):
    seen = playlists.measure(songs, lists)
    card = (corpora.TEXTS / "playlists.md").read_text("utf-8")
    assert seen["lists of a listener"] == [1, 4, 19] and "1, 4, 19" in card
    assert seen["lists with a song"] == [17, 70, 283] and "17, 70, 283" in card
    assert f"| {seen['lists of one genre']} |" in card


def test_neighbours_make_sense(songs, lists):
    """One seed here, five in the recipe: genre, artist and decade come back out of the lists."""
    found = playlists.claims(songs, playlists.learned(lists, seed=11))
    assert found["genre of top 5"] >= 0.9
    assert found["cosine, same genre"] > found["cosine, other genre"] + 0.2
    assert found["artist of top 5"] > 2 * found["artist of the genre"]
    assert found["years to top 5"] < 0.75 * found["years to the genre"]


def test_code_is_whole_functions():
    rows = corpora.rows("code")
    assert len(rows) == 130 and sum(len(r["text"]) for r in rows) == 78_499
    for row in rows:
        compile(row["text"], row["id"], "exec")
    assert Counter(list(r) == ["id", "module", "text"] for r in snippets.make())[False] == 0
