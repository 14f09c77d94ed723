from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from harness.boundary import schemas
from tests.harness import rows


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_schema_is_a_sound_2020_12_schema_with_a_versioned_name(name: str) -> None:
    schema = schemas.load(name)
    Draft202012Validator.check_schema(schema)
    kind, _, older = name.partition("-") if name.startswith("result-") else (name, "", "")
    said = re.fullmatch(rf"urn:transfer-harness:schema:{kind}:(\d+)\.\d+", schema["$id"])
    assert said
    assert said[1] == (older or said[1])


def test_every_schema_file_is_known() -> None:
    folder = Path(__file__).parents[3] / "schemas" / "harness_schemas"
    assert {path.name.removesuffix(".schema.json") for path in folder.glob("*.json")} == set(schemas.NAMES)


def _objects(schema: object) -> list[dict[str, object]]:
    if isinstance(schema, dict):
        inner = [found for value in schema.values() for found in _objects(value)]
        return ([schema] if "properties" in schema and schema.get("type") == "object" else []) + inner
    if isinstance(schema, list):
        return [found for value in schema for found in _objects(value)]
    return []


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_object_is_closed(name: str) -> None:
    found = _objects(schemas.load(name))
    assert found
    assert all(schema["additionalProperties"] is False for schema in found)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_property_says_what_it_holds(name: str) -> None:
    silent = [
        key
        for schema in _objects(schemas.load(name))
        for key, value in cast(dict[str, dict[str, object]], schema["properties"]).items()
        if not value.get("description")
    ]
    assert silent == []


@pytest.mark.parametrize("name", schemas.NAMES)
def test_no_two_definitions_say_the_same(name: str) -> None:
    said = [json.dumps(value) for value in schemas.load(name).get("$defs", {}).values()]
    assert len(set(said)) == len(said)


def test_the_rows_that_tests_make_by_hand_are_rows_of_a_run() -> None:
    asked = rows.problems("YN")
    made = [*rows.items(asked, "student-base", "Y-"), *rows.items(asked, "student-lora", "YN", seed=7)]
    assert [list(schemas.violations("problem", row)) for row in asked] == [[]] * 2
    assert [list(schemas.violations("item", row)) for row in made] == [[]] * 4


def test_a_reference_outside_the_registry_is_never_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = tmp_path / "other.json"
    secret.write_text("{}")
    real = schemas.load

    planted_schema = {"$id": "urn:x", "$schema": "https://json-schema.org/draft/2020-12/schema"}

    def planted(name: str) -> object:
        return {**planted_schema, "$ref": secret.as_uri()} if name == "plan" else real(name)

    monkeypatch.setattr(schemas, "load", planted)
    try:
        for made, refused in ((schemas._validator, Unresolvable), (schemas._compiled, ValueError)):
            made.cache_clear()
            with pytest.raises(refused):
                made("plan").is_valid({})
    finally:
        schemas._validator.cache_clear()
        schemas._compiled.cache_clear()


def test_a_path_reads_as_people_write_it() -> None:
    assert schemas.path_text(["arms", 2, "accuracy", "value"]) == "arms[2].accuracy.value"
    assert schemas.path_text([]) == "the file"


@pytest.mark.parametrize("number", [2**53, -(2**53), 10**299, 1e300], ids=range(4))
def test_a_number_that_cannot_be_reckoned_with_breaks_the_schema(number: float) -> None:
    (row,) = rows.items(rows.problems("Y"), "student-base", "Y")
    row["usage"]["input_tokens"] = number
    told = next(schemas.violations("item", row))
    assert told.startswith("usage.input_tokens: ")
    assert told.endswith(" is out of range; at most 9007199254740991 is read")
    assert len(told) < 200


@pytest.mark.parametrize(("number", "told"), [(2**53 - 1, []), (3.0, ["3.0 is not of type 'integer'"])])
def test_a_count_is_an_integer_as_json_writes_one(number: float, told: list[str]) -> None:
    (row,) = rows.items(rows.problems("Y"), "student-base", "Y")
    row["usage"]["input_tokens"] = number
    assert list(schemas.violations("item", row)) == [f"usage.input_tokens: {each}" for each in told]


VALUES: st.SearchStrategy[object] = st.sampled_from(
    [None, True, 0, 3, -1, 3.0, 0.5, 2**53, -(2**53), 1e300, "", "x", "YES", "0" * 64, [], {}, {"kind": "answered"}]
)
"""What the fields of a row may be found to hold."""


def _places(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _places(inner, (*path, key))


def _changed(row: rows.Row, place: tuple[str | int, ...], value: object, how: str) -> object:
    made: Any = copy.deepcopy(row)
    *way, last = place
    inner = made
    for key in way:
        inner = inner[key]
    if how == "without":
        del inner[last]
    else:
        inner[last if how == "other" else "more"] = value
    return made


@given(st.sampled_from(["item", "problem"]), st.sampled_from(["other", "more", "without"]), VALUES, st.data())
def test_what_the_compiled_schema_takes_is_what_the_schema_takes(
    name: str, how: str, value: object, data: st.DataObject
) -> None:
    asked = rows.problems("Y")
    (row,) = rows.items(asked, "student-lora", "Y", seed=7) if name == "item" else asked
    place = data.draw(st.sampled_from([path for path in _places(row) if path]))
    made = _changed(row, place, value, how)
    assert schemas._compiled(name).is_valid(made) == schemas._validator(name).is_valid(made)


def test_every_number_of_every_schema_is_bounded_and_written_as_it_is_meant() -> None:
    for name in schemas.NAMES:
        for schema in _numbers(schemas._narrow(schemas.load(name))):
            assert -schemas.LARGEST <= schema["minimum"] <= schema["maximum"] <= schemas.LARGEST
            assert schema[schemas._INTEGER] == (schema["type"] == "integer")


def _numbers(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") in ("integer", "number"):
            yield schema
        for inner in schema.values():
            yield from _numbers(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from _numbers(inner)
