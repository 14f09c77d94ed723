from __future__ import annotations

from harness.boundary import files
from harness.output.terminal import costs
from tests.conftest import ToyRun


def test_the_terminal_tells_calls_tokens_and_cost(finished_run: ToyRun) -> None:
    run_dir = finished_run()
    text = costs.text(files.read(run_dir / "result.json"), files.read(run_dir / "run_meta.json"))
    assert text.startswith("teacher: 49 calls, 490 tokens in, 245 out (0 thinking), 0.0010 USD")
    assert "  teacher-base     solve           12 calls     0.0002 USD" in text
    assert max(map(len, text.splitlines())) <= 80
