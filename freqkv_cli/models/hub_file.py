"""A single file that is known by its SHA-256: in the hub's cache, whoever put it there, or fetched from the hub."""

from pathlib import Path

from freqkv_cli.events import Note
from freqkv_cli.models.aliases import KnownModel
from freqkv_cli.models.download_progress import Meter
from freqkv_cli.models.gguf_parts import keep_whole_parts
from freqkv_cli.models.store import DISK_IS_FULL, Notify

PATIENCE = 5.0  # seconds in which the hub has to answer: there is another source
PARTIAL_CONTENT = 206


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


def fetch_from_hub(model: KnownModel, gguf: Path, notify: Notify) -> bool:
    """Fetch what `gguf` does not have yet of a model, and append it; return whether that is done.

    If not, which is noted, the hub is out of reach or has another file there; what has arrived stays.
    """
    from huggingface_hub import constants, get_hf_file_metadata, get_session, hf_hub_url

    if constants.HF_HUB_OFFLINE:
        return False
    url = hf_hub_url(model.repository, model.file)
    try:
        if get_hf_file_metadata(url, timeout=PATIENCE).etag != model.sha256:
            notify(Note(f"{model.repository} on the hub has another {model.file} by now: it is not used"))
            return False
        begun = sum(part.bytes for part in model.parts[: keep_whole_parts(model, gguf)])
        meter = Meter(model.alias, model.bytes, notify, begun=begun)
        headers = {"Range": f"bytes={begun}-", "Accept-Encoding": "identity"}
        with (
            get_session().stream("GET", url, headers=headers, timeout=PATIENCE, follow_redirects=True) as response,
            gguf.open("ab") as file,
        ):
            response.raise_for_status()
            if begun and response.status_code != PARTIAL_CONTENT:
                raise ConnectionError("it does not go on where a download was stopped")
            for piece in response.iter_bytes():
                file.write(piece)
                meter.show(file.tell())
                if file.tell() > model.bytes:
                    raise ConnectionError("it sends more than the file has")
    except Exception as error:  # huggingface_hub's HTTP library has its own errors, and which it is changes
        if isinstance(error, OSError) and error.errno in DISK_IS_FULL:
            raise
        reason = next(iter(str(error).splitlines()), type(error).__name__)[:120]
        notify(Note(f"the hub does not serve {model.repository} ({reason}): the package index is asked"))
        return False
    return True
