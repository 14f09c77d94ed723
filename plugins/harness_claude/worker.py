"""An event loop in a thread of its own, with one client in it. What is sent through it, and when, is not known here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import anthropic

T = TypeVar("T")
TokenT = TypeVar("TokenT")
Job = Callable[[anthropic.AsyncAnthropic], Coroutine[Any, Any, T]]


class Worker(Generic[TokenT]):
    """A context manager. On leaving it, what is under way is cancelled and the thread has ended."""

    def __init__(self, connect: Callable[[], anthropic.AsyncAnthropic]) -> None:
        self._connect = connect
        self._done: SimpleQueue[tuple[TokenT, Future[Any]]] = SimpleQueue()
        self._ready: Future[None] = Future()
        # A daemon: if its owner is never closed, it must not keep the process alive and go on spending.
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="harness-claude", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def start(self, token: TokenT, job: Job[Any]) -> None:
        """Starts a job; ``next`` will hand out its token and its result."""
        future = asyncio.run_coroutine_threadsafe(job(self._client), self._loop)
        future.add_done_callback(lambda done: self._done.put((token, done)))

    def next(self, seconds: float | None) -> tuple[TokenT, Any] | None:
        """Token and result of a job that has ended, waiting for one so long; None if none has. Raises its error."""
        try:
            token, future = self._done.get(timeout=seconds)
        except Empty:
            return None
        return token, future.result()

    def call(self, job: Job[T]) -> T:
        """The result of one job, waited for."""
        return asyncio.run_coroutine_threadsafe(job(self._client), self._loop).result()

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            self._client = self._connect()
        except BaseException as error:
            self._ready.set_exception(error)
            return
        async with self._client:
            self._ready.set_result(None)
            await self._stop.wait()
            jobs = asyncio.all_tasks() - {asyncio.current_task()}
            for job in jobs:
                job.cancel()
            await asyncio.gather(*jobs, return_exceptions=True)
