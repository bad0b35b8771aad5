"""--model auto: the best reader that fits into the memory there is."""

from dataclasses import dataclass

from freqkv_cli.models.aliases import ALIASES, KnownModel
from freqkv_cli.models.device import choose_device
from freqkv_cli.models.fetch import is_here
from freqkv_cli.models.hub_file import hub_answers
from freqkv_cli.models.inventory import hub_models
from freqkv_cli.models.memory import available_memory, readable


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of the hub that reads well on a GPU with `free_memory` bytes free. No account is needed for it."""

    name: str
    free_memory: int


# The best first; the memory is that of weights in 16 bits, a cache and room to work.
HUB_MODELS = (HubModel("Qwen/Qwen3-4B-Instruct-2507", 12 << 30), HubModel("Qwen/Qwen2.5-7B-Instruct", 20 << 30))


@dataclass(frozen=True, slots=True)
class Choice:
    """The --model that was chosen, and why, in words."""

    name: str
    reason: str


def choose_model(device: str = "auto", *, offline: bool = False, models_dir: str | None = None) -> Choice:
    """Choose the best reader that fits; `offline`, of those that are on this machine.

    On a GPU that is one of HUB_MODELS, if the hub's cache has it or the hub answers. Where nothing is on this machine,
    what would fit is chosen all the same. Raises ModelError if there is no such device.
    """
    place = choose_device(device)
    free = available_memory(place)
    room = f"the best that fits into the {readable(free)} that are free on {place}"
    if place.startswith("cuda") and (hub := _from_hub(free, offline)) is not None:
        return Choice(hub, room)
    fitting = _fitting(free)
    if offline and not is_here(fitting[0], models_dir):
        here = next((model for model in fitting if is_here(model, models_dir)), None)
        if here is not None:
            reason = f"the best of those on this machine ({fitting[0].alias} is not, and --offline is set)"
            return Choice(here.alias, reason)
    return Choice(fitting[0].alias, room)


def best_here(device: str, models_dir: str | None) -> str | None:
    """The best known model that fits and is on this machine; None if there is none."""
    fitting = _fitting(available_memory(choose_device(device)))
    return next((model.alias for model in fitting if is_here(model, models_dir)), None)


def _fitting(free: int) -> list[KnownModel]:
    """The known models that fit, the best first; the smallest is tried in any case."""
    models = list(ALIASES.values())
    return [model for model in models[:-1] if model.free_memory <= free] + models[-1:]


def _from_hub(free: int, offline: bool) -> str | None:
    fitting = [model.name for model in HUB_MODELS if model.free_memory <= free]
    ready = {model.name for model in hub_models() if model.state == "ready"}
    cached = next((name for name in fitting if name in ready), None)
    if cached is not None or offline:
        return cached
    return next((name for name in fitting if hub_answers(name)), None)
