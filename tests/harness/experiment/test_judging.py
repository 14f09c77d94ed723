from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.api import Answered, Completion, Failed, Refused, Stop, Truncated, Unparsed
from harness.experiment.judging import Asked, judge, score
from tests.toys import Parity, ParityVerifier

TASK = Parity(0)
PROBLEMS = TASK.problems("test", 20)


@given(st.text(), st.sampled_from(["EVEN", "ODD"]), st.sampled_from(["length", "refusal", "error"]))
def test_a_reply_that_did_not_end_by_itself_is_never_read(text: str, label: str, stop: Stop) -> None:
    outcome = judge(TASK, Completion("k", f"{text} {label}", stop, "m", error="Overloaded 529"))
    assert outcome == {"length": Truncated(), "refusal": Refused(), "error": Failed("Overloaded 529")}[stop]


@given(st.text())
def test_a_whole_reply_has_the_label_it_states_or_none(text: str) -> None:
    label = TASK.parse(text)
    assert judge(TASK, Completion("k", text, "end", "m")) == (Answered(label) if label else Unparsed())


@given(st.sampled_from(["end", "length", "refusal", "error"]), st.text())
def test_only_an_answer_can_be_right(stop: Stop, text: str) -> None:
    problem = PROBLEMS[0]
    truth = ParityVerifier().truth(problem)
    completion = Completion("k", text + " ODD", stop, "m")
    item = score("arm", TASK, ParityVerifier(), problem, truth, Asked((), ()), completion)
    assert item.correct == (stop == "end" and truth.label == "ODD")


def test_the_wording_is_what_was_sent_without_the_strategy() -> None:
    problem = PROBLEMS[0]
    truth, completion = ParityVerifier().truth(problem), Completion("k", "ODD", "end", "m")
    plain = TASK.prompt(problem, None)
    told, untold = (
        score("arm", TASK, ParityVerifier(), problem, truth, Asked(TASK.prompt(problem, strategy), plain), completion)
        for strategy in ("Look.", None)
    )
    assert told.wording_sha256 == untold.wording_sha256 == untold.prompt_sha256 != told.prompt_sha256
