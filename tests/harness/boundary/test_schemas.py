from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from harness.boundary import schemas
from tests.harness import rows


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_schema_is_a_sound_2020_12_schema_with_a_versioned_name(name: str) -> None:
    schema = schemas.load(name)
    Draft202012Validator.check_schema(schema)
    assert schema["$id"].startswith(f"urn:transfer-harness:schema:{name}:")


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
    schemas._validator.cache_clear()
    try:
        with pytest.raises(Unresolvable):
            list(schemas.violations("plan", {}))
    finally:
        schemas._validator.cache_clear()


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
