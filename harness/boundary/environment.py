"""What of the environment is kept from a training: secrets, and what a cluster tells a process of its part."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SECRETS = re.compile(
    r"(.*_)?((API)?KEYS?|TOKENS?|SECRETS?|PASSPHRASES?|CREDENTIALS?|\w*PASSW(OR)?D)(_.*)?", re.IGNORECASE
)
"""Names of variables that hold a secret: by whole words between underscores, so that ``KEYBOARD`` is none.

``PASSWORD`` may also end a word, as in ``PGPASSWORD``.
"""
CLUSTER = re.compile(
    r"((LOCAL|GLOBAL|GROUP|ROLE|NODE|CROSS)_)?(RANK|WORLD_SIZE)|ROLE_NAME|NPROC_PER_NODE|NNODES|NUM_NODES"
    r"|(MASTER|MAIN_PROCESS)_(ADDR|ADDRESS|IP|PORT)"
    r"|_?(ACCELERATE|FSDP|DEEPSPEED|DS|MEGATRON_LM|PARALLELISM_CONFIG|FP8|TORCHELASTIC|TORCHRUN|TORCH_NCCL|PET|TORCHX"
    r"|SLURM|SLURMD|SRUN|SBATCH|PBS|LSB|LSF|SGE|FLUX|JSM|PALS|OMPI|PMI|PMIX|PRTE|MPI|MV2|MVAPICH|HYDRA|HYDI|I_MPI|HOROVOD"
    r"|SMDATAPARALLEL|SMDDP|SAGEMAKER|SM|XLA|PJRT|TPU|COLOSSALAI|LIGHTNING|PL|RAY)_\w+"
    r"|MIXED_PRECISION|USE_(FSDP|DEEPSPEED|MEGATRON_LM)"
)
"""Names of variables by which a job scheduler, an MPI or a launcher tells a process its rank, or how to train.

A training of a run is one of its own. Variables that choose devices, threads or folders (CUDA_VISIBLE_DEVICES,
OMP_NUM_THREADS, HF_HOME) are none of them, and neither are those of a network (NCCL_, GLOO_).
"""


@contextmanager
def hidden() -> Iterator[Mapping[str, str]]:
    """Takes all of them out of the environment meanwhile: from this process and from those that it starts. Gives them.

    What is set of a cluster's variables meanwhile is gone afterwards, so that no training leaves any to the next.
    """
    taken = {name: os.environ.pop(name) for name in list(os.environ) if _is_hidden(name)}
    try:
        yield taken
    finally:
        for name in [name for name in os.environ if CLUSTER.fullmatch(name)]:
            del os.environ[name]
        os.environ.update(taken)


@contextmanager
def shown(taken: Mapping[str, str]) -> Iterator[None]:
    """Puts secrets that are hidden back meanwhile, for what needs them in the midst of a training."""
    secrets = {name: value for name, value in taken.items() if SECRETS.fullmatch(name)}
    os.environ.update(secrets)
    try:
        yield
    finally:
        for name in secrets:
            os.environ.pop(name, None)


def _is_hidden(name: str) -> bool:
    return bool(SECRETS.fullmatch(name) or CLUSTER.fullmatch(name))
