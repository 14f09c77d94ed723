"""A trainer of another kind of adapter works through the public protocol of local models, from plan to audit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.boundary import files
from harness.results.checking.validation import problems_of
from tests import ia3
from tests.conftest import ToyRun


@pytest.fixture
def ia3_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer, installed."""
    info = tmp_path / "ia3-site" / "harness_ia3-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: harness-ia3\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ia3.ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(info.parent))


@pytest.mark.usefixtures("ia3_site")
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")
def test_a_trainer_of_a_third_party_trains_a_local_student_that_it_knows_by_the_interface_alone(
    toy_run: ToyRun,
) -> None:
    run_dir = toy_run(student="qwen-tiny", trainer="ia3", stages=("student-base", "bootstrap", "student-lora"))
    result = files.read(run_dir / "result.json")
    (training,) = result["training"]
    assert training["logit_change"] > 0.01
    assert training["losses"][1] < training["losses"][0]
    assert result["identities"]["trainer"]["method"] == "ia3"
    config = json.loads((run_dir / "adapters" / "student-lora" / "adapter_config.json").read_text())
    assert config["peft_type"] == "IA3"
    assert "LoRA" not in (run_dir / "adapters" / "student-lora" / "README.md").read_text()
    assert "LoRA" not in (run_dir / "report.html").read_text()
    assert problems_of(run_dir) == []
