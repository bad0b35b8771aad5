"""From what was asked for to a run that can begin: model, texts, slots, memory, and the checkpoint it goes on from."""

from collections.abc import Generator
from dataclasses import asdict, replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import Tensor

from freqkv_cli import __version__
from freqkv_cli.config import Settings
from freqkv_cli.errors import UsageError
from freqkv_cli.events import Event, Note, Progress
from freqkv_cli.inference.attention import register_attention
from freqkv_cli.kvcache.cache import make_cache
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.kvcache.policies import make_policy
from freqkv_cli.kvcache.policy import PredictingPolicy
from freqkv_cli.measurement.environment import cpu_name
from freqkv_cli.measurement.subject import Subject
from freqkv_cli.models.adapter import FORMAT, AdapterCache, AdapterManifest, read_importance
from freqkv_cli.models.device import Placement
from freqkv_cli.models.fingerprint import weights_print
from freqkv_cli.models.loading import load_config, load_model, load_tokenizer
from freqkv_cli.models.memory import available_memory, estimate_memory, require_fit
from freqkv_cli.models.support import model_window
from freqkv_cli.reading.plan import find_source, place_for, recent_slots
from freqkv_cli.training.adapter_folder import write_importance
from freqkv_cli.training.checkpoint import NAME, read_checkpoint
from freqkv_cli.training.corpus import Corpus, hold_out, read_texts
from freqkv_cli.training.importance_fit import fit_importance
from freqkv_cli.training.job import Job, Run
from freqkv_cli.training.lora import add_lora
from freqkv_cli.training.planted_facts import RetrievalTask
from freqkv_cli.training.recipe import Recipe
from freqkv_cli.training.sequences import Samples, Windows, cut_held_out
from freqkv_cli.training.trainer import Trainer
from freqkv_cli.training.unrolling import Unrolling

CHUNK = 512  # tokens of a forward, where the settings say nothing


def check_target(job: Job) -> None:
    """Raise UsageError when the folder is in the way, or cannot be made."""
    folder = job.target
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--output {folder}: the folder cannot be made ({error.strerror})") from None
    if not job.resume and any(folder.iterdir()):
        begun = (folder / NAME).exists()
        hint = "give --resume to go on with it, or name another folder" if begun else "name a new folder"
        raise UsageError(f"--output {folder} {'holds a run' if begun else 'is not empty'}: {hint}")


def prepare(settings: Settings, job: Job) -> Generator[Event, None, Run]:
    """Find the model, read the texts, load the weights, and go on where a run was stopped."""
    source = yield from find_source(settings)
    config = load_config(source)
    window, chunk = model_window(config), settings.chunk or CHUNK
    geometry = divide_slots(settings, job.recipe, window)
    place = choose_place(settings, config)
    needs: dict[str, Any] = {"quant": place.quant, "dtype": place.dtype, "device": place.device}
    tokenizer = load_tokenizer(source)
    corpus = yield from read_corpus(settings, job, tokenizer)
    recipe = replace(job.recipe, seed=settings.seed or 0)
    yield from map(Note, place.notes)
    estimate = estimate_memory(config, cache_size=geometry.cache_size, chunk=chunk, **needs)
    require_fit(estimate, available_memory(place.device), device=place.device)
    yield Progress("loading", source=source.name)
    loaded = load_model(source, **needs, attn_implementation=register_attention(), tokenizer=tokenizer)
    subject = Subject(loaded, geometry, window, chunk)
    lora = add_lora(loaded.model, rank=recipe.rank, seed=recipe.seed)
    samples = make_samples(settings, recipe, loaded.tokenizer, corpus)
    importance = yield from learn_importance(settings, job, recipe, loaded.model, samples)
    trainer = make_trainer(settings, recipe, subject, samples, importance)
    manifest = describe(settings, subject, corpus)
    held_out = cut_held_out(corpus.held_out, recipe.length, recipe.validation_sequences)
    run = Run(job, recipe, subject, lora, trainer, held_out, manifest)
    if job.resume and (job.target / NAME).exists():
        run.position, run.curve = read_checkpoint(job.target, trainer, run.what)
        yield Note(f"going on from step {run.position.step} of {recipe.steps}", wanted=True)
    elif job.resume:
        yield Note(f"there is no checkpoint in {job.target}: starting anew", wanted=True)
    yield Note(
        f"{corpus.tokens:,} tokens in {len(corpus.texts)} texts to learn from, sequences of {recipe.length:,} "
        f"in {geometry.cache_size} slots; held out: {sum(len(sample.ids) for sample in held_out):,} tokens"
        + (f" of {corpus.held_out[0].name}" if corpus.held_out else ""),
        wanted=True,
    )
    return run


def read_corpus(settings: Settings, job: Job, tokenizer: Any) -> Generator[Event, None, Corpus]:
    """Read the texts, and put some aside for validation."""
    texts = yield from read_texts(job.texts, tokenizer, settings.encoding)
    if job.validation is not None:
        return Corpus(texts, (yield from read_texts([job.validation], tokenizer, settings.encoding)))
    count = job.recipe.validation_sequences
    return hold_out(texts, count * job.recipe.length + 1) if count else Corpus(texts, [])


def divide_slots(settings: Settings, recipe: Recipe, window: int) -> Geometry:
    """The slots that were asked for; a quarter of --length where none were, but no more than the window.

    Raises UsageError where the teacher of `distill`, which has all before it in view, could not read so much.
    """
    if recipe.objective == "distill" and recipe.length > window:
        raise UsageError(f"--objective distill: the teacher reads {window:,} tokens, not --length {recipe.length:,}")
    size = settings.cache_size or min(window, recipe.length // 4)
    size = max(size, settings.sink_tokens + (settings.recent_tokens or 0) + 2)
    recent = recent_slots(settings, size, settings.sink_tokens)
    return Geometry(size, settings.sink_tokens, recent, settings.retain_ratio)


def choose_place(settings: Settings, config: Any) -> Placement:
    """Where and in which numbers to train; 4 bits only when asked for. Raises UsageError for float16."""
    place = place_for(config, replace(settings, quant="none") if settings.quant == "auto" else settings)
    if place.dtype == "float16":
        if settings.dtype == "float16":
            raise UsageError("--dtype float16 is too coarse for gradients: use bfloat16 or float32")
        return replace(place, dtype="float32", notes=())
    return place


def make_samples(settings: Settings, recipe: Recipe, tokenizer: Any, corpus: Corpus) -> Samples:
    """Cut the texts into the sequences of the run."""
    windows = Windows(corpus.texts, recipe.length, tokenizer.eos_token_id, recipe.seed)
    task = RetrievalTask(tokenizer) if recipe.retrieval or goes_by_importance(settings, recipe) else None
    return Samples(windows, recipe.seed, recipe.retrieval, task)


def goes_by_importance(settings: Settings, recipe: Recipe) -> bool:
    """Whether there is something to learn about what to keep, and the policy asks for it."""
    return recipe.importance > 0 and isinstance(make_policy(settings.policy), PredictingPolicy)


def learn_importance(
    settings: Settings, job: Job, recipe: Recipe, model: Any, samples: Samples
) -> Generator[Event, None, Tensor | None]:
    """Learn what the policy is to keep, if it goes by that, and leave it in the folder; a run that goes on has it."""
    if not goes_by_importance(settings, recipe):
        return None
    known = read_importance(job.target) if job.resume else None
    if known is not None:
        return known
    length = min(recipe.length, model_window(model.config))
    weights, explained = yield from fit_importance(model, samples, length, recipe.importance, job.target.name)
    write_importance(job.target, weights)
    yield Note(f"what will be looked at from afar is foretold from keys and values: {explained:.0%} of it", wanted=True)
    return weights


def make_trainer(
    settings: Settings, recipe: Recipe, subject: Subject, samples: Samples, importance: Tensor | None
) -> Trainer:
    """Put model, cache, texts and recipe together."""
    model, policy = subject.loaded.model, make_policy(settings.policy, importance)
    new_cache = partial(make_cache, model, subject.geometry, policy, window=subject.window, differentiable=True)
    return Trainer(Unrolling(model, new_cache, subject.chunk, recipe.checkpoint_chunks), recipe, samples)


def describe(settings: Settings, subject: Subject, corpus: Corpus) -> AdapterManifest:
    """What the adapter will say of itself."""
    loaded, source = subject.loaded, subject.loaded.source
    return AdapterManifest(
        format=FORMAT,
        freqkv=__version__,
        base_name=source.name,
        base=weights_print(source),
        cache=AdapterCache(policy=settings.policy, **asdict(subject.geometry)),
        training={
            "base_id": source.id,
            "data": corpus.digest,
            "texts": [Path(text.name).name for text in corpus.texts],
            "held_out": [Path(text.name).name for text in corpus.held_out],
            "dtype": loaded.dtype,
            "quantization": loaded.quant,
            "machine": cpu_name() if loaded.device == "cpu" else loaded.device,
            **{package: version(package) for package in ("torch", "transformers", "peft")},
        },
    )
