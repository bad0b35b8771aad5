"""What a batch is to do, from all that a user may name; which part of it is whose."""

import json
from pathlib import Path

import pytest

from freqkv_cli.batch.jobs import ASK, SUMMARIZE, BatchJob, Demand, Shard, job_from_json, jobs_of
from freqkv_cli.errors import UsageError

SUMMARY = [Demand(SUMMARIZE)]


def jobs(*sources: str, lines: tuple[str, ...] = ()) -> list[BatchJob]:
    return list(jobs_of(sources, [line.encode() for line in lines], SUMMARY))


def test_folders_patterns_and_names_are_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "sub/c.md", ".hidden", "sub/.git/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("text")
    folder = [job.path for job in jobs(str(tmp_path))]
    assert folder == [str(tmp_path / name) for name in ("a.txt", "b.txt", "sub/c.md")]
    assert [job.path for job in jobs(str(tmp_path / "*.txt"))] == folder[:2]
    assert [job.path for job in jobs("no such file.pdf")] == ["no such file.pdf"]
    with pytest.raises(UsageError, match="check the pattern"):
        jobs(str(tmp_path / "*.pdf"))


def test_a_list_has_paths_and_objects() -> None:
    given = {"id": 7, "path": "b.pdf", "questions": ["Who?", "When?"], "task": "summarize", "options": {"pages": "1-3"}}
    one, two, three = jobs(lines=("a.pdf\n", "\n", json.dumps(given), '{"path": "c.pdf", "question": "Why?"}'))
    assert (one.path, one.demands, one.id) == ("a.pdf", (Demand(SUMMARIZE),), None)
    assert two.demands == (Demand(SUMMARIZE), Demand(ASK, "Who?"), Demand(ASK, "When?"))
    assert (two.id, two.options) == ("7", (("pages", "1-3"),))
    assert three.demands == (Demand(ASK, "Why?"),)
    assert job_from_json(json.loads(json.dumps(two.as_json()))) == two


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "line 1 of the list"),
        ('{"id": "x"}', "path is missing"),
        ('{"path": "a", "quest": 1}', "quest is not known"),
        ('{"path": "a", "task": "sing"}', "task must be"),
        ('{"path": "a", "questions": [""]}', "questions must be"),
    ],
)
def test_a_line_that_cannot_be_is_a_job_with_a_problem(line: str, problem: str) -> None:
    (job,) = jobs(lines=(line,))
    assert job.problem is not None
    assert problem in job.problem
    assert job.demands


def test_a_document_is_known_by_path_and_content_or_by_its_id(tmp_path: Path) -> None:
    one, two = tmp_path / "a.txt", tmp_path / "b.txt"
    one.write_text("text")
    two.write_text("text")
    names = [job.name for job in jobs(str(one), str(two))]
    assert names[0] != names[1]
    one.write_text("other")
    assert jobs(str(one))[0].name != names[0]
    assert BatchJob("gone", (), "own").name == "own"


def test_shards_part_everything_and_overlap_nowhere() -> None:
    every = [BatchJob(f"{number}.txt", ()) for number in range(200)]
    parts = [[job for job in every if Shard(number, 3).holds(job)] for number in (1, 2, 3)]
    assert sorted(job.path for part in parts for job in part) == sorted(job.path for job in every)
    assert all(40 < len(part) < 90 for part in parts)
    assert Shard.parse("3/16").file(Path("out.jsonl")) == Path("out.3-of-16.jsonl")
    assert Shard().file(Path("out.jsonl")) == Path("out.jsonl")


def test_a_slurm_array_is_a_shard() -> None:
    task = {"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "5", "SLURM_ARRAY_TASK_MIN": "0"}
    assert Shard.of_slurm(task) == Shard(5, 5)
    assert Shard.of_slurm({}) == Shard(1, 1)
    with pytest.raises(UsageError, match="gaps"):
        Shard.of_slurm({**task, "SLURM_ARRAY_TASK_ID": "40"})


@pytest.mark.parametrize("written", ["0/3", "4/3", "a/3", "3", "1/"])
def test_a_shard_that_cannot_be_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="like 3/16"):
        Shard.parse(written)
