"""transformers without what reading never uses: its models import torch.compile, torch.distributed and scipy otherwise.

Those take two of the three seconds that the import lasts. transformers works without torch.distributed and scipy, and
is told that they are not there; of torch.compile it wants a few decorators and a class at import time, which stand-ins
provide until the import is over. Whoever needs the real modules later in the process gets them.

Modules of transformers that were imported like this lack for good what they would have taken from torch.distributed and
scipy. So it is done in a process that is freqkv's own (see `own_process`), and never in a program that imports freqkv.
"""

import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

MODELING = ("transformers.modeling_utils", "transformers.masking_utils", "transformers.generation.utils")
COMPILER = "torch._dynamo"
INDEXING = "torch._dynamo._trace_wrapped_higher_order_op"


_own = False


def own_process() -> None:
    """Say that this process runs freqkv and nothing else, so that what it imports can be left incomplete."""
    global _own
    _own = True


def import_modeling() -> None:
    """Import what every model of transformers builds on, once, as quickly as it can be done; does nothing, and leaves
    all to transformers, where the process is not freqkv's own.
    """
    if not _own or all(name in sys.modules for name in MODELING):
        return
    with _without_collections():
        import torch  # noqa: F401  (first: it must not meet the stand-ins)

        if "transformers.models" not in sys.modules:
            with suppress(Exception):  # an unknown release does it in another way
                _import_list_of_models()
        if COMPILER not in sys.modules:
            _hide("is_torch_distributed_available", "is_scipy_available")
            try:
                with _standing_in():
                    _import_all()
            except Exception:  # an unknown release wants more of it: then the slow way, below
                pass
        _import_all()


def import_everything() -> None:
    """Import all of it, torch.compile and torch.distributed included, which peft and optimizers reach for; early."""
    import torch._dynamo  # noqa: F401  (which `import_modeling` then leaves as it is)

    import_modeling()


@contextmanager
def _standing_in() -> Iterator[None]:
    """Stand-ins for the parts of torch.compile that are imported by name; they are gone when the block ends."""
    compiler, indexing = ModuleType(COMPILER), ModuleType(INDEXING)
    compiler.__path__ = []
    compiler.__getattr__ = _mark  # type: ignore[method-assign]
    indexing.TransformGetItemToIndex = _Indexing  # type: ignore[attr-defined]
    sys.modules[COMPILER], sys.modules[INDEXING] = compiler, indexing
    try:
        yield
    finally:
        del sys.modules[COMPILER], sys.modules[INDEXING]


def _import_all() -> None:
    for name in MODELING:
        import_module(name)


def _import_list_of_models() -> None:
    """Import `transformers.models`, which looks through the files of all models, as `transformers` just has."""
    import transformers
    from transformers.utils import import_utils

    known: Any = import_utils
    look = known.define_import_structure
    found = look(Path(str(transformers.__file__)).parent / "models", prefix="models")  # remembered
    inside = {
        needs: {name.removeprefix("models."): what for name, what in names.items() if name.startswith("models.")}
        for needs, names in found.items()
    }
    known.define_import_structure = lambda *_: inside
    try:
        import transformers.models
    finally:
        known.define_import_structure = look


@contextmanager
def _without_collections() -> Iterator[None]:
    """No garbage collection: imports make many objects and no garbage; looking for some takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _hide(*questions: str) -> None:
    """Let transformers' own (remembered) answer to `is_..._available()` be no."""
    import torch
    from transformers.utils import import_utils

    known: Any = import_utils
    packages, distributed = known._is_package_available, torch.distributed.is_available
    known._is_package_available = lambda name, return_version=False: (False, "0")
    torch.distributed.is_available = lambda: False
    try:
        for question in questions:
            ask = getattr(known, question)
            ask.cache_clear()
            ask()
    finally:
        known._is_package_available, torch.distributed.is_available = packages, distributed


def _mark(name: str) -> Callable[..., Any]:
    """`disable`, `allow_in_graph` and other decorators, which mark functions for a compiler that never comes."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _leave_alone


def _leave_alone(function: Callable[..., Any] | None = None, *_args: Any, **_options: Any) -> Any:
    return function if function is not None else _leave_alone


class _Indexing:
    """Becomes the real thing when a mask is built with it."""

    def __new__(cls) -> Any:
        from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex

        return TransformGetItemToIndex()
