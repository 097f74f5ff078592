"""Fetching from the Hugging Face hub in the book profile, with errors that name the fix.

Files are written by huggingface_hub under a temporary name and renamed when whole, so
an interrupted download never leaves a file that could be loaded by mistake.
"""
import os
import sys
from pathlib import Path

from utils import HandsOnError
from utils.adapters import out_of_space

# weights as safetensors only: a pickle is never fetched, so it can never be loaded
PATTERNS = ["*.json", "*.txt", "*.model", "*.jinja", "*.safetensors", "*.md"]
SKIPPED = ["onnx/*", "openvino/*", "*/onnx/*"]


def snapshot(repo_id: str, revision: str | None = None) -> str:
    """The local folder of a hub model, downloaded if need be (safetensors only).

    A commit that is here whole is not asked for again; what is missing of it is fetched.
    Raises HandsOnError with the fix: no network, a full disk, a gated or unknown id.
    """
    from huggingface_hub import snapshot_download

    def fetch(rev):
        return snapshot_download(
            repo_id, revision=rev, allow_patterns=PATTERNS, ignore_patterns=SKIPPED,
            tqdm_class=no_bar(),
        )

    if not _begun(repo_id, revision):
        explain(lambda: _ask("model", repo_id, revision), repo_id)
        print(f"Fetching {repo_id} from the hub ...", file=sys.stderr, flush=True)
    folder = explain(lambda: fetch(revision), repo_id)
    if not any(Path(folder).rglob("*.safetensors")):
        folder = explain(lambda: fetch(_converted(repo_id)), repo_id)
    return folder


def single(repo_id: str, name: str) -> Path:
    """One file of a hub model, such as a GGUF; raises HandsOnError as `snapshot` does."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    if isinstance(here := try_to_load_from_cache(repo_id, name), str):
        return Path(here)
    explain(lambda: _ask("model", repo_id), repo_id)
    print(f"Fetching {name} of {repo_id} from the hub ...", file=sys.stderr, flush=True)
    return Path(explain(lambda: hf_hub_download(repo_id, name, tqdm_class=no_bar()), repo_id))


def no_bar():
    """A tqdm class that never draws.

    In a kernel a bar can hang a download for good: the thread that draws it holds tqdm's lock
    and waits for the kernel's output thread, which waits for the lock when it happens to
    collect an old bar (seen in chapter 2, by a dump of all threads).
    """
    from tqdm import tqdm

    class NoBar(tqdm):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs | {"disable": True})

    return NoBar


def _ask(kind, repo_id, revision=None):
    """One quick request: without it the clients retry for 25 s before they give up, and
    then call a server error a missing network or a missing file."""
    from huggingface_hub import HfApi, constants

    if not constants.HF_HUB_OFFLINE:
        HfApi().repo_info(repo_id, repo_type=kind, revision=revision, timeout=10)


def _begun(repo_id, revision):
    """Is some of this very commit here? Then it may be whole, and no network is needed."""
    from huggingface_hub import constants

    folder = "models--" + repo_id.replace("/", "--")
    return bool(revision) and Path(
        constants.HF_HUB_CACHE, folder, "snapshots", revision
    ).exists()


def _converted(repo_id):
    """Revision of the hub's automatic safetensors conversion of an old repository.

    Anyone may open a pull request with such a title: only the hub's own robot counts.
    """
    from huggingface_hub import get_repo_discussions

    for talk in get_repo_discussions(repo_id):
        ours = talk.is_pull_request and talk.author == "SFconvertbot"
        if ours and "safetensors" in talk.title.lower():
            return talk.git_reference
    raise HandsOnError(
        f"{repo_id} has no weights as safetensors, and pickled weights are never loaded "
        f"here. Fix: convert it at huggingface.co/spaces/safetensors/convert, or use the "
        f"laptop profile."
    )


def dataset(repo_id: str, config: str | None = None):
    """A hub data set, or one of its configurations, as datasets.DatasetDict; raises
    HandsOnError as `snapshot` does."""
    from datasets import load_dataset

    explain(lambda: _ask("dataset", repo_id), repo_id)
    return explain(lambda: load_dataset(repo_id, config), repo_id)


def explain(action, what: str):
    """Run `action`; turn what can go wrong between here and the hub into one sentence."""
    from datasets.exceptions import DatasetNotFoundError
    from huggingface_hub import errors as hub

    laptop = "or use the laptop profile (unset HANDSON_PROFILE)"
    try:
        return action()
    except hub.GatedRepoError as e:
        fix = f"accept its licence on huggingface.co/{what}, then set HF_TOKEN, {laptop}"
        raise HandsOnError(f"{what} is gated. Fix: {fix}.") from e
    except hub.RevisionNotFoundError as e:
        raise HandsOnError(
            f"{what} has no such revision. Fix: update the companion (git pull)."
        ) from e
    except (hub.RepositoryNotFoundError, DatasetNotFoundError) as e:
        raise HandsOnError(
            f"The hub does not know {what}. Fix: check the spelling of the id, {laptop}."
        ) from e
    except (hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled) as e:
        raise _no_network(what, laptop) from e
    except hub.HfHubHTTPError as e:
        code = getattr(e.response, "status_code", "an error")
        raise HandsOnError(
            f"The hub answered {code} for {what}. Fix: try again in a minute, {laptop}."
        ) from e
    except (ConnectionError, hub.HTTPError) as e:
        raise _no_network(what, laptop) from e
    except Exception as e:
        if out_of_space(e):
            raise _disk_full(what) from e
        raise


def _no_network(what, laptop):
    where = os.environ.get("HF_ENDPOINT", "huggingface.co")
    off = "" if os.environ.get("HF_HUB_OFFLINE") != "1" else (
        " HF_HUB_OFFLINE=1 is set, too: restart the kernel without it."
    )
    return HandsOnError(
        f"{what} could not be fetched whole from {where}. Fix: check the network or the "
        f"proxy and run the cell again (whole files are kept), {laptop}.{off}"
    )


def _disk_full(what):
    from huggingface_hub import constants

    for part in Path(constants.HF_HUB_CACHE).rglob("*.incomplete"):
        part.unlink(missing_ok=True)  # give the space back
    return HandsOnError(
        f"The disk is full: {what} does not fit under {constants.HF_HOME}. Fix: free some "
        f"space there, or set HF_HOME to a folder on a larger disk."
    )
