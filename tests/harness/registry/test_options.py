from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from harness.api import TeacherSpec, UsageError
from harness.registry.options import describe, parse_assignment, resolve, validate


class Shade(Enum):
    DARK = "dark"
    LIGHT = "light"


class Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    max_tokens: int = Field(256, ge=1, le=4096, description="Longest reply\nin tokens.")
    rate: float = Field(0.5, gt=0, lt=1)
    note: str = "none"
    style: Literal["balanced", "published"] = "balanced"
    quick: bool = False
    stop: tuple[str, ...] = Field((), max_length=3)
    alpha: float | None = Field(None, gt=0)
    rank: int | Literal["auto"] = "auto"
    shade: Shade = Shade.DARK
    folder: Path = Path("here")
    levels: list[Annotated[int, Field(ge=2)]] = Field(default_factory=lambda: [2, 3])

    @field_validator("note")
    @classmethod
    def _no_shouting(cls, value: str) -> str:
        if value.isupper():
            raise ValueError("must not shout")
        return value

    @model_validator(mode="after")
    def _fits(self) -> Options:
        if self.quick and self.max_tokens > 1000:
            raise ValueError("quick needs max_tokens of at most 1000")
        return self


class Needy(BaseModel):
    model: str = Field(pattern="^[a-z]+$", min_length=2)


def spec_of(model: type[BaseModel]) -> TeacherSpec[Any]:
    return TeacherSpec(name="simulated", summary="", options=model, create=lambda *_: pytest.fail("created"))


def error_of(model: type[BaseModel] = Options, /, **values: object) -> str:
    with pytest.raises(UsageError) as caught:
        resolve(spec_of(model), values, "teacher")
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    return message


def test_an_assignment_has_section_name_and_value() -> None:
    assert parse_assignment("teacher.max_tokens=512") == ("teacher", "max_tokens", "512")
    assert parse_assignment("teacher.note = a=b ") == ("teacher", "note", "a=b")
    assert parse_assignment("student.model=") == ("student", "model", "")


@pytest.mark.parametrize("text", ["", "teacher", "teacher.max_tokens", "max_tokens=1", ".x=1", "teacher.=1", "=1\n"])
def test_a_malformed_assignment_says_what_is_expected(text: str) -> None:
    with pytest.raises(UsageError, match=r"^option '.*': expected SECTION\.NAME=VALUE, for example"):
        parse_assignment(text)


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zs", "Zl", "Zp"))))
def test_text_that_opens_no_bracket_or_quote_stays_as_it_is(text: str) -> None:
    value = "x" + text
    assert parse_assignment(f"a.b={value}") == ("a", "b", value)


@given(st.lists(st.integers(-(2**40), 2**40) | st.booleans()))
def test_an_array_is_read(values: list[int | bool]) -> None:
    assert parse_assignment(f"a.b={json.dumps(values)}")[2] == values


@pytest.mark.parametrize("text", ["[1, 2", '"open', '"a"\ny = 2', "[" * 5000])
def test_text_that_only_begins_like_toml_stays_text(text: str) -> None:
    assert parse_assignment(f"a.b={text}")[2] == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("max_tokens=512", 512),
        ("rate=1e-1", 0.1),
        ("note=12345678", "12345678"),
        ("note=1e5", "1e5"),
        ("note=true", "true"),
        ("note='quoted'", "quoted"),
        ("style=published", "published"),
        ("quick=true", True),
        ('stop=["a", "b"]', ("a", "b")),
        ("alpha=2", 2.0),
        ("rank=7", 7),
        ("rank=auto", "auto"),
        ("shade=light", Shade.LIGHT),
        ("folder=/tmp", Path("/tmp")),  # noqa: S108 - a value, never opened
    ],
)
def test_text_becomes_what_its_option_holds(text: str, value: object) -> None:
    _, name, given_value = parse_assignment(f"teacher.{text}")
    assert getattr(resolve(spec_of(Options), {name: given_value}, "teacher"), name) == value


def test_typed_values_and_defaults_are_kept() -> None:
    options = resolve(spec_of(Options), {"max_tokens": 3, "stop": ["x"]}, "teacher")
    assert options == Options.model_validate({"max_tokens": 3, "stop": ("x",)})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_tokens": 0}, "max_tokens: got 0, expected a value greater than or equal to 1"),
        ({"max_tokens": "many"}, "max_tokens: got 'many', expected a valid integer"),
        ({"max_tokens": 1.5}, "max_tokens: got 1.5, expected a valid integer"),
        ({"rate": "1"}, "rate: got '1', expected a value less than 1"),
        ({"style": "odd"}, "style: got 'odd', expected 'balanced' or 'published'"),
        ({"quick": "perhaps"}, "quick: got 'perhaps', expected a valid boolean"),
        ({"stop": 3}, "stop: got 3, expected a list"),
        ({"levels": "3,x"}, "levels.1: got 'x', expected a valid integer"),
        ({"stop": ["a", 1]}, "stop.1: got 1, expected a valid string"),
        ({"levels": [1, 0]}, "levels.0: got 1, expected a value greater than or equal to 2"),
        ({"rank": "x"}, "rank: got 'x', expected a valid integer or 'auto'"),
        ({"note": "LOUD"}, "note: got 'LOUD', must not shout"),
    ],
)
def test_a_value_that_does_not_fit_says_what_was_given_and_expected(values: dict[str, object], message: str) -> None:
    assert error_of(Options, **values) == f"option teacher.{message}"


def test_values_that_do_not_fit_together_say_why() -> None:
    assert error_of(quick=True, max_tokens=2000) == "options of teacher: quick needs max_tokens of at most 1000"


def test_a_long_value_is_cut() -> None:
    assert len(error_of(style="x" * 10_000)) < 200


def test_an_unknown_option_gets_a_suggestion_and_a_place_to_look() -> None:
    assert error_of(nte=1) == (
        "option teacher.nte: no such option; did you mean 'note'? see: harness plugin show teacher simulated"
    )
    assert error_of(zzz=1) == "option teacher.zzz: no such option; see: harness plugin show teacher simulated"


def test_an_unknown_option_is_refused_whatever_the_model_allows() -> None:
    class Lax(BaseModel):
        model_config = ConfigDict(extra="allow")

    assert "no such option" in error_of(Lax, anything=1)


def test_a_required_option_says_how_to_set_it() -> None:
    assert error_of(Needy) == ("option teacher.model: required, but not given; set it with -o teacher.model=VALUE")


def test_settings_of_no_plugin_are_checked_alike() -> None:
    assert validate(Needy, {"model": "qwen"}, "run") == Needy(model="qwen")
    with pytest.raises(UsageError, match=r"^option run\.modle: no such option; did you mean 'model'\? options: model$"):
        validate(Needy, {"modle": "qwen"}, "run")


def test_a_description_names_type_bounds_default_and_help() -> None:
    told = {option.name: option for option in describe(Options)}
    assert {name: option.type for name, option in told.items()} == {
        "max_tokens": "int >= 1, <= 4096",
        "rate": "float > 0, < 1",
        "note": "str",
        "style": "'balanced' | 'published'",
        "quick": "bool",
        "stop": "tuple[str, ...] length <= 3",
        "alpha": "float | none, > 0",
        "rank": "int | 'auto'",
        "shade": "'dark' | 'light'",
        "folder": "Path",
        "levels": "list[int >= 2]",
    }
    assert told["max_tokens"].help == "Longest reply in tokens."
    assert [told[name].default for name in ("max_tokens", "stop", "alpha", "shade", "folder", "levels")] == [
        256,
        [],
        None,
        "dark",
        "here",
        [2, 3],
    ]
    assert not told["alpha"].required


def test_a_description_marks_what_is_required() -> None:
    (model,) = describe(Needy)
    assert model.required
    assert model.type == "str length >= 2, matching ^[a-z]+$"


class Lists(BaseModel):
    labels: tuple[str, ...] = ()
    levels: list[Annotated[int, Field(ge=2)]] | None = None
    modules: tuple[str, ...] | Literal["all-linear"] = "all-linear"
    either: str | tuple[str, ...] = ""
    many: int | list[int] = 1
    some: frozenset[str] = frozenset()
    text: str = ""


@pytest.mark.parametrize(
    ("assignment", "value"),
    [
        ("labels=Yes,No", ("Yes", "No")),
        ("labels= Yes , No ", ("Yes", "No")),
        ("labels=Yes", ("Yes",)),
        ("labels=", ()),
        ('labels=["Yes, or so", "No"]', ("Yes, or so", "No")),
        ("levels=3,4", [3, 4]),
        ("levels=3", [3]),
        ("modules=all-linear", "all-linear"),
        ("modules=q_proj,v_proj", ("q_proj", "v_proj")),
        ("either=a,b", "a,b"),
        ("many=3", 3),
        ("many=3,4", [3, 4]),
        ("some=a,b", frozenset("ab")),
        ("text=a,b", "a,b"),
    ],
)
def test_a_list_may_be_written_with_commas_and_a_text_keeps_its_own(assignment: str, value: object) -> None:
    _, name, text = parse_assignment(f"task.{assignment}")
    assert getattr(validate(Lists, {name: text}, "task"), name) == value
