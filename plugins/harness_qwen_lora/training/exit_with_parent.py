"""Runs another module as a program that ends with whoever started it.

``python -m harness_qwen_lora.training.exit_with_parent MODULE ...``

The processes of a training are tied to the run by their standard input, a pipe that nobody writes to: once the run is
gone, however it ended, the pipe is closed. Imports nothing large, so that a process is tied from its first moment.
"""

from __future__ import annotations

import os
import runpy
import sys
from threading import Thread

ABANDONED = 3
"""Exit code of a process whose run is gone."""


def tie() -> None:
    """From now on this process ends as soon as its standard input does."""
    Thread(target=_wait, name="exit-with-parent", daemon=True).start()


def _wait() -> None:
    # read without a buffer, whose lock would stand in the way when the interpreter shuts down
    while os.read(0, 1):
        pass
    os._exit(ABANDONED)


def main() -> None:
    """Ties this process and runs the module that the arguments name, with the rest of them."""
    tie()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
