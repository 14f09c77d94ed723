from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.api import TrainingReport, UsageError
from harness.boundary import files
from harness.boundary.schemas import path_text
from harness.results.checking.validation import problems_of
from tests import toys
from tests.conftest import ToyRun
from tests.harness.audit.changes import freely
from tests.harness.audit.results import honest


@pytest.fixture
def run_dir(finished_run: ToyRun) -> Path:
    return finished_run()


def _edit(run_dir: Path, path: tuple[str | int, ...], value: object) -> list[str]:
    """What validation says after one value of the result was changed."""
    result = files.read(run_dir / "result.json")
    inner: Any = result
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    (run_dir / "result.json").write_text(json.dumps(result))
    return problems_of(run_dir / "result.json")


def test_every_written_file_is_valid(run_dir: Path) -> None:
    for name in ("result.json", "plan.json", "run_meta.json", "problems.jsonl", "items.jsonl"):
        assert problems_of(run_dir / name) == [], name


def _numbers(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _numbers(inner, (*path, key))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path


def _other(value: float) -> float:
    """Another number that the schema allows in the same place."""
    return value + 1 if isinstance(value, int) else 0.3 if value > 0.5 else 0.7


def test_every_number_that_follows_from_the_rows_is_recomputed(run_dir: Path) -> None:
    result = files.read(run_dir / "result.json")
    changed = [
        path
        for section in ("arms", "contrasts", "problems", "overlaps", "quoted", "transfer")
        for path in _numbers(result[section], (section,))
    ]
    assert len(changed) > 1000
    for *parents, last in changed:
        inner = result
        for part in parents:
            inner = inner[part]
        inner[last] = _other(inner[last])
    (run_dir / "result.json").write_text(json.dumps(result))
    named = {problem.partition(": says ")[0] for problem in problems_of(run_dir / "result.json")}
    assert named >= {path_text(path) for path in changed}


def test_the_changed_field_is_named_with_both_values(run_dir: Path) -> None:
    found = _edit(run_dir, ("arms", 0, "accuracy", "value"), 0.99)
    assert len(found) == 1
    assert found[0].startswith("arms[0].accuracy.value: says 0.99, the rows give ")


def test_an_unparsed_reply_cannot_be_given_a_label(run_dir: Path) -> None:
    rows = files.read_lines(run_dir / "items.jsonl")
    row = next(row for row in rows if row["outcome"]["kind"] == "unparsed")
    row["outcome"]["label"] = "EVEN"
    (run_dir / "items.jsonl").write_text(files.lines(rows))
    assert any("outcome" in problem for problem in problems_of(run_dir / "items.jsonl"))


def test_rows_that_are_not_those_of_the_result_are_refused(run_dir: Path) -> None:
    rows = files.read_lines(run_dir / "items.jsonl")
    rows[0]["correct"] = not rows[0]["correct"]
    (run_dir / "items.jsonl").write_text(files.lines(rows))
    (problem,) = problems_of(run_dir / "result.json")
    assert problem.startswith("files.items.jsonl: has digest ")


def _forge(run_dir: Path, **changes: object) -> list[str]:
    """What validation says after one answered item was changed, with the digest made to fit."""
    rows = files.read_lines(run_dir / "items.jsonl")
    row = next(row for row in rows if row["outcome"]["kind"] == "answered" and not row["correct"])
    for name, value in changes.items():
        row[name] = value
    (run_dir / "items.jsonl").write_text(files.lines(rows))
    return _edit(run_dir, ("files", "items.jsonl"), files.file_digest(run_dir / "items.jsonl"))


def test_a_wrong_answer_cannot_be_called_correct(run_dir: Path) -> None:
    assert any("and correct is True" in problem for problem in _forge(run_dir, correct=True))


def test_an_answer_must_be_one_of_the_labels(run_dir: Path) -> None:
    found = _forge(run_dir, outcome={"kind": "answered", "label": "MAYBE"})
    assert any("label 'MAYBE' is none of the task's" in problem for problem in found)


def test_a_reply_must_be_the_one_that_was_judged(run_dir: Path) -> None:
    assert any("text_sha256 is not that of the reply" in problem for problem in _forge(run_dir, text_sha256="0" * 64))


def test_the_mark_of_simulation_cannot_be_taken_off(run_dir: Path) -> None:
    assert _edit(run_dir, ("simulated",), []) == ["simulated: says [], the rows give ['teacher toy']"]


def test_another_plan_or_adapter_beside_the_result_is_noticed(run_dir: Path) -> None:
    (run_dir / "adapters" / "student-lora" / "adapter_model.safetensors").write_text("{}")
    (run_dir / "plan.json").write_text("{}")
    plan, adapter = problems_of(run_dir / "result.json")
    assert plan == "plan: is not the one in plan.json"
    assert adapter.startswith("training[0].adapter_sha256: the adapter has ")


def test_another_file_of_an_adapter_than_was_trained_is_noticed(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = toys.ToyTrainer.train

    def with_more(self: toys.ToyTrainer, *given: Any) -> TrainingReport:
        (given[3] / "adapter_config.json").write_text('{"lora_alpha": 32}')
        (given[3] / "More").mkdir()
        (given[3] / "More" / "Tokens.txt").write_text("a b")
        return train(self, *given)

    monkeypatch.setattr(toys.ToyTrainer, "train", with_more)
    run_dir = toy_run()
    adapter = run_dir / "adapters" / "lora-labels"
    assert problems_of(run_dir) == []
    (adapter / "adapter_config.json").write_text('{"lora_alpha": 2}')
    (problem,) = problems_of(run_dir)
    assert problem.startswith("adapters/lora-labels/adapter_config.json: has digest ")
    (adapter / "More" / "Tokens.txt").unlink()
    (adapter / "More" / "Tokens.txt").symlink_to(run_dir / "plan.json")
    problem, _ = problems_of(run_dir)
    assert problem == "adapters/lora-labels/More/Tokens.txt: leads out of the adapter's folder"
    (adapter / "More" / "Tokens.txt").unlink()
    (adapter / "adapter_config.json").unlink()
    assert problems_of(run_dir) == [
        "adapters/lora-labels/More/Tokens.txt: is missing",
        "adapters/lora-labels/adapter_config.json: is missing",
    ]


def test_a_journal_that_is_damaged_is_told_of(run_dir: Path) -> None:
    with (run_dir / "journal.jsonl").open("r+b") as stream:
        stream.write(b"x")
    (problem,) = problems_of(run_dir)
    assert problem == "journal.jsonl: line 1 is damaged; restore the file or start a new run"


def test_who_labelled_the_training_rows_is_counted_again(run_dir: Path) -> None:
    assert _edit(run_dir, ("training", 1, "examples", "labelled_by_teacher"), 8) == [
        "training[1].examples.labelled_by_teacher: says 8, the rows give 9"
    ]


@pytest.mark.parametrize("key", ["steps", "supervised_prompt_tokens", "truncated_rows", "logit_change"])
def test_a_training_is_told_as_the_journal_has_it(run_dir: Path, key: str) -> None:
    was = files.read(run_dir / "result.json")["training"][1][key]
    assert _edit(run_dir, ("training", 1, key), was + 1) == [f"training[1].{key}: says {was + 1}, the journal {was}"]


def test_a_row_of_training_data_that_is_none_is_told_of_in_one_line(run_dir: Path) -> None:
    path = run_dir / "examples" / "lora-labels.jsonl"
    path.write_text("[]\n")
    found = _edit(run_dir, ("files", "examples/lora-labels.jsonl"), files.file_digest(path))
    assert len(found) == 1
    assert found[0].startswith("examples/lora-labels.jsonl: a row is not an example (TypeError: ")


@pytest.mark.parametrize(("weight", "why"), [(0, "ValueError: its weight is 0"), ("2", "TypeError: ")])
def test_a_training_row_has_a_weight_above_0_or_none(run_dir: Path, weight: Any, why: str) -> None:
    path = run_dir / "examples" / "lora-labels.jsonl"
    path.write_text(files.lines([row | {"weight": weight} for row in files.read_lines(path)]))
    found = _edit(run_dir, ("files", "examples/lora-labels.jsonl"), files.file_digest(path))
    assert found[0].startswith(f"examples/lora-labels.jsonl: a row is not an example ({why}")


def test_a_run_directory_stands_for_its_result(run_dir: Path) -> None:
    assert problems_of(run_dir) == []


@pytest.mark.parametrize("name", ["journal.md", "strategy.txt"])
def test_a_text_that_cannot_be_read_is_told_of_beside_its_digest(run_dir: Path, name: str) -> None:
    with (run_dir / name).open("ab") as stream:
        stream.write(b"\xff\xfe")
    changed, unreadable = problems_of(run_dir)
    assert changed.startswith(f"files.{name}: has digest ")
    assert unreadable.startswith(f"{name}: not readable text (not UTF-8 text (byte ")


def test_rows_of_one_split_that_offer_different_rules_are_told_of(run_dir: Path) -> None:
    rows = files.read_lines(run_dir / "problems.jsonl")
    last = max(index for index, row in enumerate(rows) if row["split"] == "test")
    rows[last]["trivial"] = {}
    (run_dir / "problems.jsonl").write_text(files.lines(rows))
    (problem,) = _edit(run_dir, ("files", "problems.jsonl"), files.file_digest(run_dir / "problems.jsonl"))
    assert problem == f"problems.jsonl: line {last + 1}: has other rules than the first problem of its split"


def test_a_free_form_answer_that_is_the_truth_to_the_letter_cannot_be_called_wrong(tmp_path: Path) -> None:
    run = honest(seeds=1, sizes={"test": 4, "harder": 4})
    freely(lambda *_: None)(run, 0)
    row = run.of("teacher-strategy")[-1]
    row["outcome"]["label"] = "right in other words"
    assert problems_of(run.write(tmp_path)) == []
    row["outcome"]["label"], row["correct"] = "YES", False
    (problem,) = problems_of(run.write(tmp_path))
    assert problem.endswith("label 'YES', truth 'YES', and correct is False")


def test_a_trivial_rule_that_gives_the_truth_of_a_free_form_task_cannot_be_called_wrong(tmp_path: Path) -> None:
    run = honest(seeds=1, sizes={"test": 4, "harder": 4})
    freely(lambda *_: None)(run, 0)
    known, unknown = run.split("test")[-1]["trivial"]["shortcut"], run.split("test")[0]["trivial"]["shortcut"]
    assert known["correct"]
    assert not unknown["correct"]
    unknown["correct"] = True  # right in other words
    assert problems_of(run.write(tmp_path)) == []
    known["correct"] = False
    (problem,) = problems_of(run.write(tmp_path))
    assert problem.endswith("rule 'shortcut' says 'YES', truth 'YES', and correct is False")


@pytest.mark.parametrize("key", ["calls", "failed", "input_tokens", "cost_usd"])
def test_what_the_answers_of_a_teacher_took_is_recomputed(run_dir: Path, key: str) -> None:
    calls = files.read(run_dir / "result.json")["teacher_calls"]
    (place,) = (n for n, row in enumerate(calls) if (row["stage"], row["purpose"]) == ("teacher-base", "solve"))
    was = calls[place][key]
    assert _edit(run_dir, ("teacher_calls", place, key), was + 1) == [
        f"teacher_calls.teacher-base.{key}: says {was + 1}, the rows give {was}"
    ]


def test_an_account_of_answers_that_nobody_gave_is_told_of(run_dir: Path) -> None:
    calls = files.read(run_dir / "result.json")["teacher_calls"]
    (one,) = (row for row in calls if row["stage"] == "teacher-base")
    (problem,) = _edit(run_dir, ("teacher_calls",), [*calls, one])
    assert problem == "teacher_calls: the answers of a stage have two accounts"
    (problem,) = _edit(run_dir, ("teacher_calls",), [row for row in calls if row is not one])
    assert problem.startswith("teacher_calls.teacher-base: says nothing, the rows give {'stage': 'teacher-base', ")


def test_the_learned_strategy_is_the_one_in_its_file(run_dir: Path) -> None:
    assert _edit(run_dir, ("learning", "learned"), "Forged.") == ["learning.learned: is not the text of strategy.txt"]
    assert _edit(run_dir, ("learning", "learned"), None) == [
        "learning.learned: holds nothing, but there is a strategy.txt"
    ]


def test_a_teacher_cannot_have_got_more_right_while_it_learned_than_its_rows_show(run_dir: Path) -> None:
    entry = files.read(run_dir / "result.json")["learning"]["entries"][0]
    right, n = entry["correct"], entry["n"]
    assert 0 < right < n
    for said in ({"correct": n, "n": n}, {"correct": right, "n": n + 1}):
        assert _edit(run_dir, ("learning", "entries", 0), entry | said) == [
            f"learning.entries: say {said['correct']} of {said['n']} right, the rows of bootstrap give {right} of {n}"
        ]


def test_an_arm_that_does_not_exist_is_named(run_dir: Path) -> None:
    assert any("no arm 'nosuch'; arms: student-base" in problem for problem in _forge(run_dir, arm="nosuch"))


def test_missing_replies_are_told_of_once(run_dir: Path) -> None:
    (run_dir / "thoughts.jsonl").unlink()
    (problem,) = problems_of(run_dir)
    assert problem == "files.thoughts.jsonl: is not beside the result, so it cannot be checked"


def test_without_its_rows_a_result_is_not_valid(run_dir: Path) -> None:
    (run_dir / "items.jsonl").unlink()
    assert problems_of(run_dir / "result.json") == [
        "files.items.jsonl: is not beside the result, so it cannot be checked"
    ]


def test_a_row_file_outside_the_run_directory_is_not_read(run_dir: Path) -> None:
    digest = files.read(run_dir / "result.json")["files"]["items.jsonl"]
    found = _edit(run_dir, ("files", "../other/items.jsonl"), digest)
    assert "files.../other/items.jsonl: lies outside the run directory" in found


def test_an_unknown_field_is_refused(run_dir: Path) -> None:
    found = _edit(run_dir, ("arms", 0, "score"), 1)
    assert found
    assert "'score' was unexpected" in found[0]


@pytest.mark.parametrize("text", ["", "{", "[1, NaN]", '{"a":1,"a":2}', "[" * 100_000])
def test_a_damaged_file_is_one_problem(tmp_path: Path, text: str) -> None:
    path = tmp_path / "result.json"
    path.write_text(text)
    (problem,) = problems_of(path)
    assert problem.startswith("the file: ")


def test_a_missing_file_is_one_problem(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.json: No such file or directory; give a run"):
        problems_of(tmp_path / "nothing.json")


def test_a_plan_beside_the_result_that_is_no_json_is_told_of(run_dir: Path) -> None:
    (run_dir / "plan.json").write_text("{")
    assert any(problem.startswith("plan.json: not sound JSON (") for problem in problems_of(run_dir))
