"""Transformers speaks through freqkv's own messages, or not at all."""

import os


def quiet_transformers() -> None:
    """Switch off the library's progress bars and warnings; what matters is raised as an error by our own checks."""
    os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported: the GGUF loader has a bar without a switch
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
