"""Settings: their limits, and how they are read from text."""

import math
from pathlib import Path
from typing import Any, get_args

import pytest

from freqkv_cli.config import (
    DocumentKind,
    Output,
    SettingError,
    Settings,
    config_path,
    flag_name,
    parse_setting,
    public_name,
    setting_types,
    variable_name,
)
from freqkv_cli.documents.kind import Kind


@pytest.mark.parametrize(
    ("setting", "value", "problem"),
    [
        ("cache_size", 0, "must be at least 6 (sink tokens + recent tokens + 2), not 0"),
        ("cache_size", 5, "must be at least 6 (sink tokens + recent tokens + 2), not 5"),
        ("cache_size", -1, "must be at least 6 (sink tokens + recent tokens + 2), not -1"),
        ("sink_tokens", -1, "must be 0 or more, not -1"),
        ("recent_tokens", -1, "must be 0 or more, not -1"),
        ("retain_ratio", 0.0, "must be between 0 and 1, both excluded, not 0.0"),
        ("retain_ratio", 1.0, "must be between 0 and 1, both excluded, not 1.0"),
        ("retain_ratio", math.nan, "must be between 0 and 1, both excluded, not nan"),
        ("chunk", 0, "must be 1 or more, not 0"),
        ("temperature", -0.1, "must be 0 or more, not -0.1"),
        ("temperature", math.inf, "must be 0 or more, not inf"),
        ("top_p", 0.0, "must be above 0 and at most 1, not 0.0"),
        ("top_p", 1.1, "must be above 0 and at most 1, not 1.1"),
        ("top_k", -1, "must be 0 (off) or more, not -1"),
        ("min_p", 1.5, "must be between 0 and 1, not 1.5"),
        ("repetition_penalty", 0.0, "must be above 0, not 0.0"),
        ("seed", -1, "must be 0 or more and below 2^63, not -1"),
        ("max_tokens", 0, "must be 1 or more, not 0"),
        ("length", 0, "must be short, medium, long or a number of words, not 0"),
        ("length", "tiny", "must be short, medium, long or a number of words, not tiny"),
        ("device", "gpu", "must be auto, cpu, cuda, cuda:N or mps, not gpu"),
        ("model", " ", "must name a model, not  "),
    ],
)
def test_a_setting_out_of_its_limits_is_refused(setting: str, value: Any, problem: str) -> None:
    with pytest.raises(SettingError) as caught:
        Settings(**{setting: value})
    assert caught.value.setting == setting
    assert caught.value.problem == problem
    assert caught.value.message == f"{flag_name(setting)} {problem}"
    assert caught.value.exit_code == 2


def test_the_least_cache_has_two_slots_beside_sinks_and_recent() -> None:
    assert Settings(cache_size=12, sink_tokens=4, recent_tokens=6).cache_size == 12
    with pytest.raises(SettingError, match="at least 12"):
        Settings(cache_size=11, sink_tokens=4, recent_tokens=6)


@pytest.mark.parametrize("device", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12"])
def test_devices(device: str) -> None:
    assert Settings(device=device).device == device


@pytest.mark.parametrize(
    ("setting", "text", "value"),
    [
        ("cache_size", "2048", 2048),
        ("cache_size", "32k", 32_000),
        ("cache_size", "32K", 32_768),
        ("cache_size", "25.6k", 25_600),
        ("cache_size", "0.5K", 512),
        ("cache_size", "auto", None),
        ("cache_size", 2048, 2048),
        ("cache_size", None, None),
        ("sink_tokens", "1k", 1000),
        ("seed", "7", 7),
        ("temperature", "0.7", 0.7),
        ("temperature", 1, 1.0),
        ("stream", "off", False),
        ("stream", "Yes", True),
        ("stream", False, False),
        ("quant", "8bit", "8bit"),
        ("kind", None, None),
        ("kind", "pdf", "pdf"),
        ("length", "short", "short"),
        ("length", "150", 150),
        ("length", "150 words", 150),
        ("length", 150, 150),
        ("pages", "1-20,35", "1-20,35"),
    ],
)
def test_values_are_read(setting: str, text: object, value: object) -> None:
    parsed = parse_setting(setting, text)
    assert parsed == value
    assert type(parsed) is type(value)
    assert parse_setting(setting, parsed) == value


@pytest.mark.parametrize(
    ("setting", "text", "problem"),
    [
        ("cache_size", "big", "must be a whole number such as 2048, 32k or 32K or auto, not big"),
        ("cache_size", "1.5", "must be a whole number such as 2048, 32k or 32K or auto, not 1.5"),
        ("cache_size", True, "must be a whole number such as 2048, 32k or 32K or auto, not True"),
        ("cache_size", 10.5, "must be a whole number such as 2048, 32k or 32K or auto, not 10.5"),
        ("sink_tokens", "auto", "must be a whole number such as 2048, 32k or 32K, not auto"),
        ("top_p", "much", "must be a number, not much"),
        ("stream", "maybe", "must be true or false, not maybe"),
        ("quant", "3bit", "must be one of auto, 4bit, 8bit, gguf, none, not 3bit"),
        ("quant", 4, "must be one of auto, 4bit, 8bit, gguf, none, not 4"),
        ("length", "tiny", "must be short, medium, long or a number of words, not tiny"),
        ("model", 7, "must be text, not 7"),
    ],
)
def test_values_that_cannot_be_say_what_could(setting: str, text: object, problem: str) -> None:
    with pytest.raises(ValueError, match="must be") as caught:
        parse_setting(setting, text)
    assert str(caught.value) == problem


def test_every_default_reads_back_as_itself() -> None:
    for owner in (Settings(), Output()):
        for name in owner.__dataclass_fields__:
            assert parse_setting(name, getattr(owner, name)) == getattr(owner, name)


def test_names_follow_one_rule_and_are_unique() -> None:
    assert (flag_name("cache_size"), variable_name("cache_size")) == ("--cache-size", "FREQKV_CACHE_SIZE")
    assert (flag_name("kind"), variable_name("kind"), public_name("kind")) == ("--type", "FREQKV_TYPE", "type")
    assert len({flag_name(name) for name in setting_types()}) == len(setting_types())


def test_the_config_file_can_be_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("FREQKV_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config_path().name == "config.toml"
    assert config_path().parent.name == "freqkv"
    assert config_path().is_relative_to(tmp_path)
    monkeypatch.setenv("FREQKV_CONFIG", str(tmp_path / "mine.toml"))
    assert config_path() == tmp_path / "mine.toml"


def test_the_types_of_documents_are_those_that_are_read() -> None:
    assert get_args(DocumentKind) == get_args(Kind)
