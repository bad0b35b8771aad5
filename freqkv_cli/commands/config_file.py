"""The config file: TOML, one `name = value` a line, named like the long options with _ for -."""

import json
import os
import tempfile
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from freqkv_cli.config import SettingError, Settings, parse_setting, public_name, setting_types
from freqkv_cli.errors import UsageError


def read_config(path: Path) -> dict[str, Any]:
    """The settings that the file gives, by field name; none if there is no file.

    Raises UsageError with the file and the key when the file is not TOML, or holds an unknown key or a wrong value.
    """
    try:
        return _settings(path, path.read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UsageError(f"config file {path} cannot be read: {error.strerror}") from None


def write_setting(path: Path, name: str, text: str) -> Any:
    """Sets one key of the file, keeping the rest as it is, and returns the value.

    Raises UsageError when the key or the value cannot be, or the file cannot be changed.
    """
    setting = _setting_named(name, str(path))
    old = read_config(path)
    try:
        value = parse_setting(setting, text)
        values = {**old, setting: value}
        Settings(**{key: values[key] for key in values if key in Settings.__dataclass_fields__})
    except SettingError as error:
        raise UsageError(f"{public_name(error.setting)} {error.problem}") from None
    except ValueError as error:
        raise UsageError(f"{name} {error}") from None
    line = f"{public_name(setting)} = {_toml(text if value is None else value)}"
    try:
        content = path.read_text(encoding="utf-8") if path.exists() else ""
        new = _with_line(content, public_name(setting), line)
        if _settings(path, new.encode()) != values:
            raise UsageError(f"{path} has {name} in a form that cannot be changed here: edit the file")
        _replace(path, new)
    except OSError as error:
        raise UsageError(f"config file {path} cannot be written: {error.strerror}") from None
    return value


def _settings(path: Path, content: bytes) -> dict[str, Any]:
    try:
        table = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(f"config file {path} is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"config file {path} is not TOML: {error}") from None
    settings = {}
    for key, value in table.items():
        setting = _setting_named(key, f"config file {path}")
        try:
            settings[setting] = _from_toml(setting, value)
        except ValueError as error:
            raise UsageError(f"config file {path}: {key} {error}") from None
    return settings


def _from_toml(setting: str, value: object) -> Any:
    kind = setting_types()[setting]
    if kind in (bool, float) and isinstance(value, str):
        raise ValueError(f"must be {'true or false' if kind is bool else 'a number'} without quotes, not {value!r}")
    return parse_setting(setting, value)


def _setting_named(name: str, where: str) -> str:
    settings = {public_name(setting): setting for setting in setting_types()}
    if name not in settings:
        near = get_close_matches(name.lower().replace("-", "_"), settings, n=1)
        hint = f", did you mean {near[0]}?" if near else "; `freqkv config show` lists the settings"
        raise UsageError(f"{where}: unknown setting {name}{hint}")
    return settings[name]


def _with_line(content: str, key: str, line: str) -> str:
    lines = content.splitlines()
    places = [index for index, old in enumerate(lines) if old.split("=")[0].strip() == key]
    if places:
        lines[places[0]] = line
    else:
        lines.append(line)
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    # TOML's basic strings are JSON's, but for DEL, which has to be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _replace(path: Path, content: str) -> None:
    target = path.resolve()  # a config file that is a link into someone's dotfiles stays one
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def known_names() -> list[str]:
    """The keys a config file can have, for completion."""
    return [public_name(setting) for setting in setting_types()]
