from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness import run
from harness.api import (
    ADAPTER_WEIGHTS,
    Arm,
    HarnessError,
    JournalError,
    Problem,
    TrainingReport,
    Truth,
    UsageError,
    Worked,
)
from harness.boundary import files
from harness.design.plan import SEED_STEP, TRAINING_SEED
from harness.registry.observers import Observers
from harness.results.checking.validation import problems_of
from tests import toys
from tests.conftest import ToyRun
from tests.toys import GOOD, ParityVerifier, Rule, ToyStudent, ToyTrainer

SEEDS = [TRAINING_SEED + SEED_STEP * index for index in range(3)]
TRAINED = ("student-lora", "lora-labels", "lora-naive", "lora-shuffled")
STAGES = ("student-base", "bootstrap", "student-lora", "lora-random", "lora-shuffled")


def _result(run_dir: Path) -> Any:
    return files.read(run_dir / "result.json")


def _items(run_dir: Path, seed: int | None) -> list[Any]:
    return [row for row in files.read_lines(run_dir / "items.jsonl") if row["training_seed"] == seed]


# Training seeds


def test_every_trained_arm_is_trained_and_measured_once_for_each_seed(finished_run: ToyRun) -> None:
    run_dir = finished_run(training_seeds=3)
    result = _result(run_dir)
    assert [(row["arm"], row["training_seed"]) for row in result["training"]] == [
        (arm, seed) for arm in TRAINED for seed in SEEDS
    ]
    measured = [(arm["arm"], arm["split"], arm["training_seed"]) for arm in result["arms"]]
    assert [key for key in measured if key[0] == "student-lora"] == [
        ("student-lora", split, seed) for split in ("test", "harder", "skills") for seed in SEEDS
    ]
    assert [key for key in measured if key[0] == "student-base"] == [
        ("student-base", split, None) for split in ("test", "harder", "skills")
    ]
    assert len({row["adapter_sha256"] for row in result["training"] if row["arm"] == "student-lora"}) == 3
    assert problems_of(run_dir) == []


def test_a_reply_names_the_training_and_the_adapter_that_gave_it(finished_run: ToyRun) -> None:
    run_dir = finished_run(training_seeds=3)
    made = {(row["arm"], row["training_seed"]): row["adapter_sha256"] for row in _result(run_dir)["training"]}
    for row in files.read_lines(run_dir / "items.jsonl"):
        assert row["adapter_sha256"] == made.get((row["arm"], row["training_seed"]))
    thoughts = {
        (row["arm"], row["training_seed"], row["problem"]) for row in files.read_lines(run_dir / "thoughts.jsonl")
    }
    assert {("student-lora", seed, "test/0000") for seed in SEEDS} <= thoughts


def test_files_of_the_first_seed_have_the_name_of_the_arm_and_those_of_others_their_seed_besides(
    finished_run: ToyRun,
) -> None:
    run_dir = finished_run(training_seeds=3)
    names = {f"{arm}{suffix}" for arm in TRAINED for suffix in ("", f".{SEEDS[1]}", f".{SEEDS[2]}")}
    assert {path.name for path in (run_dir / "adapters").iterdir()} == names
    assert {path.stem for path in (run_dir / "examples").iterdir()} == names
    assert set(files.read(run_dir / "run_meta.json")["training"]) == names


def test_more_seeds_change_nothing_of_the_first(finished_run: ToyRun) -> None:
    one, three = finished_run(out="one", stages=STAGES), finished_run(out="three", stages=STAGES, training_seeds=3)
    for seed in (None, SEEDS[0]):
        assert _items(one, seed) == _items(three, seed)
    for path in (one / "examples").iterdir():
        assert path.read_bytes() == (three / "examples" / path.name).read_bytes()
    assert _result(one)["training"] == [row for row in _result(three)["training"] if row["training_seed"] == SEEDS[0]]


def test_chance_falls_anew_with_each_seed_and_the_worked_solutions_stay(finished_run: ToyRun) -> None:
    run_dir = finished_run(stages=STAGES, training_seeds=3)
    for arm, kinds in (("student-lora", 1), ("lora-random", 3), ("lora-shuffled", 3)):
        names = (arm, f"{arm}.{SEEDS[1]}", f"{arm}.{SEEDS[2]}")
        assert len({(run_dir / "examples" / f"{name}.jsonl").read_bytes() for name in names}) == kinds, arm


def test_the_seed_of_the_run_moves_every_training_seed(finished_run: ToyRun) -> None:
    run_dir = finished_run(seed=5, training_seeds=2, stages=("bootstrap", "student-lora"))
    assert [row["training_seed"] for row in _result(run_dir)["training"]] == [SEEDS[0] + 5, SEEDS[1] + 5]


def test_contrasts_put_the_seeds_together_and_show_each(finished_run: ToyRun) -> None:
    (entry,) = (
        entry
        for entry in _result(finished_run(training_seeds=3))["contrasts"]
        if (entry["first"], entry["second"]) == ("student-lora", "lora-labels")
    )
    assert [one["training_seed"] for one in entry["by_seed"]] == SEEDS
    assert entry["n"] == 12


def test_resuming_a_run_of_several_seeds_repeats_no_effect_and_changes_no_byte(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    kinds = ("teacher", "student", "trainer")
    run_dir = toy_run(*(f"{kind}.marker={marker}" for kind in kinds), training_seeds=3)
    names = ("result.json", "audit.json", "items.jsonl")
    effects, before = marker.read_text(), [(run_dir / name).read_bytes() for name in names]
    run.resume(run_dir, Observers([]))
    assert marker.read_text() == effects
    assert effects.count("train\n") == len(TRAINED) * 3
    assert [(run_dir / name).read_bytes() for name in names] == before


def test_an_adapter_of_a_later_seed_that_was_changed_is_noticed(finished_run: ToyRun) -> None:
    run_dir = finished_run(training_seeds=2)
    (run_dir / "adapters" / f"lora-labels.{SEEDS[1]}" / ADAPTER_WEIGHTS).write_text('{"so": true}')
    (problem,) = problems_of(run_dir)
    assert problem.startswith("training[3].adapter_sha256: the adapter has ")
    with pytest.raises(JournalError, match="not the one that was trained"):
        run.resume(run_dir, Observers([]))


# Learning


def test_the_score_of_a_batch_is_what_the_verifier_says_of_its_answers(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ParityVerifier, "truth", lambda *_: Truth("EVEN", {}, "so it is"))
    monkeypatch.setattr(ParityVerifier, "check", lambda _, __, label: label == "EVEN")
    result = _result(toy_run(stages=("bootstrap",)))
    (entry,), (arm,) = result["learning"]["entries"], result["arms"]
    assert (entry["correct"], entry["n"]) == (arm["correct"], arm["n"]) == (6, 6)
    assert result["learning"]["strategies"][1]["correct"] == 6


# Labels


def test_with_labels_of_the_verifier_the_student_learns_true_answers_and_the_teacher_is_not_asked(
    finished_run: ToyRun,
) -> None:
    run_dir = finished_run("run.labels=verifier")
    result = _result(run_dir)
    assert "demonstrate" not in {call["purpose"] for call in result["teacher_calls"]}
    truths = {row["id"]: row["truth"] for row in files.read_lines(run_dir / "problems.jsonl")}
    for arm, said in (("student-lora", f"{GOOD}\n\n"), ("lora-naive", "Think.\n\n"), ("lora-labels", "")):
        rows = files.read_lines(run_dir / "examples" / f"{arm}.jsonl")
        assert len(rows) == 9
        for row in rows:
            assert (row["label"], row["label_source"]) == (truths[row["problem_id"]], "verifier")
            assert row["target"] == f"{said}{row['label']}"
    assert {row["examples"]["labelled_by_verifier"] for row in result["training"]} == {9}
    assert problems_of(run_dir) == []


def test_an_audit_says_whose_the_labels_were(finished_run: ToyRun) -> None:
    for labels, status in (("teacher", "pass"), ("verifier", "fail")):
        run_dir = finished_run(f"run.labels={labels}", out=labels)
        checks = {check["id"]: check["status"] for check in files.read(run_dir / "audit.json")["checks"]}
        assert checks["label-source"] == status


# Prompts


def _wordings(run_dir: Path) -> dict[str, str]:
    return {arm["arm"]: arm["wording_sha256"] for arm in _result(run_dir)["arms"] if arm["split"] == "test"}


def test_every_arm_is_asked_in_the_same_words(finished_run: ToyRun) -> None:
    assert len(set(_wordings(finished_run(task="staged-parity")).values())) == 1


def test_with_prompts_of_its_own_each_stage_is_asked_and_trained_in_its_words(finished_run: ToyRun) -> None:
    run_dir = finished_run("run.prompts=separate", task="staged-parity")
    wordings = _wordings(run_dir)
    assert len(set(wordings.values())) == len(wordings)
    for arm in TRAINED:
        for row in files.read_lines(run_dir / "examples" / f"{arm}.jsonl"):
            assert row["prompt"][0]["text"].startswith(f"{arm}: EVEN or ODD?")
    checks = {check["id"]: check["weight"] for check in files.read(run_dir / "audit.json")["checks"]}
    assert checks["prompt-mismatch"] == "block"
    assert problems_of(run_dir) == []


def test_a_task_with_one_wording_cannot_be_put_in_others(toy_run: ToyRun, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="prompts = separate: task 'parity' has one wording for all stages"):
        toy_run("run.prompts=separate")
    assert not (tmp_path / "run").exists()


# Plugins


def test_what_a_plugin_breaks_while_the_result_is_written_is_one_line(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Rule.work

    def broken(rule: Rule, problem: Problem) -> Worked:
        if problem.id == "test/0011":  # beyond what is looked at beforehand
            raise ValueError("no such number")
        return work(rule, problem)

    monkeypatch.setattr(Rule, "work", broken)
    with pytest.raises(
        HarnessError,
        match=r"^task 'parity' \(harness-toys 1.0, tests.toys\) failed in work: ValueError: no such number",
    ):
        toy_run(stages=("teacher-base",))


def test_a_verifier_may_answer_with_what_is_as_good_as_yes(toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch) -> None:
    check = ParityVerifier.check
    monkeypatch.setattr(ParityVerifier, "check", lambda *given: np.bool_(check(*given)))
    assert _result(toy_run(stages=("teacher-base",)))["arms"][0]["correct"] == 8


def test_a_trainer_may_leave_folders_and_all_that_is_in_them_is_kept(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ToyTrainer.train

    def with_checkpoint(self: ToyTrainer, *given: Any) -> TrainingReport:
        (given[3] / "checkpoint-10").mkdir()
        (given[3] / "checkpoint-10" / "state").write_text("half way")
        return train(self, *given)

    monkeypatch.setattr(ToyTrainer, "train", with_checkpoint)
    run_dir = toy_run(stages=("bootstrap", "student-lora"))
    run.resume(run_dir, Observers([]))
    (run_dir / "adapters" / "student-lora" / "checkpoint-10" / "state").write_text("other")
    with pytest.raises(JournalError, match="checkpoint-10/state is not the one that was trained"):
        run.resume(run_dir, Observers([]))


# Students that cannot be probed


def test_what_a_student_that_cannot_be_probed_was_taught_is_told_by_its_replies(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(ToyStudent, "probe")
    run_dir = toy_run(stages=("student-base", "bootstrap", "student-lora"))
    (training,) = _result(run_dir)["training"]
    assert training["logit_change"] is None
    texts = {(row["arm"], row["problem"]): row["text_sha256"] for row in files.read_lines(run_dir / "items.jsonl")}
    tested = [f"test/{index:04}" for index in range(12)]
    changed = sum(texts["student-base", each] != texts["student-lora", each] for each in tested)
    assert training["replies_changed"] == {"n": 12, "changed": changed}
    assert b'"key":"probe/' not in (run_dir / "journal.jsonl").read_bytes()
    assert problems_of(run_dir) == []
    (found,) = (check for check in files.read(run_dir / "audit.json")["checks"] if check["id"] == "adapter")
    assert found["findings"][0]["text"].endswith(f"{changed} of 12 replies differ from the base's")
    assert found["status"] == "pass"


def test_replies_that_changed_are_counted_again(toy_run: ToyRun) -> None:
    run_dir = toy_run(stages=("student-base", "bootstrap", "student-lora"))
    result = _result(run_dir)
    result["training"][0]["replies_changed"]["changed"] += 1
    (run_dir / "result.json").write_text(files.pretty(result))
    assert any(what.startswith("training[0].replies_changed.changed: says") for what in problems_of(run_dir))


def test_nothing_is_known_of_replies_where_the_base_did_not_answer(toy_run: ToyRun) -> None:
    run_dir = toy_run(stages=("bootstrap", "student-lora"))
    assert _result(run_dir)["training"][0]["replies_changed"] is None


def test_a_student_that_is_told_is_trained_as_it_will_be_asked(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = Arm("both", "student", "variant", "told and trained", strategy=True, recipe="worked")
    monkeypatch.setattr(toys, "BRIEF", replace(toys.BRIEF, arms=(*toys.BRIEF.arms, both)))
    run_dir = toy_run(design="brief")
    prompts = {
        name: {files.canonical(row["prompt"]) for row in files.read_lines(run_dir / f"examples/{name}.jsonl")}
        for name in ("both", "after")
    }
    assert all(GOOD in prompt for prompt in prompts["both"])
    assert not any(GOOD in prompt for prompt in prompts["after"])
