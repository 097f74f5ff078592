"""utils.chapter: what the first and the last line of every notebook do."""
import os
import random
import re
import sys
import time
from types import ModuleType

import huggingface_hub as hub
import numpy
import pytest
from huggingface_hub import constants
from huggingface_hub.errors import OfflineModeIsEnabled

from tests.tools.run import REPORT
from utils import HandsOnError, chapter, doctor

SET = (*chapter.QUIET, "HANDSON_PROFILE", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "LONG")


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """Whatever start() sets is set back; nothing is set before."""
    import matplotlib as mpl

    for name in SET:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.delitem(sys.modules, "google.colab", raising=False)
    with mpl.rc_context():
        yield


def a_run(profile="laptop"):
    return chapter.Run(4, profile, 7, time.perf_counter())


def test_start_says_in_one_line_what_it_found(capsys):
    run = chapter.start(4, seed=11)
    out, err = capsys.readouterr()
    assert re.fullmatch(r"Chapter 4 · profile laptop · .*GiB free.* · seed 11\n", out) and not err
    assert (run.number, run.profile, run.seed, run.held) == (4, "laptop", 11, [])


def test_the_laptop_profile_asks_no_network():
    chapter.start(4)
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["HF_DATASETS_OFFLINE"] == "1"
    with pytest.raises(OfflineModeIsEnabled):  # imported before start(), too
        hub.model_info("owner/model")


def test_start_comes_after_a_bare_import_of_the_hub_client(monkeypatch):
    """The client is lazy: until something is asked of it, it has no `constants`."""
    monkeypatch.setitem(sys.modules, "huggingface_hub", ModuleType("huggingface_hub"))
    monkeypatch.delitem(sys.modules, "huggingface_hub.constants")
    assert chapter.start(4).profile == "laptop"


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_the_book_profile_may_use_the_network(how, monkeypatch):
    if how == "environment":
        monkeypatch.setenv("HANDSON_PROFILE", "book")
    run = chapter.start(4, profile="book" if how == "argument" else None)
    assert run.profile == os.environ["HANDSON_PROFILE"] == "book"
    assert "HF_HUB_OFFLINE" not in os.environ and not constants.HF_HUB_OFFLINE


def test_an_unknown_profile_changes_nothing():
    with pytest.raises(HandsOnError, match="laptop, book"):
        chapter.start(4, profile="desktop")
    assert "HANDSON_PROFILE" not in os.environ


def test_the_same_seed_gives_the_same_numbers():
    import torch

    def numbers(seed):
        chapter.set_seed(seed)
        return random.random(), numpy.random.rand(), torch.rand(1).item()

    assert numbers(7) == numbers(7)
    assert all(a != b for a, b in zip(numbers(7), numbers(8)))


def test_a_missing_package_is_named_with_its_fix(monkeypatch):
    monkeypatch.setattr(doctor, "missing_packages", lambda number: [f"torch>={number}"])
    with pytest.raises(HandsOnError, match="Chapter 9 needs torch>=9. Fix: .*`make lab`.*pip"):
        chapter.start(9)


def test_on_colab_a_missing_package_is_installed(monkeypatch):
    done = []
    monkeypatch.setattr(doctor, "missing_packages", lambda number: ["peft>=9"])
    monkeypatch.setattr(doctor, "install", done.append)
    monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    chapter.start(4)
    assert done == [["peft>=9"]]


def test_pick_goes_by_the_profile_and_by_long(monkeypatch):
    laptop, book = a_run(), a_run("book")
    assert [run.pick(laptop=1, book=3, long=9) for run in (laptop, book)] == [1, 3]
    monkeypatch.setenv("LONG", "1")
    assert [run.pick(laptop=1, book=3, long=9) for run in (laptop, book)] == [9, 9]
    assert laptop.pick(laptop=1, book=3) == 1  # without a long version


def test_a_check_that_holds_is_printed_and_counted(capsys):
    run = a_run()
    run.check("hand = library", numpy.bool_(True), "under 1e-6")
    run.check("sums to one", True)
    assert capsys.readouterr().out == "✓ hand = library: under 1e-6\n✓ sums to one\n"
    assert run.held == ["hand = library", "sums to one"]


def test_a_check_that_fails_names_the_claim(capsys):
    run = a_run()
    with pytest.raises(AssertionError, match="F1 beats the baseline: 0.4 vs 0.5"):
        run.check("F1 beats the baseline", 0.4 > 0.5, "0.4 vs 0.5")
    assert run.held == [] and capsys.readouterr().out == ""


def test_the_report_is_what_make_run_reads(capsys):
    run = a_run()
    run.began -= 75
    run.check("one", True)
    run.report()
    first, second = capsys.readouterr().out.splitlines()[1:]
    checks, seconds, gib = re.match(REPORT, first).groups()
    assert (checks, seconds) == ("1", "75") and 0.05 < float(gib) < 100
    assert second.startswith("Python 3.") and "· torch 2." in second
