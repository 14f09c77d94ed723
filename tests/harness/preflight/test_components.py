from __future__ import annotations

from dataclasses import fields
from typing import Any, get_type_hints

import pytest

from harness import api, run
from harness.design.plan import UserSettings
from harness.preflight.components import Components
from tests import toys

OPTIONAL = [
    each
    for each in (getattr(api, name) for name in api.__all__)
    if getattr(each, "_is_runtime_protocol", False) and each is not api.LocalModel
]
"""What the harness asks of plugins besides. A local model is asked by trainers alone, who get the student bare."""
MADE = (toys.Parity, toys.ParityVerifier, toys.ToyTeacher, toys.ToyReflection, toys.ToyStudent, toys.ToyTrainer)


def _assembled() -> Components:
    return run.prepare(UserSettings(toys.CHOSEN))[1]


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("optional", OPTIONAL, ids=lambda each: each.__name__)
def test_what_a_plugin_can_do_besides_reaches_the_harness(monkeypatch: pytest.MonkeyPatch, optional: Any) -> None:
    def held(components: Components) -> list[str]:
        return [each.name for each in fields(components) if isinstance(getattr(components, each.name), optional)]

    before = held(_assembled())
    for part in MADE:
        for name in (name for name in vars(optional) if not name.startswith("_")):
            monkeypatch.setattr(part, name, lambda *_: None, raising=False)
    assert len(held(_assembled())) == 1
    assert before == []


@pytest.mark.usefixtures("toy_site")
def test_a_component_has_every_member_of_its_protocol() -> None:
    components, kinds = _assembled(), get_type_hints(Components)
    for kind in ("task", "verifier", "teacher", "student", "reflection", "trainer"):
        members = [name for name in vars(kinds[kind]) if not name.startswith("_")]
        assert members
        assert [name for name in members if not hasattr(getattr(components, kind), name)] == []
