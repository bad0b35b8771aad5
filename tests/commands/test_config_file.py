"""The config file: reading, refusing, changing."""

from pathlib import Path

import pytest

from freqkv_cli.commands.config_file import read_config, write_setting
from freqkv_cli.errors import UsageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_values_arrive_in_their_types(path: Path) -> None:
    path.write_text('cache_size = "32k"\ntop_p = 1\nstream = false\ntype = "pdf"\nlength = "200 words"\nquiet = true\n')
    assert read_config(path) == {
        "cache_size": 32_000,
        "top_p": 1.0,
        "stream": False,
        "kind": "pdf",
        "length": 200,
        "quiet": True,
    }


def test_no_file_is_no_settings(path: Path) -> None:
    assert read_config(path) == {}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("cache-size = 5", "unknown setting cache-size, did you mean cache_size?"),
        ("banana = 5", "unknown setting banana; `freqkv config show` lists the settings"),
        ("kind = 'pdf'", "unknown setting kind"),
        ("cache_size = 5.5", "cache_size must be a whole number such as 2048, 32k or 32K or auto, not 5.5"),
        ("stream = 'yes'", "stream must be true or false without quotes, not 'yes'"),
        ("top_p = '1'", "top_p must be a number without quotes, not '1'"),
        ("quant = '2bit'", "quant must be one of auto, 4bit, 8bit, gguf, none, not 2bit"),
        ("model = ['a']", "model must be text, not ['a']"),
        ("[model]\nid = 1", "model must be text"),
        ("model = ", "is not TOML"),
        ("model = '\udcff'", "is not UTF-8 text"),
    ],
)
def test_a_wrong_file_is_refused_by_file_and_key(path: Path, content: str, problem: str) -> None:
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as caught:
        read_config(path)
    assert str(path) in caught.value.message
    assert problem in caught.value.message
    assert "\n" not in caught.value.message


def test_a_folder_in_its_place_is_one_line(path: Path) -> None:
    path.mkdir()
    with pytest.raises(UsageError, match="cannot be read: Is a directory"):
        read_config(path)


def test_setting_a_value_keeps_the_rest(path: Path) -> None:
    path.write_text('# mine\nmodel = "a"  # old\nseed = 3\n')
    assert write_setting(path, "model", 'x"\\é\x7f') == 'x"\\é\x7f'
    assert write_setting(path, "cache_size", "32K") == 32_768
    assert write_setting(path, "stream", "off") is False
    assert write_setting(path, "chunk", "auto") is None
    assert path.read_text().startswith("# mine\nmodel = ")
    assert read_config(path) == {
        "model": 'x"\\é\x7f',
        "seed": 3,
        "cache_size": 32_768,
        "stream": False,
        "chunk": None,
    }


def test_the_file_and_its_folder_are_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "config.toml"
    write_setting(path, "length", "150 words")
    assert path.read_text() == "length = 150\n"
    assert [file.name for file in path.parent.iterdir()] == ["config.toml"]


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "dotfiles.toml"
    target.write_text("seed = 1\n")
    path.symlink_to(target)
    write_setting(path, "seed", "2")
    assert path.is_symlink()
    assert target.read_text() == "seed = 2\n"


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("banana", "1", "unknown setting banana"),
        ("top_p", "2", "top_p must be above 0 and at most 1, not 2.0"),
        ("top_p", "x", "top_p must be a number, not x"),
        ("cache_size", "20", "cache_size must be at least 36"),
    ],
)
def test_a_wrong_value_leaves_the_file_alone(path: Path, name: str, text: str, problem: str) -> None:
    path.write_text("recent_tokens = 30\n")
    with pytest.raises(UsageError, match=problem):
        write_setting(path, name, text)
    assert path.read_text() == "recent_tokens = 30\n"


def test_a_form_that_cannot_be_changed_line_by_line_is_left_alone(path: Path) -> None:
    before = 'model = """\nseed = 4\n"""\n'
    path.write_text(before)
    with pytest.raises(UsageError, match="edit the file"):
        write_setting(path, "seed", "5")
    assert path.read_text() == before


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be"):
        write_setting(tmp_path / "file" / "config.toml", "seed", "5")
