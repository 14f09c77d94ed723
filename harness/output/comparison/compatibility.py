"""What makes two results comparable: the same questions, asked, read and judged alike. Who answers may differ.

The numbers of a comparison are in ``compare``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.api import UsageError
from harness.boundary import differences, files, schemas
from harness.boundary.text import did_you_mean, one_line, shortened
from harness.design import designs
from harness.measures.rows import Row
from harness.results.result import SCHEMA

Key = tuple[str, str]
"""Arm and split."""
ANSWERER = frozenset({"provider", "host", "model", "revision", "weights_sha256"})
"""Keys of an identity that say who answers. They may differ: that is what is compared."""
DELIVERY = frozenset({"device", "batch_size", "memory_gib", "prefill_chunk", "mode", "cache"})
"""Keys that say where and in what portions. They may differ, and are told of."""
SAME_METRICS = frozenset({schemas.FIRST_RESULT, SCHEMA})
"""Schemas of results whose numbers mean the same."""
READ = ("answered", "unparsed")
"""Outcomes of a reply that was read for an answer."""
SHORT = 60
"""Characters of a value that are told."""

Difference = tuple[str, Any, Any, str]
"""Key, its value in A and in B, and what to do about it."""


def entries(result: Mapping[str, Any]) -> dict[Key, list[Mapping[str, Any]]]:
    """The arms of a result by arm and split, each with its trainings in the order of their seeds."""
    found: dict[Key, list[Mapping[str, Any]]] = {}
    for arm in result["arms"]:
        found.setdefault((arm["arm"], arm["split"]), []).append(arm)
    return {key: sorted(arms, key=lambda arm: arm["training_seed"] or 0) for key, arms in found.items()}


def require_sound(path: Path, result: Mapping[str, Any]) -> None:
    """Raises UsageError for counts that no run has: the schema sees each number alone."""
    seen, design = set(), designs.of(result)
    for arm in result["arms"]:
        name, outcomes = f"{arm['arm']}/{arm['split']}", arm["outcomes"]
        key = arm["arm"], arm["split"], arm["training_seed"]
        if arm["split"] not in (splits := design.arm(arm["arm"]).splits):
            raise UsageError(f"{path}: {name}: no such problem set of this arm; it has: {', '.join(splits)}")
        if key in seen:
            raise UsageError(f"{path}: {name}: stands twice in the result")
        seen.add(key)
        if outcomes is None:
            raise UsageError(
                f"{path}: {name}: what became of its replies is not known, as in a table of counts; "
                "a comparison needs the result of a run"
            )
        if sum(outcomes.values()) != arm["n"] or arm["correct"] > outcomes["answered"]:
            raise UsageError(f"{path}: {name}: its counts contradict each other; harness validate says how")


def shared(a: Mapping[str, Any], b: Mapping[str, Any], only: Sequence[str] = ()) -> list[Key]:
    """The arms and splits that both results have, in the order of A; those that ``only`` names, if it names any.

    Raises UsageError where there are none.
    """
    first, second = entries(a), entries(b)
    both = [key for key in first if key in second]
    if not both:
        raise UsageError(
            "not comparable: no arm is in both results on the same problem set; compare runs that share one"
        )
    wanted = [_named(text, both) for text in only]
    return [key for key in both if not wanted or any(key[: len(name)] == name for name in wanted)]


def _named(text: str, both: Sequence[Key]) -> tuple[str, ...]:
    arms = list(dict.fromkeys(arm for arm, _ in both))
    known = [*arms, *("/".join(key) for key in both)]
    if text not in known:
        arm = text.partition("/")[0]
        offered = ["/".join(key) for key in both if key[0] == arm] or arms
        raise UsageError(
            f"--only: no {text!r} in both results;{did_you_mean(text, known)} they share: {', '.join(offered)}"
        )
    return tuple(text.split("/"))


def require(a: Mapping[str, Any], b: Mapping[str, Any], keys: Sequence[Key]) -> None:
    """Raises UsageError with the first key in which two results differ though they must not, or that is not known."""
    for key, was, now, advice in _must_agree(a, b, keys):
        if was is None or now is None:
            missing = " and ".join(name for name, value in (("A", was), ("B", now)) if value is None)
            raise UsageError(f"not comparable: {key} is not known in {missing}; {advice}")
        if was != now:
            raise UsageError(f"not comparable: {key}: {short(was)} in A, {short(now)} in B; {advice}")


def _must_agree(a: Mapping[str, Any], b: Mapping[str, Any], keys: Sequence[Key]) -> Iterator[Difference]:
    yield "harness", _minor(a), _minor(b), "run both with the same minor version of the harness"
    same = {a["schema"], b["schema"]} <= SAME_METRICS
    yield "schema", a["schema"], a["schema"] if same else b["schema"], "run both with the same version of the harness"
    yield from _judges(a, b)
    first, second, designed = entries(a), entries(b), (designs.of(a), designs.of(b))
    digests = [{entry["split"]: entry["sha256"] for entry in result["problems"]} for result in (a, b)]
    for key in keys:
        arm, split = key
        leave_out = "or leave the arm out: name the others with --only"
        meant = [files.plain(design.arm(arm)) for design in designed]
        yield f"arm {arm} of the design", *meant, f"run both with a design that means the same by it, {leave_out}"
        sets = "give both runs the same task options, sizes, --limit and --seed, " + leave_out
        yield f"problems[{split}].sha256", digests[0].get(split), digests[1].get(split), sets
        for one in first[key]:
            for other in second[key]:
                name = f"arms[{'/'.join(key)}]"
                yield f"{name}.n", one["n"], other["n"], sets
                words = f"have both asked in the same words, {leave_out}"
                yield f"{name}.wording_sha256", one["wording_sha256"], other["wording_sha256"], words
        yield from _decoding(meant[0]["answers"], a, b, f"decode alike in both, {leave_out}")


def _minor(result: Mapping[str, Any]) -> str:
    return ".".join(result["harness"].split(".")[:2])


def _judges(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[Difference]:
    """Who reads a reply and who judges it. A task's options show in its problems and in the wording."""
    for kind, names in (
        ("task", ("name", "distribution", "version", "target")),
        ("verifier", ("name", "distribution", "version", "target", "options")),
    ):
        one, other = (result["plan"]["plugins"][kind] or {} for result in (a, b))
        for name in names:
            advice = f"run both with the same {kind}: another may read or judge the same reply differently"
            yield f"plan.plugins.{kind}.{name}", one.get(name), other.get(name), advice
    yield "labels", _or_free(a), _or_free(b), "compare runs of one task"


def _or_free(result: Mapping[str, Any]) -> Any:
    return result["labels"] or "free-form"


def _decoding(answers: str, a: Mapping[str, Any], b: Mapping[str, Any], advice: str) -> Iterator[Difference]:
    """How replies were made. All that the identity of a simulated part holds is who it is: it decodes nothing."""
    identities = [result["identities"][answers] or None for result in (a, b)]
    where = f"identities.{answers}"
    known = [None if identity is None else "known" for identity in identities]
    yield where, known[0], known[1], advice
    settings = [
        {} if result["plan"]["plugins"][answers]["simulated"] else identity or {}
        for result, identity in zip((a, b), identities, strict=True)
    ]
    for name in sorted((settings[0].keys() | settings[1].keys()) - ANSWERER - DELIVERY):
        one, other = (_told(inner, name) for inner in settings)
        yield f"{where}.{name}", one, other, advice


def _told(settings: Mapping[str, Any], name: str) -> str:
    """A setting as it is written: null is a value of its own, such as a server's own temperature."""
    return files.canonical(settings[name]) if name in settings else "nothing"


def require_same_reading(key: Key, a: Sequence[Row], b: Sequence[Row]) -> None:
    """Raises UsageError where the rows show that problems, parser or verifier were not the same after all."""
    where = "/".join(key)
    if [row["problem"] for row in a] != [row["problem"] for row in b]:
        raise UsageError(f"not comparable: {where}: the rows of A and B are of different problems")
    for one, other in zip(a, b, strict=True):
        problem = f"not comparable: {where}: problem {one['problem']}"
        if one["truth"] != other["truth"]:
            raise UsageError(f"{problem}: truth {one['truth']!r} in A, {other['truth']!r} in B; the verifier changed")
        same = one["text_sha256"] == other["text_sha256"]
        read = one["outcome"]["kind"] in READ and other["outcome"]["kind"] in READ
        if same and read and (one["outcome"], one["correct"]) != (other["outcome"], other["correct"]):
            was, now = (row["outcome"].get("label", "no answer") for row in (one, other))
            raise UsageError(
                f"{problem}: the same reply is read as {short(was)} in A, {short(now)} in B; "
                "run both with the same parser and verifier"
            )


def settings_that_differ(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In what else two results differ: plan, identities, and the strategy that was learned.

    One entry per setting: an option that its part has in its identity, too, is told once. A side that lacks the key has
    no value in the entry.
    """
    found = {
        path: (was, now)
        for section in ("plan", "identities")
        for path, was, now in differences.between(a[section], b[section], section)
    }
    options = {_in_identity(path): values for path, values in found.items() if path.startswith("plan.plugins.")}
    told = {path: values for path, values in found.items() if options.get(path) != values}
    learned = tuple(result["learning"]["learned"] for result in (a, b))
    if learned[0] != learned[1]:
        told["learning.learned"] = learned
    return [
        {
            "key": path,
            **{side: value for side, value in zip("ab", values, strict=True) if value is not differences.NOTHING},
        }
        for path, values in told.items()
    ]


def _in_identity(path: str) -> str | None:
    """Where the identity of a part has an option of the plan, if it has it; None for what is no option."""
    kind, options, name = path.removeprefix("plan.plugins.").partition(".options.")
    return f"identities.{kind}.{name}" if options else None


def short(value: Any) -> str:
    """A value on one line and short, to be shown; the first digits of a digest."""
    text = one_line(value if isinstance(value, str) else files.canonical(value))
    if len(text) == 64 and set(text) <= set("0123456789abcdef"):
        return text[:12]
    return shortened(text, SHORT)
