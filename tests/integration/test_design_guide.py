"""The guide to designs, followed to the letter: its files, installed with pip, make designs that run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from harness.api import Completion, Problem, Request, Usage
from harness.boundary import files
from tests import guides, toys
from tests.conftest import ToyRun

GUIDE = "write_a_design.md"
DESIGNS = ("harness_curriculum/before_after.py", "harness_curriculum/curriculum.py")
SIZES = ("sizes.test=120", "sizes.reflect=40", "sizes.train=40", "sizes.harder=0")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return guides.install(GUIDE, tmp_path_factory.mktemp("guide"))


@pytest.fixture
def of_guide(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its designs are at hand, with a toy task of as many odd numbers as even ones and a student that guesses first."""

    def problem(_: toys.Parity, split: str, base: int, index: int) -> Problem:
        number = 2 * (base + index) + index // 2 % 2
        return Problem(f"{split}/{index:04d}", split, "ALL", {"number": number}, str(number))

    def reply(_: toys.ToyStudent, request: Request, taught: bool) -> Completion:
        number = int(request.messages[-1].text)
        label = "ODD" if number % (2 if taught else 3) else "EVEN"
        return Completion(request.key, f"so {label}" if taught else label, "end", "toy-student", Usage(3, 2))

    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(toys.Parity, "_problem", problem)
    monkeypatch.setattr(toys.ToyStudent, "_reply", reply)


def test_the_guide_has_three_files() -> None:
    assert set(guides.files_of(GUIDE)) == {"pyproject.toml", *DESIGNS}


@pytest.mark.parametrize("name", DESIGNS)
def test_its_designs_import_the_interface_alone(name: str) -> None:
    imports = re.findall(r"^(?:from|import) (harness\S*)", guides.files_of(GUIDE)[name], re.MULTILINE)
    assert imports == ["harness.api"]


@pytest.mark.parametrize("name", DESIGNS)
def test_its_designs_are_shorter_than_60_lines(name: str) -> None:
    assert guides.files_of(GUIDE)[name].count("\n") < 60


@pytest.mark.usefixtures("of_guide")
@pytest.mark.parametrize(("design", "given"), [("before-after", ()), ("curriculum", ("design.rows=40",))])
def test_a_run_of_its_designs_has_a_clean_audit(toy_run: ToyRun, design: str, given: tuple[str, ...]) -> None:
    audit = files.read(toy_run(*SIZES, *given, design=design) / "audit.json")
    assert (audit["verdict"], audit["blocking"]) == ("clean", [])


@pytest.mark.usefixtures("of_guide")
def test_its_claim_is_judged_by_its_control_beside_the_ladder(toy_run: ToyRun) -> None:
    run_dir = toy_run(*SIZES, "design.rows=40", design="curriculum")
    (own,) = files.read(run_dir / "audit.json")["claims"]["own"]
    assert own["claim"] == "easy problems first do more than all at once"
    assert own["status"] == "not-shown"
    assert any(reason.startswith("in-order - at-once/test: +0.0 points") for reason in own["reasons"])


@pytest.mark.usefixtures("of_guide")
def test_its_control_is_trained_on_the_rows_of_both_trainings(toy_run: ToyRun) -> None:
    run_dir = toy_run(*SIZES, "design.rows=40", design="curriculum")
    rows = {path.stem: path.read_bytes() for path in (run_dir / "examples").iterdir()}
    assert rows["at-once"] == rows["first"] + rows["then"]
