"""Importing transformers for reading leaves out what reading never uses, and harms nobody who does use it."""

import json
import subprocess
import sys
from typing import Any

import pytest

UNUSED = ("torch._dynamo", "torch.distributed.tensor", "scipy", "sympy")
LATER = """
import torch
from transformers import LlamaForCausalLM
import torch._dynamo
from torch._dynamo._trace_wrapped_higher_order_op import TransformGetItemToIndex
from transformers.masking_utils import TransformGetItemToIndex as Deferred
assert callable(torch._dynamo.optimize), "the compiler is a stand-in"
assert isinstance(Deferred(), TransformGetItemToIndex)
assert torch.distributed.is_available() == before
print(torch.compiler.disable(lambda: 7)())
"""


def run(program: str) -> str:
    started = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    return started.stdout.strip()


@pytest.fixture(scope="module")
def imported() -> Any:
    """What a process of freqkv's has imported with a model, and the list of models in it beside transformers' own."""
    program = f"""
import json, sys
from freqkv_cli.models.lazy_imports import import_modeling, own_process
own_process()
import_modeling()
from transformers import AutoModelForCausalLM, LlamaForCausalLM
unused = [name for name in {UNUSED} if name in sys.modules]
import transformers.models as listed
from transformers.utils import import_utils
import_utils.create_import_structure_from_path.cache_clear()
made = import_utils._LazyModule("models", listed.__file__, import_utils.define_import_structure(listed.__file__))
same = [getattr(listed, name) == getattr(made, name) for name in ("_class_to_module", "_modules", "_import_structure")]
print(json.dumps(dict(unused=unused, classes=len(listed._class_to_module), same=same)))
"""
    return json.loads(run(program))


def test_a_model_is_imported_without_what_it_does_not_use(imported: dict[str, Any]) -> None:
    assert imported["unused"] == []


def test_the_real_modules_come_when_they_are_asked_for() -> None:
    program = f"""
import torch.distributed
before = torch.distributed.is_available()
from freqkv_cli.models.lazy_imports import import_modeling, own_process
own_process()
import_modeling()
{LATER}"""
    assert run(program) == "7"


def test_a_program_that_imports_freqkv_keeps_its_transformers() -> None:
    program = """
import freqkv_cli
from freqkv_cli.inference.attention import register_attention
freqkv_cli.read, register_attention()
from transformers.loss import loss_for_object_detection
from transformers.utils import import_utils
import transformers.masking_utils
assert import_utils.is_torch_distributed_available() and import_utils.is_scipy_available()
assert loss_for_object_detection.linear_sum_assignment.__module__.startswith("scipy")
print(transformers.masking_utils.TransformGetItemToIndex.__module__)
"""
    assert run(program) == "torch._dynamo._trace_wrapped_higher_order_op"


def test_the_list_of_models_is_the_one_that_transformers_makes(imported: dict[str, Any]) -> None:
    assert imported["classes"] > 1000
    assert imported["same"] == [True, True, True]
