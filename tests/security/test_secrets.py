"""The key of a teacher: where it is, and everywhere that it is not. And what a cluster leaves in the environment."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import urllib.parse
from pathlib import Path

import pytest
from click.testing import CliRunner

from harness.audit import EXIT_BLOCKED
from harness.boundary import environment
from harness.cli import main
from tests import toys
from tests.loopback.server import Loopback

CANARY = "sk-ant-CANARY/7f+3a=9c"
TOYS = ("--task=parity", "--student=toy", "--reflection=toy", "--trainer=toy", "--preset=small", "--teacher=claude")
FAULTS = ("", "401", "429", "500", "malformed", "reset-body", "html", "404", "400")


def _forms(secret: str) -> list[bytes]:
    encoded = base64.b64encode(secret.encode()).rstrip(b"=")[:-1]
    return [secret.encode(), encoded, urllib.parse.quote(secret, "").encode(), json.dumps(secret)[1:-1].encode()]


def _holding(folder: Path) -> list[str]:
    found = []
    for path in folder.rglob("*"):
        data = path.read_bytes() if path.is_file() else b""
        found += [str(path) for form in _forms(CANARY) if form in data or form in str(path).encode()]
    return found


def test_the_forms_are_found() -> None:
    for form in _forms(CANARY):
        assert form
    assert base64.b64encode(CANARY.encode())[:20] in b"".join(_forms(CANARY))


@pytest.mark.usefixtures("toy_site")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("traceback", [(), ("--traceback",)])
def test_the_key_is_in_no_file_no_line_no_log_and_no_traceback(
    fault: str,
    traceback: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setenv("ANTHROPIC_LOG", "debug")
    caplog.set_level(logging.DEBUG)
    with Loopback(lambda _: "so EVEN", script=[fault] * 40) as server:
        options = [f"teacher.base_url={server.url}", "teacher.model=claude-haiku-5-5", "teacher.attempts=2"]
        assigned = [part for option in options for part in ("-o", option)]
        stages = "--stages=teacher-base"
        done = CliRunner().invoke(main, [*traceback, "run", *TOYS, *assigned, stages, "--limit=4", "--out=run"])
        assert server.calls
    assert (done.exit_code == EXIT_BLOCKED) == (fault not in ("401", "404", "400")), done.output
    for form in _forms(CANARY):
        assert form.decode() not in done.output
        assert form.decode() not in caplog.text
    assert _holding(tmp_path) == []


SECRETS = (
    *("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "AZURE_OPENAI_KEY", "API_KEY", "APIKEY", "AWS_ACCESS_KEY_ID", "KEY_2"),
    *("aws_secret_access_key", "HF_TOKEN", "ANTHROPIC_AUTH_TOKEN", "TOKEN", "CLIENT_SECRET", "AWS_SECRET", "KEYS"),
    *("My_Password", "PGPASSWORD", "DB_PASSWD", "SSH_PASSPHRASE", "GOOGLE_APPLICATION_CREDENTIALS"),
)
CLUSTER = (
    *("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "GROUP_RANK", "ROLE_NAME", "NODE_RANK", "NNODES"),
    *("MASTER_ADDR", "MASTER_PORT", "ACCELERATE_MIXED_PRECISION", "FSDP_VERSION", "DEEPSPEED_ZERO_STAGE"),
    *("SLURM_PROCID", "OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "MV2_COMM_WORLD_SIZE", "PBS_NODEFILE"),
    *("TORCHELASTIC_RUN_ID", "TORCH_NCCL_ASYNC_ERROR_HANDLING", "PARALLELISM_CONFIG_TP_SIZE", "USE_FSDP"),
)
DEVICES = (
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "HF_HOME",
    "NCCL_P2P_DISABLE",
    "LD_LIBRARY_PATH",
    "FRANK",
    "RANKING",
)
OTHERS = (
    *DEVICES,
    *("PATH", "PWD", "OLDPWD", "TOKENIZERS_PARALLELISM", "KEYBOARD", "OMP_NUM_THREADS", "SSH_AUTH_SOCK", "MONKEY"),
)


@pytest.mark.parametrize("name", [*SECRETS, *CLUSTER, *OTHERS])
def test_names_of_secrets_and_of_a_cluster_are_known_and_other_names_left_alone(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "its value")
    with environment.hidden():
        assert (name in os.environ) == (name in OTHERS)
    assert os.environ[name] == "its value"


@pytest.mark.usefixtures("toy_site")
def test_a_trainer_and_what_it_starts_see_no_key_and_nothing_of_a_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setenv("HF_TOKEN", CANARY)
    cluster = dict.fromkeys(CLUSTER, "the part of another")
    for name, value in cluster.items():
        monkeypatch.setenv(name, value)
    seen: list[str] = []
    train = toys.ToyTrainer.train

    def looking(*arguments: object) -> object:
        seen.append(repr(dict(os.environ)))
        look = [sys.executable, "-c", "import os; print([value for value in os.environ.values()])"]
        seen.append(subprocess.run(look, capture_output=True, text=True, check=True).stdout)
        os.environ["RANK"] = os.environ["ACCELERATE_OF_ITS_OWN"] = "set by a training"
        return train(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(toys.ToyTrainer, "train", looking)
    toy = [option if "teacher" not in option else "--teacher=toy" for option in TOYS]
    done = CliRunner().invoke(main, ["run", *toy, "--stages=bootstrap,student-lora", "--out=run"])
    assert done.exit_code == EXIT_BLOCKED, done.output
    assert len(seen) == 2
    assert CANARY not in "".join(seen)
    assert not [name for name in CLUSTER if f"'{name}'" in seen[0]]
    assert "the part of another" not in seen[1]
    assert {name: os.environ.get(name) for name in (*CLUSTER, "ACCELERATE_OF_ITS_OWN")} == {
        **cluster,
        "ACCELERATE_OF_ITS_OWN": None,
    }
    assert os.environ["ANTHROPIC_API_KEY"] == CANARY
