"""The options that commands share: flags, environment variables and the config file become Settings and Output."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from freqkv_cli.commands.config_file import read_config
from freqkv_cli.commands.interrupts import invocation
from freqkv_cli.config import (
    Output,
    SettingError,
    Settings,
    choices,
    config_path,
    flag_name,
    parse_setting,
    public_name,
    setting_types,
    variable_name,
)
from freqkv_cli.errors import UsageError

EPILOG = "Every option can also be set as FREQKV_<NAME> in the environment or in the config file (freqkv config show)."

MODEL, CACHE, STATES, DOCUMENT, ANSWER, SUMMARY, OUTPUT = (
    "Model",
    "Cache",
    "States",
    "Document",
    "Answer",
    "Summary",
    "Output",
)


@dataclass(frozen=True, slots=True)
class Described:
    """How a setting is presented: its group, its help, what its value is called, further flags."""

    panel: str
    help: str
    metavar: str | None = None
    flags: tuple[str, ...] = ()


DESCRIBED = {
    "model": Described(
        MODEL, "Alias, hub id, local folder or .gguf file; auto: the best reader that fits.", "MODEL", ("-m",)
    ),
    "quant": Described(
        MODEL, "Bits of weights; auto: 16 on CUDA, or 4 where those do not fit; a GGUF as it is on a CPU."
    ),
    "device": Described(MODEL, "auto, cpu, cuda, cuda:N or mps.", "DEVICE"),
    "dtype": Described(MODEL, "Number format of weights and cache."),
    "offline": Described(MODEL, "Never use the network."),
    "models_dir": Described(MODEL, "Folder of yours with .gguf files; those of an alias are taken from it.", "FOLDER"),
    "adapter": Described(
        MODEL, "Folder of what the model has learnt (freqkv train), or none: leave the model as it is.", "FOLDER"
    ),
    "policy": Described(
        CACHE, "What happens to old slots: picked, filtered, averaged, dropped (docs/policies.md); full keeps all."
    ),
    "cache_size": Described(
        CACHE, "Slots per layer, the hard bound; auto: the model's window if memory allows, on CPUs 2048.", "SLOTS"
    ),
    "sink_tokens": Described(CACHE, "First slots, which are left alone, beside the instruction.", "SLOTS"),
    "recent_tokens": Described(CACHE, "Newest slots, which are left alone; auto: an eighth.", "SLOTS"),
    "retain_ratio": Described(CACHE, "Share of the slots that one compression keeps.", "RATIO"),
    "chunk": Described(CACHE, "Tokens per forward: speed and memory, never the result. auto or a size.", "TOKENS"),
    "cache": Described(STATES, "Keep what was read, text included, in the user's cache folder, and use it again."),
    "refresh": Described(STATES, "Read again what has been kept."),
    "states_limit": Described(STATES, "Megabytes that may be kept; what was not used for longest goes first.", "MB"),
    "state_dtype": Described(STATES, "Number format of keys and values in a state; auto is that of the cache."),
    "pages": Described(DOCUMENT, "Only these pages: 1-20,35,40-.", "RANGES"),
    "start": Described(DOCUMENT, 'Begin at this place: "chapter 9", p.12 or 20%.', "PLACE"),
    "until": Described(DOCUMENT, "Stop where this place begins: nothing behind it is read, found or told.", "PLACE"),
    "encoding": Described(DOCUMENT, "Encoding of text files, if it is neither UTF-8 nor guessed right.", "NAME"),
    "kind": Described(DOCUMENT, "Type of the document, if it is not recognised."),
    "ocr": Described(DOCUMENT, "Recognise the text of scanned pages of a PDF, with tesseract where it is installed."),
    "recursive": Described(DOCUMENT, "Read all documents in the folders that are named.", flags=("-r",)),
    "allow_net": Described(DOCUMENT, "Fetch documents that are named by a web address (http, https; public hosts)."),
    "password_file": Described(
        DOCUMENT, "File with the password of an encrypted PDF (or $FREQKV_PDF_PASSWORD).", "FILE"
    ),
    "temperature": Described(ANSWER, "0 is greedy: the same answer every time.", "NUMBER"),
    "top_p": Described(ANSWER, "Sample from the likeliest tokens with this total probability.", "NUMBER"),
    "top_k": Described(ANSWER, "Sample from this many likeliest tokens; 0 is off.", "NUMBER"),
    "min_p": Described(ANSWER, "Drop tokens less likely than this share of the likeliest.", "NUMBER"),
    "repetition_penalty": Described(ANSWER, "Above 1 makes repeated tokens less likely.", "NUMBER"),
    "seed": Described(ANSWER, "Makes sampling repeatable.", "NUMBER"),
    "max_tokens": Described(ANSWER, "Longest answer; auto or a size.", "TOKENS", ("-n",)),
    "stream": Described(ANSWER, "Write the answer as it is generated, or at once."),
    "length": Described(SUMMARY, "How long a summary should be: short, medium, long or a number of words.", "LENGTH"),
    "format": Described(SUMMARY, "One paragraph, a Markdown document with places, or a list with places."),
    "language": Described(SUMMARY, "Language to write in; what cannot be checked is quoted as it stands.", "LANGUAGE"),
    "focus": Described(SUMMARY, "Only what the documents say about this topic.", "TOPIC"),
    "prompt": Described(SUMMARY, "What to write instead of a summary, in your own words.", "TEXT"),
    "prompt_file": Described(SUMMARY, "A file with that.", "FILE"),
    "notes": Described(SUMMARY, "Print the notes on all sections, with their places, below the summary."),
    "effort": Described(
        SUMMARY,
        "low: sections are quoted, the model writes nothing; high: it writes twice as many notes, however long.",
    ),
    "recall": Described(ANSWER, "Passages that are looked up, and read again as needed; 0: memory alone.", "PASSAGES"),
    "strict": Described(ANSWER, "Withhold sentences whose names or numbers stand nowhere in the text; else marked."),
    "quick": Described(ANSWER, "Search the documents and answer from what is found, without reading them through."),
    "show_passages": Described(ANSWER, "Show on stderr which passages are read again."),
    "pin_question": Described(ANSWER, "Let the model know the question while it reads (for one question only)."),
    "json": Described(OUTPUT, "One JSON object on stdout."),
    "quiet": Described(OUTPUT, "Nothing on stderr but errors.", flags=("-q",)),
    "verbose": Described(OUTPUT, "Notes and a timing breakdown on stderr.", flags=("-v",)),
    "no_color": Described(OUTPUT, "No colour; $NO_COLOR works too."),
    "debug": Described(OUTPUT, "Show the traceback of an error."),
}
SUMMARY_ONLY = tuple(name for name, described in DESCRIBED.items() if described.panel == SUMMARY)
DryRun = Annotated[bool, typer.Option("--dry-run", envvar="FREQKV_DRY_RUN", help="Only count, as freqkv count.")]
OUTPUT_ONLY = tuple(name for name in setting_types() if name in Output.__dataclass_fields__)
QUESTION_ONLY = ("pin_question", "quick", "recall", "show_passages", "strict")


class FileDefaults(dict[str, Any]):
    """The config file as click's default_map. Read when the first default is needed, so that --help never needs it."""

    def get(self, key: str, default: Any = None) -> Any:
        """The file's value of a parameter."""
        return read_config(config_path()).get(key, default)


class ConfiguredCommand(TyperCommand):
    """A command whose defaults come from the config file; its help shows the built-in ones."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse with the file's defaults."""
        ctx.default_map = FileDefaults()
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The arguments as their metavars put them; typer would add brackets of its own."""
        return ["[OPTIONS]", *(str(one.metavar) for one in self.params if one.param_type_name == "argument")]

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Help without the file's defaults."""
        ctx.default_map = None
        super().format_help(ctx, formatter)


def takes_settings(*without: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command an option for every setting but those named, and hands it `settings` and `output`.

    The command's first parameter is `ctx: typer.Context`; its own parameters come after that.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = inspect.signature(command, eval_str=True)
        own = [one for name, one in signature.parameters.items() if name not in ("settings", "output")]
        names = [name for name in setting_types() if name not in without]

        def run(**given: Any) -> None:
            values = {name: given.pop(name) for name in names}
            command(**given, **_sorted_out(given["ctx"], values))

        parameters = [*own, *_parameters(names)]
        run.__name__, run.__doc__ = command.__name__, command.__doc__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return decorate


def _parameters(names: list[str]) -> Iterator[inspect.Parameter]:
    defaults: dict[str, Any] = {field.name: field.default for owner in (Settings, Output) for field in fields(owner)}
    for name in names:
        option = _option(name)
        annotation: Any = Annotated[bool, option] if setting_types()[name] is bool else Annotated[Any, option]
        yield inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=defaults[name], annotation=annotation)


def _option(name: str) -> Any:
    described = DESCRIBED[name]
    flag = flag_name(name)
    if setting_types()[name] is bool:
        if name in Settings.__dataclass_fields__:
            flag = f"{flag}/--no-{flag.removeprefix('--')}"
        value: dict[str, Any] = {}
    else:
        words = choices(name)
        value = {
            "parser": partial(parse_setting, name),
            "metavar": described.metavar or "|".join(words),
            "autocompletion": lambda: list(words),
        }
    return typer.Option(
        flag,
        *described.flags,
        help=described.help,
        envvar=variable_name(name),
        show_envvar=False,  # the name is the rule, said once; docs/cli.md lists them all
        rich_help_panel=described.panel,
        **value,
    )


def _sorted_out(ctx: typer.Context, values: dict[str, Any]) -> dict[str, Any]:
    try:
        settings = Settings(**{name: value for name, value in values.items() if name in Settings.__dataclass_fields__})
    except SettingError as error:
        raise UsageError(f"{place(ctx, error.setting)} {error.problem}") from None
    output = Output(**{name: value for name, value in values.items() if name in Output.__dataclass_fields__})
    if output.debug:
        invocation(ctx).debug = True
    return {"settings": settings, "output": output}


def origin(ctx: typer.Context, setting: str) -> str:
    """Where a setting has its value from: flag, env NAME, config file or default."""
    source = ctx.get_parameter_source(setting)
    names = {"COMMANDLINE": "flag", "ENVIRONMENT": f"env {variable_name(setting)}", "DEFAULT_MAP": "config file"}
    return names.get(source.name, "default") if source else "default"


def place(ctx: typer.Context, setting: str) -> str:
    """How to name a setting in an error, so that the user finds where it was set."""
    source = origin(ctx, setting)
    if source.startswith("env"):
        return variable_name(setting)
    return f"config file {config_path()}: {public_name(setting)}" if source == "config file" else flag_name(setting)
