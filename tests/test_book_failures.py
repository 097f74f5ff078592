"""The `book` profile when the hub or the network fails: one sentence, and a clean cache."""

import re
from pathlib import Path

import pytest

from tests import book
from tests.book import client

hub, home = book.hub, book.home
FIND = "from utils import models; print(models.find('embedder').path)"


def whole(home):
    """Every file of every snapshot is complete: sizes agree with the blobs the hub has."""
    partial = list(Path(home).rglob("*.incomplete"))
    weights = [p for p in Path(home).rglob("model.safetensors") if p.stat().st_size < 90_000_000]
    return not partial and not weights


def test_a_cut_connection_is_survived(hub, home):
    hub.fail("model.safetensors", cut_after=20_000_000, times=1)
    assert "snapshots" in client(hub, home, FIND)
    assert whole(home)


def test_a_connection_always_cut_is_reported_and_the_cache_stays_clean(hub, home):
    hub.fail("model.safetensors", cut_after=1000, times=None)
    try:
        error = client(hub, home, FIND)
    finally:
        hub.failures.clear()
    assert "HandsOnError" in error and "Fix: check the network" in error
    assert whole(home)
    assert "snapshots" in client(hub, home, FIND)  # and now it works


@pytest.mark.parametrize("status, words", [(500, "answered 500"), (503, "answered 503")])
def test_a_server_error_is_one_sentence(hub, home, status, words):
    hub.fail("all-mpnet-base-v2", status=status, times=None)
    try:
        error = client(hub, home, FIND)
    finally:
        hub.failures.clear()
    assert words in error and "Fix: try again" in error


def test_no_network_is_one_sentence_and_quick(hub, home):
    code = """
        import time
        from utils import HandsOnError, corpora, models
        for action in (lambda: models.find("embedder"), lambda: corpora.load("reviews")):
            began = time.time()
            try:
                action()
            except HandsOnError as e:
                print(f"{time.time() - began < 15} {e}")
    """
    out = client(hub, home, code, HF_ENDPOINT="http://127.0.0.1:9")  # nobody listens there
    assert len(re.findall(r"True .*could not be fetched.*Fix: check the network", out)) == 2


def test_an_unknown_data_set_is_one_sentence(hub, home):
    code = """
        from utils import HandsOnError, download
        for call in (download.dataset, download.snapshot):
            try:
                call("nobody/nothing")
            except HandsOnError as e:
                print(e)
    """
    assert client(hub, home, code).count("The hub does not know nobody/nothing. Fix:") == 2
