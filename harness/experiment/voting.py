"""What several arms answer together: the answer that most of them give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

from harness.api import Answered, Completion, Unparsed, Usage, Verifier
from harness.boundary import files
from harness.design.rules import majority
from harness.experiment.judging import Item, Trained


def counted(arm: str, verifier: Verifier, ballots: Sequence[Item]) -> Item:
    """The row of an arm that votes on one problem, by the rows of its members in their order.

    Its text is the label that won, its usage what all members took, and its adapter all of theirs.
    """
    first = ballots[0]
    label = majority([each.outcome.label if isinstance(each.outcome, Answered) else None for each in ballots])
    usages = [each.completion.usage for each in ballots]
    adapters = [each.adapter for each in ballots if each.adapter]
    tokens = {
        field.name: sum(getattr(usage, field.name) for usage in usages)
        for field in fields(Usage)
        if field.name != "batched"
    }
    return Item(
        arm=arm,
        problem=first.problem,
        truth=first.truth,
        outcome=Unparsed() if label is None else Answered(label),
        correct=label is not None and bool(verifier.check(first.problem, label)),
        steps=None,
        prompt_sha256=first.prompt_sha256,
        wording_sha256=first.wording_sha256,
        completion=Completion(first.completion.key, label or "", "end", first.completion.model, Usage(**tokens)),
        adapter=Trained(adapters[0].seed, files.digest([each.sha256 for each in adapters])) if adapters else None,
    )
