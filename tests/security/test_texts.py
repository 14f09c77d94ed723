"""Hostile replies on their way through parsers, the terminal and every file of a run."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from harness import cli
from harness.api import Completion, Problem, Request, RunStarted, StageAdvanced, StageStarted, Usage
from harness.audit import EXIT_BLOCKED
from harness.boundary import files, folders
from harness.boundary.text import harmless, one_line, printable
from harness.cli import main
from harness.output.terminal.progress import PlainProgress
from harness.results.checking import validation
from harness_claude import replies
from harness_scheduling import parsing
from tests import hostile, toys
from tests.conftest import ToyRun
from tests.harness.output.report.pages import Page

TEXTS = list(hostile.TEXTS.values())
PASSES = 50
"""Calls of functions, built-in ones among them, that a parser may make for a text of any length."""
ADAPTER_CARD = "README.md"
"""The one name that others prescribe: the card of an adapter."""


def _calls(parser: Callable[[str], object], text: str) -> int:
    """How many functions a parser calls on a text."""
    made: list[str] = []
    sys.setprofile(lambda _frame, event, _about: made.append(event))
    try:
        parser(text)
    finally:
        sys.setprofile(None)
    return made.count("call") + made.count("c_call")


def test_there_are_enough_payloads_and_the_corpus_finds_what_it_is_about() -> None:
    assert len(hostile.TEXTS) + len(hostile.LARGE) >= 60
    assert hostile.on_terminal("\x1b\u202e\r\x9b") == ["\x1b", "\u202e", "\r", "\x9b"]
    assert hostile.on_terminal("plain text, é, 中\nand a line") == []


@pytest.mark.parametrize("name", hostile.LARGE)
@pytest.mark.parametrize("parser", [parsing.parse, parsing.claimed_peak])
def test_a_parser_goes_over_a_megabyte_a_few_times_at_most(parser: Callable[[str], object], name: str) -> None:
    assert _calls(parser, hostile.LARGE[name]) <= PASSES


@pytest.mark.parametrize("name", hostile.LARGE)
def test_a_megabyte_comes_through_as_text(name: str) -> None:
    text = hostile.LARGE[name]
    assert one_line(text).isprintable()
    assert printable(text).replace("\n", "").isprintable()


@pytest.mark.parametrize("name", hostile.LARGE)
def test_a_body_of_a_megabyte_is_a_message_or_refused(name: str) -> None:
    with pytest.raises(replies.MalformedError):
        replies.read(replies.parse(hostile.LARGE[name].encode("utf-8", "replace")), "key")


@given(st.text(st.characters(exclude_categories=())) | st.sampled_from(TEXTS))
def test_nothing_that_a_terminal_acts_on_comes_through(text: str) -> None:
    assert hostile.on_terminal(printable(text)) == []
    assert hostile.on_terminal(one_line(text)) == []
    assert "\n" not in one_line(text)


@pytest.mark.parametrize("text", TEXTS)
def test_progress_shows_no_more_than_text(text: str) -> None:
    stream = io.StringIO()
    progress = PlainProgress(stream, iter(range(0, 1000, 100)).__next__)
    progress.harness_run_started(RunStarted(Path(text.replace("\0", "")), (text,), (text,), text, (text,)))
    progress.harness_stage_started(StageStarted(text, text, text, 3))
    progress.harness_stage_advanced(StageAdvanced(text, 1, 3, text))
    progress.harness_stage_finished()
    assert hostile.on_terminal(stream.getvalue()) == []


def test_every_verb_prints_by_the_one_way_that_strips() -> None:
    folder = Path(cli.__file__).parent
    direct = {
        path.name: len(re.findall(r"click\.(?:secho|echo)\(|(?<!\w)print\(", path.read_text()))
        for path in folder.glob("*.py")
    }
    assert {name: count for name, count in direct.items() if count} == {"__init__.py": 1}


@pytest.fixture
def hostile_run(
    toy_site: Path,  # noqa: ARG001 - the plugins must be installed
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A whole run in which every reply of teacher and student, and every stratum, means harm."""
    monkeypatch.chdir(tmp_path)
    made = toys.Parity._problem

    def reply(_: object, request: Request, *rest: object) -> Completion:  # noqa: ARG001 - as teacher and student call it
        number = sum(map(ord, request.key))
        return Completion(request.key, f"{TEXTS[number % len(TEXTS)]}\nEVEN", "end", TEXTS[number % 7], Usage(3, 2))

    def problem(self: toys.Parity, split: str, base: int, index: int) -> Problem:
        plain = made(self, split, base, index)
        return Problem(plain.id, split, TEXTS[index % len(TEXTS)], plain.data, plain.canonical)

    monkeypatch.setattr(toys.ToyTeacher, "_reply", reply)
    monkeypatch.setattr(toys.ToyStudent, "_reply", reply)
    monkeypatch.setattr(toys.Parity, "_problem", problem)
    return tmp_path / "run"


def test_a_run_of_hostile_replies_leaves_text_and_nothing_else(hostile_run: Path) -> None:
    plugins = [f"--{kind}={'parity' if kind == 'task' else 'toy'}" for kind in ("task", "teacher", "student")]
    more = [
        "--reflection=toy",
        "--trainer=toy",
        "--preset=small",
        "-o",
        "sizes.test=40",
        "-o",
        "sizes.skills=0",
        "--out",
        "run",
    ]
    around = set(hostile_run.parent.iterdir())
    done = CliRunner().invoke(main, ["run", *plugins, *more])
    assert done.exit_code == EXIT_BLOCKED, done.output
    assert hostile.on_terminal(done.output) == []
    assert set(hostile_run.parent.iterdir()) - around == {hostile_run}
    assert hostile.MARK not in os.environ
    names = [path.relative_to(hostile_run) for path in hostile_run.rglob("*")]
    assert all(folders.NAME.fullmatch(part) for name in names for part in name.parts if part != ADAPTER_CARD)
    replied = {row["text"].removesuffix("\nEVEN") for row in files.read_lines(hostile_run / "thoughts.jsonl")}
    assert len(replied & set(TEXTS)) > 40
    checked = CliRunner().invoke(main, ["validate", "run"])
    assert (checked.exit_code, hostile.on_terminal(checked.output)) == (0, [])
    assert CliRunner().invoke(main, ["replay", "run"]).exit_code == 0
    page = Page((hostile_run / "report.html").read_text())
    assert page.faults == []
    assert hostile.on_terminal("".join(page.texts).replace("\t", " ")) == []
    for verb in ("audit", "compare run", "report"):
        told = CliRunner().invoke(main, [*verb.split(), "run"])
        assert told.exit_code in (0, EXIT_BLOCKED), told.output
        assert hostile.on_terminal(told.output) == []


@pytest.mark.parametrize("number", range(0, len(TEXTS), 7))
def test_what_people_read_with_cat_holds_nothing_that_a_terminal_acts_on(
    toy_run: ToyRun, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    text = "\n".join(["\x1b[2J\u202eab\x9b31m\ttab", *TEXTS[number : number + 7], toys.GOOD])
    text = text.encode("utf-8", "replace").decode()
    monkeypatch.setattr(toys, "GOOD", text)
    run_dir = toy_run(stages=("bootstrap", "teacher-strategy"))
    for name in ("journal.md", "strategy.md", "strategy-evolution.md", "strategy.txt"):
        written = (run_dir / name).read_bytes().decode()
        assert hostile.on_terminal(written.replace("\t", " ")) == [], name
        assert "tab" in written
    again = toy_run(out="again", stages=("teacher-strategy",), strategy_file=str(run_dir / "strategy.txt"))
    texts = [(path / "strategy.txt").read_bytes() for path in (run_dir, again)]
    assert texts[0] == texts[1]
    learned = files.read(run_dir / "result.json")["learning"]["learned"]
    assert files.read(again / "result.json")["learning"]["learned"] == learned.strip()
    prompts = [
        [row["prompt_sha256"] for row in files.read_lines(path / "items.jsonl") if row["arm"] == "teacher-strategy"]
        for path in (run_dir, again)
    ]
    assert prompts[0] == prompts[1] or learned != learned.strip()
    assert validation.held(run_dir) == []


def test_a_strategy_that_was_given_with_escapes_is_used_without_them(toy_run: ToyRun, tmp_path: Path) -> None:
    given = tmp_path / "given.txt"
    given.write_text("Look \x1b[31mclosely\x9b.\r\n\tTwice.\n")
    run_dir = toy_run(stages=("teacher-strategy",), strategy_file=str(given))
    assert (run_dir / "strategy.txt").read_text() == "Look [31mclosely.\n\tTwice.\n"
    assert files.read(run_dir / "plan.json")["strategy"] == "Look [31mclosely.\n\tTwice."


@given(st.text(st.characters(codec="utf-8")) | st.sampled_from(TEXTS))
def test_text_for_people_to_read_is_harmless_once_and_for_all(text: str) -> None:
    made = harmless(text)
    assert hostile.on_terminal(made.replace("\t", " ")) == []
    assert harmless(made) == made
    assert made == text or not all(char.isprintable() or char in "\n\t" for char in text)


def test_a_reply_cannot_leave_its_fence_in_a_readable_file(hostile_run: Path) -> None:
    from harness.results.markdown import fenced

    assert not hostile_run.exists()
    for text in TEXTS:
        opening, *inner, closing = fenced(text).split("\n")
        assert opening == f"{closing}text"
        assert not any(line.strip().startswith(closing) for line in inner)
