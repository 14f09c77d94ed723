"""A result that was changed with all its digests made to fit: what the journal beside it still tells."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.audit import audit, runs
from harness.boundary import files
from harness.design.transfer import TRANSFER
from harness.journal import keys
from harness.journal.encoding import Record
from harness.journal.store import ReadOnlyJournal
from harness.measures import accounts, contrasts, problem_sets, scores
from harness.measures.problems import shortcuts
from harness.results.checking import recorded, validation
from tests.conftest import ToyRun
from tests.harness.audit.journal import reseal
from tests.toys import Parity, Rule

Row = dict[str, Any]


class Forger:
    """A run directory whose rows can be changed so that everything in it but the journal agrees again."""

    def __init__(self, run_dir: Path) -> None:
        self.run_dir = run_dir
        self.result: Row = files.read(run_dir / "result.json")
        self.rows: dict[str, list[Row]] = {
            name: files.read_lines(run_dir / name) for name in self.result["files"] if name.endswith(".jsonl")
        }

    @property
    def items(self) -> list[Row]:
        return self.rows["items.jsonl"]

    @property
    def problems(self) -> list[Row]:
        return self.rows["problems.jsonl"]

    @property
    def plan(self) -> Row:
        plan: Row = self.result["plan"]
        return plan

    def keep(self, name: str, wanted: Callable[[Row], bool]) -> None:
        self.rows[name] = [row for row in self.rows[name] if wanted(row)]

    def seal(self) -> list[str]:
        """Recomputes all that follows from rows and plan, writes it, and gives what validation finds."""
        result, plan = self.result, self.plan
        for name, rows in self.rows.items():
            (self.run_dir / name).write_text(files.lines(rows))
            result["files"][name] = files.file_digest(self.run_dir / name)
        (self.run_dir / "plan.json").write_text(files.pretty(plan))
        ruled = shortcuts.ruled(self.problems, result["labels"])
        result |= {
            "plan_sha256": files.digest(plan),
            "simulated": [f"{kind} {one['name']}" for kind, one in plan["plugins"].items() if one["simulated"]],
            "problems": problem_sets.problem_sets(ruled),
            "overlaps": problem_sets.overlaps(self.problems),
            "arms": scores.arms(self.items, ruled, result["labels"], TRANSFER),
            "contrasts": contrasts.contrasts(self.items, TRANSFER, plan["margin"]),
            "transfer": contrasts.transfer(self.items, TRANSFER),
        }
        measured = {row["stage"]: row for row in accounts.answer_accounts(self.items, TRANSFER)}
        result["teacher_calls"] = [
            measured.get(row["stage"], row) if row["purpose"] == "solve" and row["stage"] != "bootstrap" else row
            for row in result["teacher_calls"]
            if row["purpose"] != "solve" or row["stage"] == "bootstrap" or row["stage"] in measured
        ]
        (self.run_dir / "result.json").write_text(files.pretty(result))
        return validation.problems_of(self.run_dir)


@pytest.fixture
def forger(finished_run: ToyRun, monkeypatch: pytest.MonkeyPatch) -> Forger:
    monkeypatch.setattr(Parity, "rules", (*Parity.rules, Rule("lucky", "Say what brings luck.", True)))
    return Forger(finished_run(toys="with a rule more"))


def _unsimulated(forger: Forger) -> None:
    forger.plan["plugins"]["teacher"]["simulated"] = False


def _renamed_teacher(forger: Forger) -> None:
    forger.result["identities"]["teacher"]["model"] = "claude-opus"
    for row in forger.items:
        if row["model"] == "toy-1":
            row["model"] = "claude-opus"


def _renamed_teacher_alone(forger: Forger) -> None:
    forger.result["identities"]["teacher"]["model"] = "claude-opus"


def _doubled_margin(forger: Forger) -> None:
    forger.plan["margin"] *= 2


def _dropped_arm(forger: Forger) -> None:
    forger.keep("items.jsonl", lambda row: row["arm"] != "student-prompted")
    forger.plan["stages"].remove("student-prompted")


def _dropped_items(forger: Forger) -> None:
    forger.keep("items.jsonl", lambda row: row["arm"] != "student-prompted")


def _dropped_missed(forger: Forger) -> None:
    missed = {row["problem"] for row in forger.items if row["arm"] == "teacher-base" and not row["correct"]}
    forger.keep("items.jsonl", lambda row: row["problem"] not in missed)
    forger.keep("problems.jsonl", lambda row: row["id"] not in missed)


def _made_right(forger: Forger) -> None:
    for row in forger.items:
        if row["arm"] == "student-base" and row["outcome"]["kind"] == "answered":
            row["outcome"]["label"], row["correct"] = row["truth"], True


def _blanks_made_right(forger: Forger) -> None:
    for row in forger.items:
        if row["arm"] == "student-base" and row["split"] == "test":
            row["outcome"], row["correct"] = {"kind": "answered", "label": row["truth"]}, True


def _rewritten_truths(forger: Forger) -> None:
    said = {row["problem"]: row["outcome"].get("label") for row in forger.items if row["arm"] == "teacher-base"}
    for row in forger.problems:
        if row["split"] == "test":
            row["truth"] = said[row["id"]]
            for answer in row["trivial"].values():
                answer["correct"] = answer["label"] == row["truth"]
    truths = {row["id"]: row["truth"] for row in forger.problems}
    for row in forger.items:
        row["truth"] = truths[row["problem"]]
        row["correct"] = row["outcome"].get("label") == row["truth"]


def _without_rules(forger: Forger) -> None:
    for row in forger.problems:
        row["trivial"].pop("lucky", None)


def _other_data(forger: Forger) -> None:
    forger.problems[0]["data"] = {"number": 4711}
    forger.problems[0]["canonical"] = "4711"


def _rewritten_rows(forger: Forger) -> None:
    for row in forger.rows["examples/student-lora.jsonl"]:
        row["target"] = "so much better"


def _other_solutions(forger: Forger) -> None:
    for row in forger.rows["thoughts.jsonl"]:
        if row["arm"] == "demonstrations/learned":
            row["text"] = "so EVEN"


def _cheaper(forger: Forger) -> None:
    for row in forger.items:
        if row["cost_usd"]:
            row["cost_usd"] = 0.0


def _fewer_tokens(forger: Forger) -> None:
    for row in forger.items:
        row["usage"]["output_tokens"] = 1


def _other_steps(forger: Forger) -> None:
    for row in forger.items:
        if row["steps"]:
            row["steps"]["claimed"] = row["steps"]["true"]


def _learned_more(forger: Forger) -> None:
    forger.result["learning"]["strategies"][0]["text"] = "Think twice."


def _no_demonstration_cost(forger: Forger) -> None:
    for row in forger.result["teacher_calls"]:
        if row["purpose"] == "demonstrate":
            row["cost_usd"] = 0.0


def _other_prompts(forger: Forger) -> None:
    for row in forger.items:
        row["wording_sha256"] = "0" * 64


def _other_sources(forger: Forger) -> None:
    forger.result["sources"]["task"] = "0" * 64


RESULT_ALONE = (_without_rules, _other_data, _cheaper, _other_steps, _learned_more, _no_demonstration_cost)
"""What only who knows the task can see, or that another result was noted."""
FORGERIES = (
    *RESULT_ALONE,
    *(_unsimulated, _renamed_teacher, _renamed_teacher_alone, _doubled_margin, _dropped_arm, _dropped_items),
    *(_dropped_missed, _made_right, _blanks_made_right, _rewritten_truths, _rewritten_rows, _other_solutions),
    *(_fewer_tokens, _other_prompts, _other_sources),
)


def test_what_was_sealed_without_a_change_is_valid(forger: Forger) -> None:
    assert forger.seal() == []


@pytest.mark.parametrize("forge", FORGERIES)
def test_a_result_that_was_changed_in_agreement_with_itself_is_found_and_blocks(
    forger: Forger, forge: Callable[[Forger], None]
) -> None:
    forge(forger)
    found = forger.seal()
    assert found
    assert not any(isinstance(what, recorded.Unchecked) for what in found)
    (check,) = (row for row in audit(*runs.read(forger.run_dir))["checks"] if row["id"] == "recompute")
    assert (check["status"], check["weight"]) == ("fail", "block")


def _resealed(forger: Forger) -> None:
    """Makes the journal note the result as it is now, as who made the record agree could."""
    path = forger.run_dir / "journal.jsonl"
    with_result = []
    journal = ReadOnlyJournal(path)
    for record in journal.records:
        if not record.key.startswith(keys.RESULTS):
            with_result.append(record)
    journal.close()
    digest = files.digest(forger.result)
    reseal(path, [*with_result, Record(keys.result(digest), {"input": ""}, digest, final=True)])


@pytest.mark.parametrize("forge", FORGERIES)
def test_it_is_found_though_the_journal_was_made_to_note_the_changed_result(
    forger: Forger, forge: Callable[[Forger], None]
) -> None:
    forge(forger)
    forger.seal()
    _resealed(forger)
    assert validation.problems_of(forger.run_dir)


def test_a_row_that_is_not_its_reply_is_named_with_both_readings(forger: Forger) -> None:
    row = next(row for row in forger.items if row["arm"] == "teacher-base" and not row["correct"])
    row["outcome"]["label"], row["correct"] = row["truth"], True
    forger.seal()
    _resealed(forger)
    line = forger.items.index(row) + 1
    assert validation.problems_of(forger.run_dir)[0] == (
        f"items.jsonl: line {line}: correct: says True, plan and journal give False"
    )


def test_rows_that_an_adapter_was_not_trained_on_are_told_as_such(forger: Forger) -> None:
    _rewritten_rows(forger)
    assert "examples/student-lora.jsonl: is not what the adapter was trained with" in forger.seal()


@pytest.mark.parametrize("name", ["journal.jsonl", "adapters/student-lora/adapter_model.safetensors", "plan.json"])
def test_what_is_missing_is_not_known_and_blocks(finished_run: ToyRun, name: str) -> None:
    run_dir = finished_run()
    (run_dir / name).unlink()
    (problem,) = validation.problems_of(run_dir)
    assert problem.startswith(f"{name}: is not beside the result, so ")
    (check,) = (row for row in audit(*runs.read(run_dir))["checks"] if row["id"] == "recompute")
    assert (check["status"], check["weight"]) == ("unknown", "block")


def test_a_journal_that_ends_before_the_result_does_not_vouch_for_it(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    journal = run_dir / "journal.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    (problem,) = validation.problems_of(run_dir)
    assert problem == "journal.jsonl: does not say which result was written; resume the run to its end"


def test_the_journal_of_another_run_is_not_taken_for_its_own(finished_run: ToyRun) -> None:
    run_dir, other = finished_run(), finished_run(out="other", seed=7)
    shutil.copy(other / "journal.jsonl", run_dir / "journal.jsonl")
    assert validation.problems_of(run_dir)[0] == "plan: is not the one that the journal was begun with"


def test_a_plugin_with_another_source_reads_nothing_again_and_that_is_told_but_no_fault(
    finished_run: ToyRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_dir = finished_run()
    monkeypatch.setattr("harness.registry.sources.digest", lambda *_: "0" * 64)
    assert validation.problems_of(run_dir) == []
    (unread,) = validation.held(run_dir)
    assert isinstance(unread, recorded.Unread)
    assert "the replies were not read again: the source of " in unread
    assert "task 'parity' (harness-toys 1.0, tests.toys)" in unread
    (check,) = (row for row in audit(*runs.read(run_dir))["checks"] if row["id"] == "recompute")
    assert (check["status"], check["weight"]) == ("unknown", "warn")


def test_a_plugin_that_is_gone_is_told_but_no_fault(finished_run: ToyRun, toy_site: Path) -> None:
    run_dir = finished_run()
    shutil.rmtree(toy_site / "harness_toys-1.0.dist-info")
    assert validation.problems_of(run_dir) == []
    (unread,) = validation.held(run_dir)
    assert unread.startswith("the replies were not read again: no task named 'parity'")


def test_reading_again_calls_nobody(toy_run: ToyRun, tmp_path: Path) -> None:
    marker = tmp_path / "effects"
    run_dir = toy_run(*(f"{kind}.marker={marker}" for kind in ("teacher", "student", "trainer")))
    effects = marker.read_text()
    assert validation.held(run_dir) == []
    assert marker.read_text() == effects


@pytest.mark.parametrize(
    "options",
    [
        {"stages": ("teacher-base",)},
        {"stages": ("student-base", "teacher-base"), "limit": 5},
        {"training_seeds": 2},
        {"controls": "all"},
        {"task": "staged-parity", "preset": "solver"},
    ],
)
def test_every_kind_of_honest_run_is_what_its_journal_gives(finished_run: ToyRun, options: Row) -> None:
    assert validation.held(finished_run(**options)) == []


@pytest.mark.parametrize("trouble", ["fail", "refuse", "cut"])
def test_so_is_a_run_whose_calls_gave_no_answer(finished_run: ToyRun, trouble: str) -> None:
    run_dir = finished_run(f"teacher.trouble={trouble}", stages=("teacher-base",), accept_unreadable=True)
    assert validation.held(run_dir) == []
