"""Models of the Hugging Face hub: their files in the hub's own cache, safetensors only, code never."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from freqkv_cli.errors import FreqkvError, ModelError
from freqkv_cli.models.download_progress import watch_download
from freqkv_cli.models.store import Notify, require_room, writing_to

if TYPE_CHECKING:
    from huggingface_hub.hf_api import ModelInfo

WEIGHTS = ("model.safetensors", "model-*.safetensors", "model.safetensors.index.json")
TEXTS = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "tokenizer.model",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "vocab.json",
    "merges.txt",
)


def fetch_snapshot(repository: str, revision: str | None, *, offline: bool, notify: Notify) -> Path:
    """The folder with a model's files, downloaded first if they are not all there.

    The config is fetched and checked before the weights. Raises ModelError if the model is unknown, gated, of an
    unsupported architecture, without safetensors, or if there is no network (or none is allowed).
    """
    import huggingface_hub
    from huggingface_hub import constants

    cached = _cached_snapshot(repository, revision)
    if cached is not None:
        return cached
    if offline or constants.HF_HUB_OFFLINE:
        setting = "--offline" if offline else "HF_HUB_OFFLINE"
        raise ModelError(
            f"the model {repository} is not (completely) on this machine, and {setting} is set: "
            f"run `freqkv models pull {repository}` once with a network"
        )
    with _explained(repository, revision), writing_to(Path(constants.HF_HUB_CACHE), "HF_HOME"):
        about = huggingface_hub.HfApi().model_info(repository, revision=revision, files_metadata=True)
        config = Path(huggingface_hub.hf_hub_download(repository, "config.json", revision=revision))
        _check_config(config.parent)
        files = _wanted_files(about, repository)
        storage = config.parents[2]
        require_room(sum(files.values()), storage, "HF_HOME")
        _download(repository, revision, files, storage, notify)
    snapshot = _cached_snapshot(repository, revision)
    if snapshot is None:
        raise ModelError(f"the download of {repository} is not complete: try again")
    return snapshot


def is_complete(folder: Path) -> bool:
    """Whether a snapshot has a config, a tokenizer and all of its weights."""
    if not (folder / "config.json").is_file():
        return False
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        return False
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        import json

        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        return all((folder / shard).is_file() for shard in shards)
    return (folder / "model.safetensors").is_file()


def _cached_snapshot(repository: str, revision: str | None) -> Path | None:
    import huggingface_hub
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    found: str | None
    try:
        found = huggingface_hub.snapshot_download(
            repository, revision=revision, local_files_only=True, allow_patterns=[*WEIGHTS, *TEXTS]
        )
    except HFValidationError as error:
        raise ModelError(f"{repository} is not a possible hub id: write it as owner/name") from error
    except LocalEntryNotFoundError as error:
        # Files that we can do without may be missing: the hub counts those too, and says where the others are.
        found = getattr(error, "snapshot_path", None)
    return Path(found) if found is not None and is_complete(Path(found)) else None


def _check_config(folder: Path) -> None:
    from transformers import AutoConfig

    from freqkv_cli.models.quiet_transformers import quiet_transformers
    from freqkv_cli.models.support import check_supported

    with quiet_transformers():
        check_supported(AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False))


def _wanted_files(about: "ModelInfo", repository: str) -> dict[str, int]:
    """The files to download, with their sizes in bytes. Raises ModelError if there are no safe weights."""
    from fnmatch import fnmatchcase

    sizes = {file.rfilename: file.size or 0 for file in about.siblings or []}
    names = [name for name in sizes if "/" not in name and any(fnmatchcase(name, one) for one in (*WEIGHTS, *TEXTS))]
    if not any(name.endswith(".safetensors") for name in names):
        raise ModelError(
            f"{repository} has no weights in safetensors format: others can run code when loaded, so they are refused; "
            "use a model with safetensors"
        )
    return {name: sizes[name] for name in names}


def _download(repository: str, revision: str | None, files: dict[str, int], storage: Path, notify: Notify) -> None:
    import huggingface_hub

    failures: list[BaseException] = []
    done = threading.Event()

    def work() -> None:
        try:
            huggingface_hub.snapshot_download(repository, revision=revision, allow_patterns=list(files))
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    # A daemon, so that Ctrl-C ends the process at once; what has arrived is kept by the hub's cache.
    threading.Thread(target=work, daemon=True).start()
    watch_download(storage / "blobs", sum(files.values()), repository.rpartition("/")[2], notify, done.wait)
    if failures:
        raise failures[0]


@contextmanager
def _explained(repository: str, revision: str | None) -> Iterator[None]:
    from huggingface_hub import errors

    try:
        yield
    except FreqkvError:
        raise
    except errors.GatedRepoError as error:
        raise ModelError(
            f"{repository} is gated: accept its terms at https://huggingface.co/{repository}, then run `hf auth login`"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ModelError(f"{repository} has no revision {revision}") from error
    except errors.RepositoryNotFoundError as error:
        raise ModelError(
            f"{repository} is neither a local folder nor a public model of the hub: check the spelling, "
            "or run `hf auth login` if it is private"
        ) from error
    except errors.EntryNotFoundError as error:
        raise ModelError(f"{repository} is not a transformers model: it has no config.json") from error
    except (errors.HfHubHTTPError, OSError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        reason = f"the hub answered {status}" if status else "no connection to the hub"
        raise ModelError(
            f"cannot download {repository}: {reason}; check the network or HF_ENDPOINT, or use a model that "
            "`freqkv models list` shows"
        ) from error
    except Exception as error:  # huggingface_hub's HTTP library has its own errors, and which it is changes
        if isinstance(error, ValueError):
            raise ModelError(
                f"the config of {repository} cannot be used: {str(error).splitlines()[0][:200]}"
            ) from error
        raise ModelError(
            f"cannot download {repository}: no connection to the hub; check the network or HF_ENDPOINT"
        ) from error
