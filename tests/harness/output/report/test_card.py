from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import EvalResult, ModelCard
from markdown_it import MarkdownIt

from harness.audit import audit
from harness.measures import formatting
from harness.output import report
from harness.output.report import card
from tests.harness.output.report.hostile import PAYLOADS, poisoned
from tests.harness.output.report.pages import audited, complete

Data = dict[str, Any]
THEIRS = """---
library_name: peft
license: apache-2.0
datasets: []
tags:
- lora
- theirs
---

# What the trainer says

## Results

<!-- results -->
Not written into this card.
<!-- end of results -->

The end.
"""


@pytest.fixture(scope="module")
def made() -> tuple[Data, Data]:
    """A result whose base model is on the Hub, and its audit."""
    result = complete()
    result["identities"]["student"] |= {"model": "Qwen/Qwen2.5-1.5B-Instruct", "revision": "0" * 40}
    return audited(result)


def _front(text: str) -> Data:
    """The front matter as the Hub's own library reads it."""
    return dict(ModelCard(text).data.to_dict())  # type: ignore[no-untyped-call]


def _evaluations(text: str) -> list[EvalResult]:
    """The scores that it finds there."""
    return vars(ModelCard(text).data).get("eval_results") or []


def test_the_hub_reads_what_the_card_says(made: tuple[Data, Data]) -> None:
    result, checked = made
    training = result["training"][0]
    text = card.card(result, checked, training)
    front = _front(text)
    assert front["base_model"] == "Qwen/Qwen2.5-1.5B-Instruct"
    assert "library_name" not in front  # whatever trained it, no library is known to load it
    assert set(front["tags"]) == {"transfer-harness", "simulated"}
    measured = [arm for arm in result["arms"] if card_of(arm, training)]
    found = _evaluations(text)
    assert [(each.dataset_split, each.metric_type, each.metric_value) for each in found] == [
        (arm["split"], "accuracy", arm["accuracy"]["value"]) for arm in measured
    ]
    assert len(found) == 3


def card_of(arm: Data, training: Data) -> bool:
    """Whether an arm was measured with this adapter."""
    return all(arm[name] == training[name] for name in ("arm", "training_seed"))


def test_no_accuracy_stands_without_n_interval_trivial_score_and_blank_replies(made: tuple[Data, Data]) -> None:
    result, checked = made
    for training in result["training"]:
        text = card.card(result, checked, training)
        evaluations = {each.dataset_split: str(each.metric_name) for each in _evaluations(text)}
        for arm in filter(lambda arm: card_of(arm, training), result["arms"]):
            told = [
                str(arm["n"]),
                formatting.share(arm["accuracy"]),
                formatting.trivial(arm["best_trivial"]),
                formatting.blank(arm),
            ]
            n, share, rule, blank = told
            assert f"| `{arm['split']}` | {n} | {share} | `{rule}` | {blank} |" in text
            assert all(part in evaluations[arm["split"]] for part in told)


def test_the_card_tells_contrasts_audit_training_and_what_was_simulated(made: tuple[Data, Data]) -> None:
    result, checked = made
    training = next(each for each in result["training"] if each["arm"] == "lora-naive")
    text = card.card(result, checked, training)
    (contrast,) = (entry for entry in result["contrasts"] if entry["second"] == "lora-naive")
    assert (
        f"| student-lora - lora-naive | `test` | {contrast['n']} | {formatting.points(contrast['difference'])} |"
        in text
    )
    assert "lora-labels" not in text.split("The audit of the whole run")[0]
    assert "audit: clean" in text
    assert f"claim {checked['claims']['rung']} of 6" in text
    assert "**SIMULATED:** `teacher toy`" in text
    assert "It is a control" in text
    assert "mean loss of each epoch: 0.7000, 0.2000, 0.1000" in text
    assert training["adapter_sha256"] in text


def test_a_blocked_audit_leaves_no_score_in_a_card(made: tuple[Data, Data]) -> None:
    result, _ = made
    blocked = audit(result, None)
    assert blocked["verdict"] == "blocked"
    text = card.card(result, blocked, result["training"][0])
    assert "BLOCKED" in text
    assert not _evaluations(text)
    assert "metrics" not in _front(text)
    shares = [formatting.percent(arm["accuracy"]["value"]) for arm in result["arms"] if arm["arm"] == "student-lora"]
    assert not any(share in text for share in shares)


@pytest.mark.parametrize("model", ["qwen-tiny", "/models/weights", "a/b/c", "", None])
def test_a_base_model_that_is_not_on_the_hub_is_told_in_the_text_alone(model: str | None) -> None:
    result = complete()
    result["identities"]["student"] = {"model": model} if model is not None else None
    text = card.card(*audited(result), result["training"][0])
    assert "base_model" not in _front(text)
    assert f"- base model: {f'`{model}`' if model else 'not known'}" in text


def test_results_are_put_into_a_card_of_the_trainer_whose_own_words_stay(made: tuple[Data, Data]) -> None:
    result, checked = made
    text = card.completed(THEIRS, result, checked, result["training"][0])
    front = _front(text)
    assert front["license"] == "apache-2.0"
    assert front["tags"] == ["lora", "theirs", "transfer-harness", "simulated"]
    assert front["base_model"] == "Qwen/Qwen2.5-1.5B-Instruct"
    assert len(_evaluations(text)) == 3
    assert text.index("# What the trainer says") < text.index("| `test` |") < text.index("The end.")
    assert "Not written into this card." not in text


def test_a_card_that_is_completed_again_stays_the_same_and_drops_what_no_longer_holds(made: tuple[Data, Data]) -> None:
    result, checked = made
    once = card.completed(THEIRS, result, checked, result["training"][0])
    assert card.completed(once, result, checked, result["training"][0]) == once
    blocked = card.completed(once, result, audit(result, None), result["training"][0])
    assert not _evaluations(blocked)
    assert "metrics" not in _front(blocked)
    assert "BLOCKED" in blocked


@pytest.mark.parametrize("front", ["---\na: [\n---\n", "---\n- a list\n---\n", "---\ntags: 3\n---\n"])
def test_a_card_whose_front_matter_is_broken_is_replaced(made: tuple[Data, Data], front: str) -> None:
    result, checked = made
    written = f"{front}\n<!-- results -->\n<!-- end of results -->\n"
    training = result["training"][0]
    assert card.completed(written, result, checked, training) == card.card(result, checked, training)


@pytest.mark.parametrize("payload", [payload for payload in PAYLOADS if payload])
def test_hostile_text_cannot_leave_its_place(made: tuple[Data, Data], payload: str) -> None:
    result, checked = made
    training = result["training"][0]
    sound = card.card(result, checked, training)
    kept = {name: result[name] for name in ("contrasts", "problems", "training")}
    rule = {"rule": payload, "correct": 1, "accuracy": 0.5}
    arms = [arm | {"split": payload, "best_trivial": rule} for arm in result["arms"]]
    told = {**checked, "simulated": [payload], "result_sha256": payload}
    text = card.card(poisoned(result, payload, keys=False) | kept | {"arms": arms}, told, training)
    assert payload not in sound
    assert _shape(text) == _shape(sound)
    assert set(_front(text)) <= set(_front(sound))
    assert not set(text) & {"\x1b", "\x00", "\u202e", "\u2066", "\ufeff"}


def _shape(text: str) -> list[str]:
    """What a Markdown parser sees beside plain words, in order."""
    found = []
    for token in MarkdownIt("commonmark").enable("table").parse(text.split("---\n", 2)[2]):
        inner = [child.type for child in token.children or () if child.type not in ("text", "softbreak")]
        found += [token.type + token.tag, *inner]
    return found


def _folder(run_dir: Path, name: str) -> Path:
    folder = run_dir / "adapters" / name
    folder.mkdir(parents=True)
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return folder


def test_each_adapter_has_its_card_and_keeps_its_weights(tmp_path: Path, made: tuple[Data, Data]) -> None:
    result, checked = made
    first, second = sorted({each["training_seed"] for each in result["training"]})
    one, other = _folder(tmp_path, "student-lora"), _folder(tmp_path, f"student-lora.{second}")
    report.write(tmp_path, result, checked)
    assert f"# Adapter student-lora, seed {first}" in (one / "README.md").read_text()
    assert f"# Adapter student-lora, seed {second}" in (other / "README.md").read_text()
    assert {path.name for path in one.iterdir()} == {"README.md", "adapter_model.safetensors"}
    assert (one / "adapter_model.safetensors").read_bytes() == b"weights"
    assert {path.name for path in (tmp_path / "adapters").iterdir()} == {one.name, other.name}


def test_nothing_is_written_outside_the_run_directory(tmp_path: Path, made: tuple[Data, Data]) -> None:
    result, checked = made
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    run_dir = tmp_path / "run"
    (run_dir / "adapters").mkdir(parents=True)
    (run_dir / "adapters" / "student-lora").symlink_to(elsewhere)
    report.write(run_dir, result, checked)
    assert not list(elsewhere.iterdir())


def test_what_a_link_points_at_is_neither_read_nor_changed(tmp_path: Path, made: tuple[Data, Data]) -> None:
    result, checked = made
    foreign = tmp_path / "foreign.md"
    foreign.write_text(THEIRS)
    folder = _folder(tmp_path / "run", "student-lora")
    (folder / "README.md").symlink_to(foreign)
    report.write(tmp_path / "run", result, checked)
    assert foreign.read_text() == THEIRS
    assert "What the trainer says" not in (folder / "README.md").read_text()
