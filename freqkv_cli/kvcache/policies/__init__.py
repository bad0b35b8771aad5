"""What a full cache does with its old slots: one file for each policy, and nothing else to add one.

A policy is called like its file, which holds one class derived from CompressionPolicy. The first line of the file says
what becomes of the old slots, the first line of the class what that is for: help and docs/policies.md have both from
there. Nothing is imported before a policy is made, so that names and help cost no second.
"""

import ast
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, NamedTuple

from freqkv_cli.errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor

    from freqkv_cli.kvcache.policy import CompressionPolicy


class PolicyHelp(NamedTuple):
    """What is told of a policy."""

    name: str
    what: str
    purpose: str


def policy_names() -> tuple[str, ...]:
    """Return the names of all policies."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def policy_help(name: str) -> PolicyHelp:
    """Return what a policy does and what it is for, without importing it."""
    source = next(file for folder in __path__ if (file := Path(folder, f"{name}.py")).is_file())
    module = ast.parse(source.read_text(encoding="utf-8"))
    told = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.bases)
    return PolicyHelp(name, *(_first_line(ast.get_docstring(node)) for node in (module, told)))


def make_policy(name: str, predictor: "Tensor | None" = None) -> "CompressionPolicy":
    """Return the policy called `name`; UsageError if there is none.

    `predictor` is what an adapter knows of importance, for the policies that ask for it; see LandmarksPolicy.
    """
    if name not in policy_names():
        raise UsageError(f"there is no cache policy '{name}'; choose one of: {', '.join(policy_names())}")
    from freqkv_cli.kvcache.policy import CompressionPolicy, PredictingPolicy

    module = import_module(f"{__name__}.{name}")
    own = (kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module.__name__)
    policy = next(kind for kind in own if isinstance(kind, type) and issubclass(kind, CompressionPolicy))()
    policy.name = name
    if isinstance(policy, PredictingPolicy):
        policy.predictor = predictor
    return policy


def _first_line(text: str | None) -> str:
    return (text or "").partition("\n")[0].removesuffix(".")
