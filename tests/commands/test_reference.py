"""docs/cli.md is what the commands say."""

from pathlib import Path

from freqkv_cli.commands.reference import EXIT_CODES, reference
from freqkv_cli.config import flag_name, setting_types, variable_name
from freqkv_cli.errors import ExitCode

DOCUMENT = Path(__file__).parents[2] / "docs" / "cli.md"


def test_the_document_is_up_to_date() -> None:
    again = "python -m freqkv_cli.commands.reference > docs/cli.md"
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), again


def test_it_names_every_option_with_its_variable_and_every_exit_code() -> None:
    text = reference()
    for name in setting_types():
        assert f"`{flag_name(name)}" in text
        assert f"| `{variable_name(name)}` |" in text
    assert set(ExitCode) <= set(EXIT_CODES)
    assert "| 143 | SIGTERM" in text
    assert "| `--temperature NUMBER` | `FREQKV_TEMPERATURE` | `0.0` |" in text
