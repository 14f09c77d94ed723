"""As many problems through inspect_ai as through the harness: run by the Python of an environment that has it.

PYTHON benchmarks/peer_inspect.py PROBLEMS FOLDER

Problems of the harness's size, the mock model with a short reply and its usage given, one scorer, the log written.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator

from inspect_ai import Task, eval_async
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, system_message

INSTRUCTIONS = (
    "You plan meetings. Decide whether the rooms are enough for all of them. Think it through, then end with one line, "
    "ANSWER: YES or ANSWER: NO"
)
REPLY = "At most 3 meetings run at once, and there are 3 rooms, so all of them can be held.\nANSWER: YES"


def samples(count: int) -> list[Sample]:
    """Problems of five meetings."""
    stream = random.Random(0)
    made = []
    for _ in range(count):
        starts = [stream.randrange(8, 16) for _ in range(5)]
        meetings = " ".join(f"{start}-{start + stream.randint(1, 3)}" for start in starts)
        made.append(Sample(input=f"Meetings: {meetings}\nRooms: 3", target="ANSWER: YES"))
    return made


def replies(count: int) -> Iterator[ModelOutput]:
    """A reply to each, with its tokens: without them a tokenizer is looked for on the network."""
    for _ in range(count):
        made = ModelOutput.from_content(model="mockllm/model", content=REPLY)
        made.usage = ModelUsage(input_tokens=80, output_tokens=30, total_tokens=110)
        yield made


def main() -> None:
    """Evaluates, and fails unless every sample was scored."""
    count, folder = int(sys.argv[1]), sys.argv[2]
    task = Task(
        dataset=MemoryDataset(samples(count)), solver=[system_message(INSTRUCTIONS), generate()], scorer=includes()
    )
    model = get_model("mockllm/model", custom_outputs=replies(count))
    (log,) = asyncio.run(eval_async(task, model=model, log_dir=folder))
    if log.status != "success" or log.results is None or log.results.completed_samples != count:
        raise SystemExit(f"inspect_ai ended with {log.status}")


if __name__ == "__main__":
    main()
