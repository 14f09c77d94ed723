"""Variables by which a cluster or a launcher tells a process its part, kept from models and trainings.

A training here is one process, or those that launcher.py starts: what a job scheduler, an MPI or accelerate left
in the environment would make another adapter of it, or have it wait for processes that nobody started.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

NAMES = re.compile(
    r"((LOCAL|GLOBAL|GROUP|ROLE|NODE|CROSS)_)?(RANK|WORLD_SIZE|PROCESS_COUNT)|ROLE_NAME|NPROC_PER_NODE|NNODES|NUM_NODES"
    r"|(MASTER|MAIN_PROCESS)_(ADDR|ADDRESS|IP|PORT)"
    r"|_?(ACCELERATE|ACCELERATOR|FSDP|FSDP2|DEEPSPEED|DS|MEGATRON_LM|PARALLELISM_CONFIG|FP8|TORCHELASTIC|TORCHRUN|PET|TORCHX"
    r"|SLURM|SLURMD|SRUN|SBATCH|PBS|LSB|LSF|SGE|FLUX|JSM|PALS|OMPI|PMI|PMIX|PRTE|MPI|MV2|MVAPICH|HYDRA|HYDI|I_MPI|HOROVOD"
    r"|SMDATAPARALLEL|SMDDP|SAGEMAKER|SM|XLA|PJRT|TPU|COLOSSALAI|LIGHTNING|PL|RAY|DYNAMO)_\w+"
    r"|MIXED_PRECISION|USE_FSDP|USE_DEEPSPEED|USE_MEGATRON_LM|PMI_RANK|PMI_SIZE"
)
"""Names of such variables. Those that choose devices or tune a network (CUDA_, NCCL_, GLOO_, OMP_) are none of them."""


def without(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment without them."""
    return {name: value for name, value in environment.items() if not NAMES.fullmatch(name)}


@contextmanager
def hidden() -> Iterator[None]:
    """Takes them out of this process's environment meanwhile, with whatever of theirs is set in it."""
    taken = {name: os.environ.pop(name) for name in list(os.environ) if NAMES.fullmatch(name)}
    try:
        yield
    finally:
        for name in [name for name in os.environ if NAMES.fullmatch(name)]:
            del os.environ[name]
        os.environ.update(taken)
