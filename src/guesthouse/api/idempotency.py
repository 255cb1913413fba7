"""Idempotency-Key: the same request sent again is answered again, not carried out again."""

import datetime as dt
import hashlib
import json
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from guesthouse.api.store import IdempotencyStore, KeyUse
from guesthouse.db import Database
from guesthouse.db.engine import OutcomeUnknown
from guesthouse.errors import Conflict, GuesthouseError, Invalid
from guesthouse.kit.clock import Clock
from guesthouse.people import Scope

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
METHODS = frozenset({"POST", "DELETE"})
"""PUT may be sent again as it is; a digest of its body, which may be a secret, is not kept."""
MAX_KEY_LENGTH = 255
LIFETIME = dt.timedelta(hours=24)
REFUSALS = (GuesthouseError, HTTPException, RequestValidationError)

SHOWN_ONCE = "guesthouse_shown_once"

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
Handler = Callable[[Request], Awaitable[Response]]


def shown_once(endpoint: Endpoint) -> Endpoint:
    """Declare that an endpoint's answer holds a secret, which is kept nowhere."""
    vars(endpoint)[SHOWN_ONCE] = True
    return endpoint


class KeyUnusable(Invalid):
    """The key is empty or too long."""

    def __init__(self) -> None:
        super().__init__(
            f"{HEADER} has 1 to {MAX_KEY_LENGTH} characters", next_step="send a fresh UUID"
        )


class KeyReused(Invalid):
    """The key came with another request before."""

    def __init__(self) -> None:
        super().__init__(
            f"this {HEADER} came with another request before",
            next_step="send a fresh key with each new request",
        )


class KeyBusy(Conflict):
    """The first request with the key has not been answered."""

    def __init__(self) -> None:
        super().__init__(
            f"the first request with this {HEADER} is at work or was interrupted",
            next_step="look with `guesthouse run list` whether it was carried out",
        )


class AnswerShownOnce(Conflict):
    """The request was carried out, and its answer held a secret."""

    def __init__(self) -> None:
        super().__init__(
            f"the request with this {HEADER} was carried out, and its answer is shown once",
            next_step="end what it made and ask for another, with a fresh key",
        )


class Idempotency:
    """Carries out a request at most once for each key."""

    def __init__(self, database: Database, clock: Clock, *, keeps_answers: bool = True) -> None:
        """Carry out requests of one endpoint.

        Args:
            database: Where keys and answers are kept.
            clock: Gives the time.
            keeps_answers: False where answers hold secrets: a repeated request is refused then.
        """
        self._database = database
        self._clock = clock
        self._keeps_answers = keeps_answers
        self._store = IdempotencyStore()

    async def carry_out(self, request: Request, scope: Scope | None, handler: Handler) -> Response:
        """Answer a request.

        1. Take the key in a transaction of its own: of two at once, one gets it.
        2. Not free: answer as the first time, or say why that is impossible.
        3. Carry out, then keep the answer; a refusal changed nothing, so it frees the key.

        An error nobody foresaw, a database that broke off a commit, or a process killed between 1
        and 3 leaves the key taken: nobody knows whether the request was carried out, and to refuse
        is safer than to do it twice.

        Raises:
            KeyUnusable: It is empty or too long.
            KeyReused: It came with another request before.
            KeyBusy: The first request with it has not been answered.
            AnswerShownOnce: It was answered, with a secret.
        """
        key = request.headers.get(HEADER)
        if key is None or scope is None or request.method not in METHODS:
            return await handler(request)
        if not 0 < len(key) <= MAX_KEY_LENGTH:
            raise KeyUnusable
        digest = _digest(request, await request.body())
        used = await run_in_threadpool(self._claim, scope, key, digest)
        if used is not None:
            return self._replay(used, digest)
        try:
            response = await handler(request)
        except OutcomeUnknown:
            raise
        except REFUSALS:
            await run_in_threadpool(self._release, scope, key)
            raise
        await run_in_threadpool(self._keep, scope, key, response)
        return response

    def _claim(self, scope: Scope, key: str, digest: str) -> KeyUse | None:
        now = self._clock.now()
        with self._database.transaction() as transaction:
            self._store.expire(scope, transaction, before=now - LIFETIME)
            if self._store.claim(scope, transaction, key, digest, at=now):
                return None
            return self._store.get(scope, transaction, key)

    def _keep(self, scope: Scope, key: str, response: Response) -> None:
        kept = self._keeps_answers and response.body
        body = json.loads(bytes(response.body)) if kept else None
        with self._database.transaction() as transaction:
            self._store.keep(scope, transaction, key, status=response.status_code, response=body)

    def _release(self, scope: Scope, key: str) -> None:
        with self._database.transaction() as transaction:
            self._store.release(scope, transaction, key)

    def _replay(self, used: KeyUse, digest: str) -> Response:
        if used.request != digest:
            raise KeyReused
        if used.status is None:
            raise KeyBusy
        if not self._keeps_answers:
            raise AnswerShownOnce
        if used.response is None:
            return Response(status_code=used.status, headers={REPLAYED: "true"})
        return JSONResponse(used.response, used.status, headers={REPLAYED: "true"})


def _digest(request: Request, body: bytes) -> str:
    head = f"{request.method} {request.url.path}?{request.url.query}\n"
    return hashlib.sha256(head.encode() + body).hexdigest()
