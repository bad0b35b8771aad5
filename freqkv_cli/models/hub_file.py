"""A single file that is known by its SHA-256: in the hub's cache, whoever put it there, or fetched from the hub."""

from pathlib import Path

from freqkv_cli.events import Note
from freqkv_cli.models.aliases import KnownModel
from freqkv_cli.models.hub import watched
from freqkv_cli.models.store import Notify, folder_bytes

PATIENCE = 5.0  # seconds in which the hub has to answer: there is another source


def cached_blobs(sha256: str) -> list[Path]:
    """The files in the hub's cache that should have this hash: it is their name."""
    from huggingface_hub import constants

    return sorted(Path(constants.HF_HUB_CACHE).glob(f"models--*/blobs/{sha256}"))


def hub_answers(repository: str) -> bool:
    """Whether the hub can be reached, and has this model for everybody."""
    from huggingface_hub import HfApi, constants

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        HfApi().model_info(repository, timeout=PATIENCE)
    except Exception:  # no network, no such model, gated: whatever it is, there is no model to be had
        return False
    return True


def fetch_from_hub(model: KnownModel, folder: Path, notify: Notify) -> Path | None:
    """Fetch a model's GGUF into `folder`; None, and a note, if the hub is out of reach or has another file there.

    What has arrived stays in `folder` when that ends early, and is taken up again.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if constants.HF_HUB_OFFLINE:
        return None
    disable_progress_bars()
    arrived: list[str] = []

    def work() -> None:
        arrived.append(hf_hub_download(model.repository, model.file, local_dir=folder))

    try:
        about = get_hf_file_metadata(hf_hub_url(model.repository, model.file), timeout=PATIENCE)
        if about.etag != model.sha256:
            notify(Note(f"{model.repository} on the hub has another {model.file} by now: it is not used"))
            return None
        watched(work, folder, model.bytes - folder_bytes(folder), model.alias, notify)
    except Exception as error:  # huggingface_hub's HTTP library has its own errors, and which it is changes
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:120]
        notify(Note(f"the hub does not serve {model.repository} ({reason}): the package index is asked"))
        return None
    return Path(arrived[0])
