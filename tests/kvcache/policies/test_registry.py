"""Adding a policy is adding a file: name, help, choices, docs and evaluation follow from it."""

import sys
from pathlib import Path

import pytest

from freqkv_cli.commands.reference import policy_table
from freqkv_cli.config import SettingError, Settings, choices
from freqkv_cli.kvcache import policies
from freqkv_cli.kvcache.geometry import Geometry
from freqkv_cli.measurement.policy_specs import check_labels
from tests.kvcache.reading import new_cache, random_ids, read_logits
from tests.tiny_models import tiny_model

DOCS = Path(__file__).parents[3] / "docs"
FILE = '''"""The first ones stay (arXiv 1234.56789).

For this test.
"""

from torch import Tensor

from freqkv_cli.kvcache.policy import FRESH, CompressionContext, CompressionPolicy, Rows


class OldestPolicy(CompressionPolicy):
    """Nothing sensible."""

    def compress(self, keys: Tensor, values: Tensor, length: int, context: CompressionContext = FRESH) -> Rows:
        return keys[..., :length, :].clone(), values[..., :length, :].clone()
'''


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    (tmp_path / "oldest.py").write_text(FILE)
    monkeypatch.setattr(policies, "__path__", [*policies.__path__, str(tmp_path)])
    monkeypatch.delitem(sys.modules, "freqkv_cli.kvcache.policies.oldest", raising=False)
    return "oldest"


def test_one_file_adds_a_policy(added: str) -> None:
    assert policies.policy_help(added) == (added, "The first ones stay (arXiv 1234.56789)", "Nothing sensible")
    assert added in choices("policy")
    assert Settings(policy=added).policy == added
    assert "| `oldest` | The first ones stay ([1234.56789](https://arxiv.org/abs/1234.56789)) | Nothing sensible |" in (
        policy_table()
    )
    check_labels([f"{added}@0.5"])
    model = tiny_model("llama")
    cache = new_cache(model, Geometry(40, 4, 6, 0.5), added)
    read_logits(model, cache, random_ids(90))
    assert cache.policy.name == added
    assert cache.compressions > 0


def test_without_its_file_there_is_no_such_policy() -> None:
    with pytest.raises(SettingError, match="must be one of adaptive, freqkv, full"):
        Settings(policy="oldest")


def test_the_table_of_the_docs_is_made_from_the_files() -> None:
    again = "python -m freqkv_cli.commands.reference policies"
    assert policy_table() in (DOCS / "policies.md").read_text(encoding="utf-8"), again
