"""A small stand-in for the Hugging Face hub: plain folders, served on 127.0.0.1.

It speaks the part of the hub's protocol that downloads need, so that the unmodified clients
(huggingface_hub, transformers, sentence-transformers, datasets) work against it:

    with Hub() as hub:
        hub.add_model("owner/name", folder)
        hub.fail("model.safetensors", cut_after=1000)   # the connection breaks, once
        subprocess.run([sys.executable, script], env=hub.environment(home))

A client reads HF_ENDPOINT when it is imported, so run it in a process of its own.
Left out on purpose: uploads, Xet, redirects to a CDN, listings in pages, who a token belongs to.
"""

import hashlib
import json
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path, PurePosixPath
from urllib.parse import parse_qs, unquote, urlsplit

FILE = re.compile(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
API = re.compile(r"/api/(\w+)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)/?(.*))?")
PERSONAL = re.compile(r"(HF|HUGGING\w*|\w*TRANSFORMERS)_\w+|\w+_PROXY", re.IGNORECASE)


class Refused(Exception):
    """An answer that is an error: (status, headers). Clients go by its X-Error-Code."""


class Repo:
    """A model or data set. It holds the files' bytes, so that content and commit stay in step."""

    def __init__(self, folder, revision, gated):
        paths = sorted(path for path in Path(folder).rglob("*") if path.is_file())
        if not paths:
            raise FileNotFoundError(f"nothing to serve in {folder}")
        files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}
        self.files = files = _card(files) | files
        self.revision, self.gated = revision, gated
        self.sha256 = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        self.sha = hashlib.sha1(json.dumps(self.sha256, sort_keys=True).encode()).hexdigest()
        folders = {str(parent) for path in files for parent in PurePosixPath(path).parents}
        self.paths = sorted({*files, *folders} - {"."})

    def entry(self, path):
        """One line of a listing. Every file counts as one in LFS: its ETag is its sha256."""
        if path not in self.files:
            return dict(type="directory", path=path, oid=self.sha, size=0)
        sha256, size = self.sha256[path], len(self.files[path])
        lfs = dict(oid=sha256, size=size, pointerSize=134)
        return dict(type="file", path=path, oid=sha256[:40], size=size, lfs=lfs)

    def tree(self, folder, recursive):
        """What is in a folder; with `recursive`, also what is in the folders inside."""
        prefix = f"{folder}/" if folder else ""
        inside = [path for path in self.paths if path.startswith(prefix)]
        if not inside:
            raise Refused(404, {"X-Error-Code": "EntryNotFound"})
        return [self.entry(p) for p in inside if recursive or "/" not in p.removeprefix(prefix)]


class Hub(ThreadingHTTPServer):
    """The server and what it serves. `requests` lists (method, path, status, range) so far."""

    request_queue_size = 64  # snapshot_download opens eight connections at once

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.requests, self.repos, self.failures, self.lock = [], {}, [], threading.Lock()

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()

    def add_model(self, repo_id, folder, *, revision=None, gated=False):
        """Serve a folder as a model, also under `revision`; files of a gated one want a token."""
        self.repos["models", repo_id] = Repo(folder, revision, gated)

    def add_dataset(self, repo_id, folder, *, revision=None, gated=False):
        """Serve a folder of Parquet files: one per split, configurations in sub-folders."""
        self.repos["datasets", repo_id] = Repo(folder, revision, gated)

    def fail(self, path_part, *, status=None, cut_after=None, times=1, method=None):
        """Fail the next `times` requests (None: all) with `path_part` in their path: by `status`,
        or by a break after `cut_after` bytes of the body. `failures.clear()` ends all of it."""
        method = method or (None if status else "GET")  # a HEAD has no body to cut
        self.failures.append(dict(part=path_part, method=method, status=status,
                                  cut_after=cut_after, left=-1 if times is None else times))

    def failure(self, method, path):
        """Where to cut the answer to this request, if anywhere. Raises the refusal it meets."""
        with self.lock:
            for rule in self.failures:
                if rule["part"] in path and rule["left"] and rule["method"] in (None, method):
                    rule["left"] -= 1  # from -1 it never reaches 0
                    if rule["status"]:
                        raise Refused(rule["status"], {})
                    return rule["cut_after"]

    def environment(self, home):
        """Environment of a client process: this hub, a cache below `home`, nothing personal."""
        kept = {key: value for key, value in os.environ.items() if not PERSONAL.fullmatch(key)}
        return kept | dict(HF_ENDPOINT=self.url, HF_HOME=str(home), NO_PROXY="*",
                           HF_HUB_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_PROGRESS_BARS="1")


class _Handler(BaseHTTPRequestHandler):
    """Answers one request; `self.server` is the Hub."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: do not wait for an ACK

    def do_GET(self):
        form = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        url = urlsplit(self.path)
        status, headers, body, cut_after = 404, {}, b"{}", None  # unless we know better
        try:
            cut_after = self.server.failure(self.command, unquote(url.path))
            if match := FILE.fullmatch(url.path):
                status, headers, body = self.file(*match.groups())
            elif match := API.fullmatch(url.path):
                status, headers, body = self.api(*match.groups(), parse_qs(url.query or form))
        except Refused as refused:
            status, headers = refused.args
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body[:cut_after])
            self.close_connection |= cut_after is not None

    do_HEAD = do_POST = do_GET

    def find(self, kind, repo_id, revision):
        if (repo := self.server.repos.get((kind, repo_id))) is None:
            raise Refused(404, {"X-Error-Code": "RepoNotFound"})
        if (revision := unquote(revision)) not in ("main", repo.sha, repo.revision):
            raise Refused(404, {"X-Error-Code": "RevisionNotFound"})
        # A client that asks for a sha expects that sha back, even one that we did not compute.
        return repo, revision if re.fullmatch("[0-9a-f]{40}", revision) else repo.sha

    def file(self, kind, repo_id, revision, path):
        repo, commit = self.find(kind or "models", repo_id, revision)
        if repo.gated and "Authorization" not in self.headers:
            raise Refused(401, {"X-Error-Code": "GatedRepo"})
        if (path := unquote(path)) not in repo.files:  # clients remember this, by commit
            raise Refused(404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})
        data, tag = repo.files[path], f'"{repo.sha256[path]}"'
        headers = {"ETag": tag, "X-Linked-ETag": tag, "X-Linked-Size": str(len(data)),
                   "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if not (wanted := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))):
            return 200, headers, data
        start, end = int(wanted[1]), min(int(wanted[2] or len(data)) + 1, len(data))
        if start >= end:
            raise Refused(416, {"Content-Range": f"bytes */{len(data)}"})
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        return 206, headers, data[start:end]

    def api(self, kind, repo_id, what, revision, path, form):
        repo, commit = self.find(kind, repo_id, revision or "main")
        if what == "tree":
            data = repo.tree(unquote(path), form.get("recursive") == ["true"])
        elif what == "paths-info":
            data = [repo.entry(path) for path in form.get("paths", []) if path in repo.paths]
        else:
            data = dict(id=repo_id, sha=commit, private=False, gated=repo.gated,
                        siblings=[{"rfilename": path} for path in repo.files])
        return 200, {"Content-Type": "application/json"}, json.dumps(data).encode()

    def log_request(self, code="-", size="-"):  # before the answer leaves, so never late
        self.server.requests.append((self.command, self.path, code, self.headers.get("Range")))


def mirror(hub, folder):
    """Add every models/<owner>/<name> and datasets/<owner>/<name> below a folder."""
    for kind, add in (("models", hub.add_model), ("datasets", hub.add_dataset)):
        for path in sorted(path for path in Path(folder, kind).glob("*/*") if path.is_dir()):
            add(f"{path.parent.name}/{path.name}", path)


def _card(paths):
    """A README.md with the names that `datasets` would not guess: train_sft.parquet it takes
    for the split train, and files in sub-folders for parts of one data set."""
    order, configs = {"train": 0, "test": 2}, {}
    for path in sorted(map(PurePosixPath, paths), key=lambda path: order.get(path.stem, 1)):
        if path.suffix == ".parquet":
            splits = configs.setdefault(path.parent.name or "default", [])
            splits.append({"split": path.stem, "path": str(path)})
    header = [{"config_name": name, "data_files": splits} for name, splits in configs.items()]
    card = f"---\n{json.dumps({'configs': header})}\n---\n"  # JSON is YAML
    return {"README.md": card.encode()} if configs else {}
