"""Checkpoints: found, named, digested, refused in one line."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub.hf_api import BlobLfsInfo, RepoSibling
from huggingface_hub.utils._paths import filter_repo_objects

from harness.api import Message, Request, Skill, UsageError
from harness_qwen_lora.checkpoints import hub
from harness_qwen_lora.checkpoints.architecture import describe
from harness_qwen_lora.checkpoints.checkpoint import Checkpoint
from harness_qwen_lora.checkpoints.loading import fetch, linear_features, locate, quiet
from harness_qwen_lora.options import QwenLoraOptions
from harness_qwen_lora.student import QwenStudent

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(checkpoint, tmp_path / "copy"))


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty Hub cache and no network."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def one_line(error: pytest.ExceptionInfo[UsageError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    return text


def test_folder_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        locate("/nowhere")
    assert one_line(error) == (
        "student.model: folder '/nowhere' does not exist; give a Hugging Face model folder or a Hub id such as "
        "Qwen/Qwen2.5-3B-Instruct"
    )


@pytest.mark.parametrize(
    ("missing", "said"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", r"has no \*\.safetensors"),
        ("tokenizer.json", "has no tokenizer.json"),
        ("chat_template.jinja", "has no chat template"),
    ],
)
def test_folder_that_lacks_a_file_is_refused_by_its_name(copy: Path, missing: str, said: str) -> None:
    (copy / missing).unlink()
    with pytest.raises(UsageError, match=said) as error:
        locate(str(copy))
    one_line(error)


@pytest.mark.parametrize("model", ["gpt2", "a/b/c", "C:\\models", "Qwen/", ""])
def test_what_is_neither_folder_nor_hub_id_is_refused(model: str) -> None:
    with pytest.raises(UsageError, match="neither a folder"):
        locate(model)


def test_revision_of_a_folder_is_refused(copy: Path) -> None:
    with pytest.raises(UsageError, match=r"student\.revision"):
        locate(str(copy), revision="main")


def test_damaged_checkpoint_is_refused_in_one_line(copy: Path) -> None:
    (copy / "model.safetensors").write_bytes(b"not weights")
    student = QwenStudent(str(copy), QwenLoraOptions(device="cpu"))
    with pytest.raises(UsageError, match="cannot be loaded") as error:
        student.preflight()
    one_line(error)


def test_damaged_settings_are_refused_in_one_line(copy: Path) -> None:
    (copy / "tokenizer_config.json").write_text("{")
    with pytest.raises(UsageError, match="is not JSON") as error:
        locate(str(copy))
    one_line(error)


def test_folder_is_called_by_its_own_name_and_digested_by_its_file(copy: Path) -> None:
    found = locate(str(copy))
    assert (found.name, found.revision) == ("copy", None)
    assert found.weights_sha256() == hashlib.sha256((copy / "model.safetensors").read_bytes()).hexdigest()
    assert locate(str(copy), name="bundled").name == "bundled"


def test_weights_in_several_files_have_the_digest_of_their_digests(checkpoint: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM

    folder = Path(shutil.copytree(checkpoint, tmp_path / "sharded", ignore=shutil.ignore_patterns("model.*")))
    with quiet():
        AutoModelForCausalLM.from_pretrained(checkpoint).save_pretrained(folder, max_shard_size="40KB")
    files = sorted(folder.glob("*.safetensors"))
    assert len(files) > 1
    lines = "".join(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n" for file in files)
    assert locate(str(folder)).weights_sha256() == hashlib.sha256(lines.encode()).hexdigest()
    files[0].unlink()
    with pytest.raises(UsageError, match="safetensors"):
        locate(str(folder))


@pytest.mark.usefixtures("offline")
def test_hub_id_that_is_neither_cached_nor_reachable_says_what_to_run() -> None:
    with pytest.raises(UsageError, match="run `hf download some/model --revision v1`") as error:
        locate("some/model", revision="v1")
    one_line(error)


def test_cached_hub_id_needs_no_network_and_is_pinned_to_its_commit(
    checkpoint: Path, offline: Path, requests: list[Request]
) -> None:
    repository = offline / "models--some--model"
    shutil.copytree(checkpoint, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    student = QwenStudent("some/model", QwenLoraOptions(device="cpu", max_new_tokens=2))
    student.preflight()
    assert (student.identity["model"], student.identity["revision"]) == ("some/model", COMMIT)
    assert student.generate(requests, None)[0].model == "some/model"


def test_hub_states_the_same_digest_as_the_files_have(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = hashlib.sha256((checkpoint / "model.safetensors").read_bytes()).hexdigest()
    lfs = BlobLfsInfo(size=1, sha256=digest, pointer_size=1)
    siblings = [RepoSibling("config.json"), RepoSibling("model.safetensors", lfs=lfs)]
    info = type("Info", (), {"sha": COMMIT, "siblings": siblings})

    def model_info(*_args: Any, **_kwargs: Any) -> Any:
        return info

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "model_info", model_info)
    found = locate("some/model")
    assert found == Checkpoint("some/model", COMMIT, None, {"model.safetensors": digest}, size=1)
    assert found.weights_sha256() == locate(str(checkpoint)).weights_sha256()


@pytest.fixture
def publish(offline: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], list[str]]:
    """Has the Hub hold a folder as ``some/model``; gives the list of the names that are fetched from it."""

    def published(folder: Path, digests: bool = True) -> list[str]:
        fetched: list[str] = []
        snapshot = offline / "models--some--model" / "snapshots" / COMMIT

        def fetch_into_cache(names: Iterable[str]) -> None:
            for name in names:
                fetched.append(name)
                snapshot.mkdir(parents=True, exist_ok=True)
                shutil.copy(folder / name, snapshot / name)

        def sibling(file: Path) -> RepoSibling:
            known = digests and file.suffix == ".safetensors"
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            return RepoSibling(file.name, lfs=BlobLfsInfo(size=1, sha256=digest, pointer_size=1) if known else None)

        def model_info(*_: Any, **__: Any) -> Any:
            return type("Info", (), {"sha": COMMIT, "siblings": [sibling(file) for file in folder.iterdir()]})

        def hf_hub_download(_: str, name: str, **__: Any) -> str:
            fetch_into_cache([name])
            return str(snapshot / name)

        def snapshot_download(_: str, *, revision: str | None, allow_patterns: list[str]) -> str:
            names = [file.name for file in folder.iterdir()]
            fetch_into_cache(filter_repo_objects(names, allow_patterns=allow_patterns))
            if revision != COMMIT:  # as the Hub's client does, which then finds the commit by this name
                refs = offline / "models--some--model" / "refs"
                refs.mkdir(exist_ok=True)
                (refs / (revision or "main")).write_text(COMMIT)
            return str(snapshot)

        for function in (model_info, hf_hub_download, snapshot_download):
            monkeypatch.setattr(huggingface_hub, function.__name__, function)
        return fetched

    return published


def _sharded(folder: Path) -> None:
    """Weights in two files with their index, and a third file that the index does not name."""
    for number in (1, 2):
        (folder / f"model-0000{number}-of-00002.safetensors").write_bytes(b"%d" % number)
    (folder / "model-00001-of-00003.safetensors").write_bytes(b"older")
    weights = {name: f"model-0000{number}-of-00002.safetensors" for number, name in ((1, "a"), (2, "b"))}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weights}))


@pytest.mark.parametrize("whole", [True, False], ids=["whole file too", "shards alone"])
def test_identity_is_the_same_before_the_weights_are_fetched_and_after(
    copy: Path, publish: Callable[[Path], list[str]], whole: bool
) -> None:
    (copy / "consolidated.safetensors").write_bytes(b"a second copy")
    _sharded(copy)
    if not whole:
        (copy / "model.safetensors").unlink()
    fetched = publish(copy)
    first, fetching, again = (
        QwenStudent("some/model", QwenLoraOptions(device="cpu"), revision=COMMIT) for _ in range(3)
    )
    assert first.identity["weights_sha256"] == locate(str(copy)).weights_sha256()
    fetching.source()
    assert first.checkpoint.folder is None
    assert again.checkpoint.folder is not None
    assert first.identity == fetching.identity == again.identity
    shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    assert sorted(name for name in fetched if name.endswith(".safetensors")) == (
        ["model.safetensors"] if whole else shards
    )


@pytest.mark.parametrize("revision", [None, "main", COMMIT])
def test_model_that_was_fetched_is_found_again_without_the_hub(
    copy: Path, publish: Callable[[Path], list[str]], monkeypatch: pytest.MonkeyPatch, revision: str | None
) -> None:
    publish(copy)
    folder = fetch(locate("some/model", revision))
    monkeypatch.delattr(huggingface_hub, "model_info")
    assert locate("some/model", revision) == Checkpoint("some/model", COMMIT, folder)


def test_weights_without_a_digest_at_the_hub_are_fetched_by_hand(copy: Path, publish: Callable[..., list[str]]) -> None:
    publish(copy, digests=False)
    with pytest.raises(UsageError, match=r"states no digest of the weights .* run `hf download some/model` first"):
        locate("some/model")


@pytest.mark.parametrize(
    "index", ["[]", "null", '"x"', "{}", '{"weight_map": []}', '{"weight_map": {"a": 3}}', '{"weight_map": {"a": []}}']
)
def test_damaged_index_is_refused_in_one_line(copy: Path, index: str) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(index)
    with pytest.raises(UsageError, match=r"is not a JSON object|has no \*\.safetensors") as error:
        locate(str(copy))
    one_line(error)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize("content", ["[1]", "null", '"x"'])
def test_settings_that_are_no_object_are_refused_in_one_line(copy: Path, name: str, content: str) -> None:
    (copy / name).write_text(content)
    with pytest.raises(UsageError, match="is not a JSON object") as error:
        locate(str(copy))
    one_line(error)


def test_skills_are_read_from_the_folder_without_loading_it(copy: Path) -> None:
    rows = [
        {"name": "sort", "messages": [{"role": "user", "content": f"{at} 1"}], "reply": f"1 {at}"} for at in (2, 3, 4)
    ]
    (copy / "skills.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    student = QwenStudent(str(copy), QwenLoraOptions(device="cpu"))
    assert list(student.skills(2)) == [
        Skill("sort", (Message("user", "2 1"),), "1 2"),
        Skill("sort", (Message("user", "3 1"),), "1 3"),
    ]
    assert len(student.skills(9)) == 3
    assert "_loaded" not in vars(student)


def test_checkpoint_that_states_no_skills_has_none(checkpoint: Path) -> None:
    assert not QwenStudent(str(checkpoint), QwenLoraOptions()).skills(5)


@pytest.mark.parametrize("content", ["{", '{"name": "sort"}', "[1]"])
def test_damaged_skills_are_refused_in_one_line(copy: Path, content: str) -> None:
    (copy / "skills.jsonl").write_text(content)
    with pytest.raises(UsageError, match="is not a list of skills") as error:
        QwenStudent(str(copy), QwenLoraOptions()).skills(1)
    one_line(error)


def test_linear_modules_are_known_from_the_config_alone(checkpoint: Path) -> None:
    projections = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    found = linear_features(describe(checkpoint).model)
    assert found.keys() == projections | {"lm_head"}
    assert (found["k_proj"], found["down_proj"]) == (2 * (32 + 16), 2 * (64 + 32))


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"auto_map": {"AutoModelForCausalLM": "evil.Model"}}, r"asks for code from the checkpoint \(auto_map\)"),
        ({"text_config": {"deep": [{"auto_map": {}}]}}, "asks for code"),
        ({"_attn_implementation": "somebody/kernel"}, "private key _attn_implementation"),
    ],
)
def test_checkpoint_that_could_choose_code_is_refused_before_anything_is_loaded(
    copy: Path, name: str, settings: dict[str, Any], told: str
) -> None:
    path = copy / name
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    with pytest.raises(UsageError, match=told) as error:
        locate(str(copy))
    one_line(error)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
@pytest.mark.parametrize(
    "settings",
    [
        {"_sliding_window_pattern": 6},
        {"quantization_config": {"_load_in_4bit": True, "_load_in_8bit": False}},
        {"_name_or_path": "somebody/model", "_commit_hash": None},
        {"_attn_implementation": "eager", "text_config": {"_attn_implementation_autoset": True}},
        {"_diffusers_version": "0.30.1", "_note": "a plain word"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_private_keys_that_name_no_code_are_taken(copy: Path, name: str, settings: dict[str, Any]) -> None:
    path = copy / name
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    locate(str(copy))


@pytest.mark.parametrize(
    "settings",
    [
        {"_experts_implementation": "somebody/kernel"},
        {"text_config": {"attn_implementation": "somebody/kernel"}},
        {"_attn_implementation": {"": "sdpa", "text_config": "somebody/kernel@main:fn"}},
        {"_hook": "module.Class"},
        {"_auto_class": "somebody/model--modeling.Model"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_key_that_could_choose_code_is_refused_however_it_is_called(copy: Path, settings: dict[str, Any]) -> None:
    path = copy / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    with pytest.raises(UsageError, match="could choose code") as error:
        locate(str(copy))
    one_line(error)


@pytest.mark.parametrize("left", ["adapter_config.json", "adapter_model.safetensors", "adapter_model.bin"])
def test_adapter_that_was_left_in_a_models_folder_is_refused_by_name(copy: Path, left: str) -> None:
    (copy / left).write_text("{}")
    with pytest.raises(UsageError, match=f"holds {left}, an adapter that would answer in the base") as error:
        locate(str(copy))
    one_line(error)


def test_adapter_beside_a_model_of_the_hub_is_refused_before_anything_is_fetched(
    copy: Path, publish: Callable[[Path], list[str]]
) -> None:
    (copy / "adapter_config.json").write_text("{}")
    fetched = publish(copy)
    with pytest.raises(UsageError, match=r"'some/model' holds adapter_config\.json"):
        locate("some/model")
    assert fetched == []


def test_configuration_that_chooses_other_weights_is_refused(copy: Path) -> None:
    path = copy / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"transformers_weights": "other.safetensors"}))
    with pytest.raises(UsageError, match="chooses its weights by transformers_weights"):
        locate(str(copy))


@pytest.mark.parametrize(
    "names",
    [
        ("model.safetensors-00001-of-00002.safetensors", "model.safetensors-00002-of-00002.safetensors"),
        ("a.safetensors", "b_2.safetensors"),
    ],
)
def test_weights_files_of_any_plain_name_behind_an_index_answer(
    copy: Path, requests: list[Request], names: tuple[str, str]
) -> None:
    from safetensors.torch import load_file, save_file

    before = QwenStudent(str(copy), QwenLoraOptions(device="cpu", max_new_tokens=4)).generate(requests, None)
    weights = load_file(copy / "model.safetensors")
    (copy / "model.safetensors").unlink()
    halves = {
        name: {key: weights[key] for at, key in enumerate(weights) if at % 2 == half} for half, name in enumerate(names)
    }
    for name, half in halves.items():
        save_file(half, copy / name, metadata={"format": "pt"})
    index = {key: name for name, half in halves.items() for key in half}
    (copy / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    student = QwenStudent(str(copy), QwenLoraOptions(device="cpu", max_new_tokens=4))
    student.preflight()
    assert [reply.text for reply in student.generate(requests, None)] == [reply.text for reply in before]


@pytest.mark.parametrize("name", [".hidden.safetensors", "sub/a.safetensors", "a.bin", "..", "a\\b.safetensors"])
def test_weights_file_of_another_name_is_not_taken(copy: Path, name: str) -> None:
    (copy / "model.safetensors").unlink()
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": name}}))
    with pytest.raises(UsageError, match=r"no \*\.safetensors"):
        locate(str(copy))


def test_gated_model_is_told_as_such(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import GatedRepoError

    response: Any = SimpleNamespace(headers={}, request=None, status_code=403)

    def refuse(*_: Any, **__: Any) -> Any:
        raise GatedRepoError("403", response=response)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    gated = "is gated: accept its terms at https://huggingface.co/some/model and run `hf auth login`"
    with pytest.raises(UsageError, match=gated) as error:
        fetch(Checkpoint("some/model", COMMIT, None))
    one_line(error)
    monkeypatch.setattr(huggingface_hub, "model_info", refuse)
    with pytest.raises(UsageError, match=gated):
        locate("some/model")
    assert not offline.exists()


def cache(offline: Path, checkpoint: Path) -> Path:
    """The checkpoint in the local cache as ``some/model``."""
    repository = offline / "models--some--model"
    shutil.copytree(checkpoint, repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    return repository / "snapshots" / COMMIT


def test_cached_model_that_is_unfit_is_refused_for_what_it_is(checkpoint: Path, offline: Path) -> None:
    (cache(offline, checkpoint) / "chat_template.jinja").unlink()
    with pytest.raises(UsageError, match="has no chat template"):
        locate("some/model")


def test_cached_model_that_lacks_a_file_is_told_so_where_there_is_no_network(checkpoint: Path, offline: Path) -> None:
    (cache(offline, checkpoint) / "model.safetensors").unlink()
    with pytest.raises(
        UsageError, match=r"is in the local cache without \*\.safetensors and the Hub cannot be reached"
    ) as error:
        locate("some/model")
    one_line(error)


def test_tokenizer_of_a_model_at_the_hub_is_examined_before_its_weights_are_fetched(
    copy: Path, publish: Callable[[Path], list[str]]
) -> None:
    (copy / "chat_template.jinja").write_text("{{ bos_token }}")
    fetched = publish(copy)
    student = QwenStudent("some/model", QwenLoraOptions(device="cpu"))
    with pytest.raises(UsageError, match="does not write the text of a user's turn"):
        student.preflight()
    assert "tokenizer.json" in fetched
    assert "model.safetensors" not in fetched


@pytest.mark.parametrize(
    "name", ["chat_template.jinja", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "config.json"]
)
def test_identity_tells_which_file_was_edited(copy: Path, name: str) -> None:
    def digests() -> dict[str, str]:
        found: Any = QwenStudent(str(copy), QwenLoraOptions(device="cpu")).identity["files_sha256"]
        return dict(found)

    before = digests()
    (copy / name).write_text((copy / name).read_text() + "\n")
    after = digests()
    assert {changed for changed in before if before[changed] != after[changed]} == {name}


def test_index_whose_names_lead_out_of_the_folder_is_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy.parent / "elsewhere.safetensors")
    (copy / "model.safetensors.index.json").write_text(json.dumps({"weight_map": {"a": "../elsewhere.safetensors"}}))
    with pytest.raises(UsageError, match=r"no \*\.safetensors"):
        locate(str(copy))


def test_weights_as_pickles_are_refused(copy: Path) -> None:
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(UsageError, match=r"no \*\.safetensors"):
        locate(str(copy))


@pytest.mark.usefixtures("offline")
def test_published_model_that_is_not_there_says_how_large_it_is() -> None:
    with pytest.raises(UsageError, match=r"run `hf download Qwen/Qwen2\.5-3B-Instruct` \(6 GB\)") as error:
        locate("Qwen/Qwen2.5-3B-Instruct")
    one_line(error)


def test_cached_folder_that_is_named_after_no_commit_is_not_taken(checkpoint: Path, offline: Path) -> None:
    repository = offline / "models--some--model"
    shutil.copytree(checkpoint, repository / "snapshots" / "main")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("main")
    with pytest.raises(UsageError, match="is not in the local cache"):
        locate("some/model")


def test_weights_that_the_disk_has_no_room_for_are_not_fetched(offline: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 5 * 10**9}))
    with pytest.raises(UsageError, match=r"takes 6\.2 GB, and 5\.0 GB are free in") as error:
        fetch(Checkpoint("some/model", COMMIT, None, size=6_170_000_000))
    assert str(offline) in one_line(error)


@pytest.mark.parametrize(
    ("hub_id", "licence"),
    [
        ("Qwen/Qwen2.5-3B-Instruct", "qwen-research"),
        ("Qwen/Qwen2.5-1.5B-Instruct", "apache-2.0"),
        ("Qwen/Qwen2.5-7B", "apache-2.0"),
        ("Qwen/Qwen2.5-5B-Instruct", None),
        ("some/model", None),
        ("qwen-tiny", None),
    ],
)
def test_licence_is_stated_where_it_is_known(hub_id: str, licence: str | None) -> None:
    assert hub.licence(hub_id) == licence
