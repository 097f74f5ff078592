"""utils.download: whatever happens on the way to the hub, one sentence names the fix."""
import errno
import os
from datetime import datetime
from pathlib import Path

import httpx2
import huggingface_hub
import pytest
from datasets.exceptions import DatasetGenerationError, DatasetNotFoundError
from huggingface_hub import Discussion, constants
from huggingface_hub import errors as hub

from utils import HandsOnError, download


def answer(kind, code):
    return kind("", response=httpx2.Response(code, request=httpx2.Request("GET", "http://x")))


def wrapped(error):
    """An OSError as the data sets client hands it on."""
    outer = DatasetGenerationError("An error occurred while generating the dataset")
    outer.__cause__ = error
    return outer


FULL = OSError(errno.ENOSPC, "No space left on device")
CASES = {
    "gated": (answer(hub.GatedRepoError, 403), "o/m is gated.*licence.*HF_TOKEN"),
    "revision": (answer(hub.RevisionNotFoundError, 404), "no such revision.*git pull"),
    "unknown": (answer(hub.RepositoryNotFoundError, 404), "does not know o/m.*spelling"),
    "unknown data": (DatasetNotFoundError("o/m"), "does not know o/m.*spelling"),
    "not here": (hub.LocalEntryNotFoundError("x"), "check the network"),
    "half here": (hub.IncompleteSnapshotError("x", "/x"), "check the network"),
    "offline": (hub.OfflineModeIsEnabled("x"), "check the network"),
    "ill": (answer(hub.HfHubHTTPError, 503), "answered 503 for o/m.*again in a minute"),
    "no file": (answer(hub.RemoteEntryNotFoundError, 404), "answered 404 for o/m"),
    "no connection": (httpx2.ConnectError("x"), "check the network or the proxy"),
    "cut": (httpx2.RemoteProtocolError("x"), "whole files are kept"),
    "reset": (ConnectionResetError("x"), "check the network"),
    "full disk": (FULL, "disk is full: o/m.*HF_HOME"),
    "quota": (OSError(errno.EDQUOT, "Quota exceeded"), "disk is full: o/m.*HF_HOME"),
    "full disk, data": (wrapped(FULL), "disk is full: o/m.*HF_HOME"),
    "too little disk, data": (OSError("Not enough disk space. Needed: 1 GB"), "disk is full"),
}  # fmt: skip


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    (tmp_path / "hub").mkdir()
    return tmp_path / "hub"


def explained(error):
    def action():
        raise error

    with pytest.raises(HandsOnError) as seen:
        download.explain(action, "o/m")
    assert seen.value.__cause__ is error
    return seen


@pytest.mark.parametrize("case", CASES)
def test_an_error_becomes_one_sentence_with_its_fix(case):
    error, message = CASES[case]
    seen = explained(error)
    seen.match(message)
    assert "Fix: " in str(seen.value)
    if "disk is full" not in message and case != "revision":
        seen.match("or use the laptop profile")


def test_what_is_not_the_hubs_fault_is_not_explained_away():
    with pytest.raises(NotADirectoryError):
        download.explain(lambda: os.listdir(os.devnull), "o/m")
    assert download.explain(lambda: "folder", "o/m") == "folder"


def test_offline_mode_is_named_where_it_is_the_cause(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    explained(hub.OfflineModeIsEnabled("x")).match("HF_HUB_OFFLINE=1 is set.*restart")


def test_a_full_disk_gets_its_space_back(cache):
    (cache / "whole").write_bytes(b"1")
    (cache / "part.incomplete").write_bytes(b"1" * 1000)
    explained(FULL).match(str(constants.HF_HOME))
    assert [p.name for p in cache.iterdir()] == ["whole"]


def talk(title, author="SFconvertbot", pull=True, num=3):
    return Discussion(title=title, status="open", num=num, repo_id="o/m", repo_type="model",
                      author=author, is_pull_request=pull, created_at=datetime.now(),
                      endpoint="http://x")  # fmt: skip


@pytest.fixture
def old_repo(tmp_path, monkeypatch):
    """A model whose main revision has a pickle only; its conversion is pull request 3."""
    asked = []

    def fetch(repo, revision=None, **options):
        folder = tmp_path / (revision or "main").replace("/", "-")
        folder.mkdir(exist_ok=True)
        file = "pytorch_model.bin" if revision is None else "model.safetensors"
        (folder / file).write_bytes(b"")
        asked.append((repo, revision, options["allow_patterns"]))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    monkeypatch.setattr(download, "_ask", lambda *question: None)  # this hub is not there
    return asked


def test_an_old_repository_is_taken_from_the_hubs_own_conversion(old_repo, monkeypatch):
    titles = ("Adding `safetensors` variant, mine", "Please add safetensors",
              "Adding `safetensors` variant of this model")  # fmt: skip
    talks = [talk(titles[0], author="x", num=1), talk(titles[1], pull=False), talk(titles[2])]
    monkeypatch.setattr(huggingface_hub, "get_repo_discussions", lambda repo: iter(talks))
    assert Path(download.snapshot("o/m"), "model.safetensors").exists()
    assert [(repo, rev) for repo, rev, _ in old_repo] == [("o/m", None), ("o/m", "refs/pr/3")]
    assert not any(p.endswith((".bin", ".pt", ".pkl")) for *_, names in old_repo for p in names)


def test_a_repository_of_pickles_is_refused(old_repo, monkeypatch):
    talks = [talk("Adding `safetensors` variant of this model", author="somebody")]
    monkeypatch.setattr(huggingface_hub, "get_repo_discussions", lambda repo: iter(talks))
    with pytest.raises(HandsOnError, match="no weights as safetensors.*Fix: convert"):
        download.snapshot("o/m")
