"""Posts readings to the plugins that asked for them, each at the pace it keeps up with."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

import httpx
import psycopg
from pydantic import ValidationError

from beacon.api.model import CallbackAnswer, NewResult, Plugin, Reading

BATCH_LIMIT = 100
ANSWER_LIMIT_BYTES = 64 * 1024
TIMEOUT_SECONDS = 5.0
PAUSE_SECONDS = 1.0
PAUSE_AFTER_FAILURE_SECONDS = 5.0

log = logging.getLogger("beacon.callbacks")

OnResult = Callable[[UUID, NewResult], Awaitable[None]]


class AnswerTooLong(Exception):
    """A plugin answered more than Beacon reads."""


class Callbacks:
    """One sender per plugin with a callback.

    Readings gather while a plugin is busy and go out together; a plugin that stays away loses
    the oldest ones and nobody else notices.
    """

    def __init__(self, on_result: OnResult) -> None:
        self._on_result = on_result
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, follow_redirects=False)
        self._waiting: dict[UUID, deque[Reading]] = {}
        self._senders: dict[UUID, asyncio.Task[None]] = {}

    def follow(self, plugin: Plugin) -> None:
        """Start, change or stop sending to a plugin, whichever its registration says."""
        self.leave(plugin.id)
        if plugin.callback is not None:
            self._waiting[plugin.id] = deque(maxlen=BATCH_LIMIT)
            self._senders[plugin.id] = asyncio.create_task(self._send(plugin.id, plugin.callback))

    def follow_all(self, plugins: Iterable[Plugin]) -> None:
        """Start sending to each plugin with a callback."""
        for plugin in plugins:
            self.follow(plugin)

    def leave(self, plugin: UUID) -> None:
        """Stop sending to a plugin."""
        self._waiting.pop(plugin, None)
        if sender := self._senders.pop(plugin, None):
            sender.cancel()

    def offer(self, reading: Reading) -> None:
        """Queue a reading for every plugin that wants it."""
        for waiting in self._waiting.values():
            waiting.append(reading)

    async def close(self) -> None:
        """Stop all senders."""
        senders = list(self._senders.values())
        for plugin in list(self._senders):
            self.leave(plugin)
        await asyncio.gather(*senders, return_exceptions=True)
        await self._client.aclose()

    async def _send(self, plugin: UUID, callback: str) -> None:
        while True:
            await asyncio.sleep(PAUSE_SECONDS)
            batch = list(self._waiting[plugin])
            self._waiting[plugin].clear()
            if batch and not await self._deliver(plugin, callback, batch):
                await asyncio.sleep(PAUSE_AFTER_FAILURE_SECONDS)

    async def _deliver(self, plugin: UUID, callback: str, batch: list[Reading]) -> bool:
        body = {"readings": [reading.model_dump(mode="json") for reading in batch]}
        try:
            answer = await self._post(callback, body)
        except (httpx.HTTPError, ValidationError, AnswerTooLong) as exc:
            log.warning("Plugin %s did not take %d readings: %s", plugin, len(batch), exc)
            return False
        try:
            for result in answer.results:
                await self._on_result(plugin, result)
        except psycopg.Error as exc:
            log.warning("Results of plugin %s were not kept: %s", plugin, exc)
            return False
        return True

    async def _post(self, callback: str, body: object) -> CallbackAnswer:
        received = bytearray()
        async with self._client.stream("POST", callback, json=body) as response:
            response.raise_for_status()
            async for chunk in response.aiter_bytes():
                received += chunk
                if len(received) > ANSWER_LIMIT_BYTES:
                    raise AnswerTooLong
        return CallbackAnswer.model_validate_json(received) if received else CallbackAnswer()
