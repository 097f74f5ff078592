"""The stand-in of the hub: what is on the wire, and what huggingface_hub makes of it."""

import hashlib
import json
import os
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests import clients
from tests.clients import MIB

hub, client, model, cache = clients.hub, clients.client, clients.model, clients.cache


def sha256(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def downloads(hub, name):
    """(status, range) of every GET of a file with that name."""
    return [(status, span) for method, path, status, span in hub.requests
            if method == "GET" and path.endswith(name)]


# Without a client: what is on the wire.

def get(hub, path, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(hub.url + path, headers=headers)) as r:
            return r.status, r.headers, r.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def test_ranges(hub, model):
    hub.add_model("owner/model", model)
    weights = (model / "sub/weights.bin").read_bytes()
    url, size = "/owner/model/resolve/main/sub/weights.bin", len(weights)
    status, headers, body = get(hub, url)
    assert (status, body, headers["Accept-Ranges"]) == (200, weights, "bytes")
    assert headers["ETag"] == f'"{hashlib.sha256(weights).hexdigest()}"'
    status, headers, body = get(hub, url, Range="bytes=10-19")
    assert (status, body) == (206, weights[10:20])
    assert headers["Content-Range"] == f"bytes 10-19/{size}"
    assert get(hub, url, Range=f"bytes={size - 5}-")[::2] == (206, weights[-5:])
    assert get(hub, url, Range=f"bytes=0-{size + 5}")[::2] == (206, weights)
    status, headers, _ = get(hub, url, Range=f"bytes={size}-")
    assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")
    assert hub.requests[-1] == ("GET", url, 416, f"bytes={size}-")


def test_anything_else_is_not_found(hub, model):
    hub.add_model("owner/model", model)
    for path in ("/", "/api/whoami-v2", "/api/spaces/owner/model", "/parquet?dataset=owner/model",
                 "/api/models/owner/model/refs", "/api/datasets/owner/model",
                 "/api/models/owner/model/revision/refs%2Fconvert%2Fparquet"):
        assert get(hub, path)[0] == 404, path


def test_a_commit_follows_from_the_content(hub, model):
    def commit():
        hub.add_model("owner/model", model)
        return json.loads(get(hub, "/api/models/owner/model")[2])["sha"]

    first = commit()
    assert first == commit() and len(first) == 40
    (model / "sub" / "weights.bin").write_bytes(b"other")
    assert first != commit()
    with pytest.raises(FileNotFoundError, match="nothing to serve"):
        hub.add_model("owner/none", model / "no such folder")


def test_environment_is_not_personal(hub, tmp_path, monkeypatch):
    for name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HUGGINGFACE_HUB_CACHE", "https_proxy",
                 "SENTENCE_TRANSFORMERS_HOME", "TRANSFORMERS_OFFLINE"):
        monkeypatch.setenv(name, "1")
    seen = hub.environment(tmp_path)
    assert {name for name in seen if name.startswith("HF_")} == {
        "HF_ENDPOINT", "HF_HOME", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"}
    assert not {"HUGGINGFACE_HUB_CACHE", "https_proxy", "SENTENCE_TRANSFORMERS_HOME",
                "TRANSFORMERS_OFFLINE"} & seen.keys()
    assert seen["PATH"] == os.environ["PATH"] and seen["NO_PROXY"] == "*"


# huggingface_hub

def test_listing_snapshot_and_cache(hub, client, model, cache):
    hub.add_model("owner/model", model)
    seen = client("""
        info = hf.model_info("owner/model")
        tell(dict(
            sha=info.sha,
            siblings=[sibling.rfilename for sibling in info.siblings],
            top=[entry.path for entry in hf.list_repo_tree("owner/model")],
            sub=[entry.path for entry in hf.list_repo_tree("owner/model", "sub")],
            all=[entry.path for entry in hf.list_repo_tree("owner/model", recursive=True)],
            some=[entry.path for entry in hf.get_paths_info("owner/model", ["sub", "missing"])],
            exists=[hf.file_exists("owner/model", name) for name in ("tokenizer.json", "missing")],
            folder=hf.snapshot_download("owner/model"),
        ))""")
    files = ["sub/weights.bin", "tokenizer.json", "tokenizer_config.json"]
    assert seen["siblings"] == files
    assert seen["top"] == ["sub", *files[1:]]
    assert seen["sub"] == files[:1]
    assert seen["all"] == ["sub", *files]
    assert seen["some"] == ["sub"]
    assert seen["exists"] == [True, False]
    assert Path(seen["folder"]) == cache / "snapshots" / seen["sha"]
    assert (cache / "refs" / "main").read_text() == seen["sha"]
    for name in files:  # a snapshot is links to blobs, and a blob is named by its ETag
        blob = (cache / "snapshots" / seen["sha"] / name).resolve()
        assert blob == cache / "blobs" / sha256(model / name) and sha256(blob) == blob.name


DOWNLOAD = 'tell(hf.hf_hub_download("owner/model", "sub/weights.bin"))'


def test_a_broken_download_resumes(hub, client, model, cache):
    hub.add_model("owner/model", model)
    hub.fail("weights.bin", cut_after=11 * MIB)
    path = client(DOWNLOAD)
    assert sha256(path) == sha256(model / "sub/weights.bin")
    # The client counts whole chunks of 10 MiB: what came after them is fetched again.
    assert downloads(hub, "weights.bin") == [(200, None), (206, f"bytes={10 * MIB}-")]
    assert not list(cache.rglob("*.incomplete"))


def test_a_download_that_always_breaks(hub, client, model, cache):
    hub.add_model("owner/model", model)
    hub.fail("weights.bin", cut_after=1000, times=None)
    kinds = client('tell(errors(hf.hf_hub_download, "owner/model", "sub/weights.bin"))')
    assert "RemoteProtocolError" in kinds and "OSError" not in kinds
    assert downloads(hub, "weights.bin") == [(200, None)] * 6  # 1000 bytes are no whole chunk
    assert not [path for path in (cache / "snapshots").rglob("*") if not path.is_dir()]
    assert not list((cache / "blobs").iterdir())

    hub.failures.clear()
    assert sha256(client(DOWNLOAD)) == sha256(model / "sub/weights.bin")


def test_the_hub_is_ill_for_a_moment(hub, client, model):
    hub.add_model("owner/model", model)
    hub.fail("weights.bin", status=500, times=2)
    assert sha256(client(DOWNLOAD)) == sha256(model / "sub/weights.bin")
    statuses = [status for method, _, status, _ in hub.requests if method == "HEAD"]
    assert statuses == [500, 500, 200]


def test_errors(hub, client, model):
    hub.add_model("owner/model", model)
    hub.add_model("owner/gated", model, gated=True)
    hub.add_model("owner/ill", model)
    hub.fail("api/models/owner/ill", status=500, times=None)
    hub.fail("owner/ill/resolve", status=503, times=None, method="GET")
    name = "tokenizer.json"
    seen = client(f"""
        get, name = hf.hf_hub_download, {name!r}
        tell(dict(
            repo=errors(get, "owner/missing", name),
            repo_info=errors(hf.model_info, "owner/missing"),
            snapshot=errors(hf.snapshot_download, "owner/missing"),
            kind=errors(hf.dataset_info, "owner/model"),
            file=errors(get, "owner/model", "missing.json"),
            folder=errors(lambda: list(hf.list_repo_tree("owner/model", "missing"))),
            revision=errors(get, "owner/model", name, revision="v9"),
            revision_info=errors(hf.model_info, "owner/model", revision="refs/convert/parquet"),
            gated=errors(get, "owner/gated", name),
            gated_snapshot=errors(hf.snapshot_download, "owner/gated"),
            with_token=errors(get, "owner/gated", name, token="hf_any"),
            ill=errors(get, "owner/ill", name),
            ill_info=errors(hf.model_info, "owner/ill"),
        ))""")
    expected = dict(
        repo="RepositoryNotFoundError", repo_info="RepositoryNotFoundError",
        snapshot="RepositoryNotFoundError", kind="RepositoryNotFoundError",
        file="EntryNotFoundError", folder="EntryNotFoundError",
        revision="RevisionNotFoundError", revision_info="RevisionNotFoundError",
        gated="GatedRepoError", gated_snapshot="GatedRepoError",
        ill="HfHubHTTPError", ill_info="HfHubHTTPError")
    assert seen.pop("with_token") == []
    assert {key: kind for key, kind in expected.items() if kind not in seen[key]} == {}, seen
    assert [kinds[0] for key, kinds in seen.items() if "ill" in key] == ["HfHubHTTPError"] * 2
