"""The process's one subscription to the hints of all jobs, and the note that somebody is watching."""

import asyncio
import logging
from collections.abc import Callable, Iterable

import redis.asyncio as redis
from django.conf import settings
from redis.exceptions import RedisError

from jobs.hints import WATCHED_SECONDS

log = logging.getLogger(__name__)
TRY_AGAIN_SECONDS = 1.0
# A connection that the other end forgot is found out by a ping.
PING_SECONDS = 10


class Bell:
    """Rings for every hint, `ring(job_id, "output" | "status")`, as long as `listen` runs.

    Without Redis it is silent and nothing else: who waits for it looks by itself every now and then.
    """

    def __init__(self, ring: Callable[[int, str], None]) -> None:
        self._ring = ring
        self._client = redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1, decode_responses=True
        )

    async def listen(self) -> None:
        """Until it is cancelled; connects again for ever."""
        is_told = False
        while True:
            try:
                await self._hear()
            except (RedisError, OSError) as error:
                if not is_told:
                    log.warning("no hints: %s", type(error).__name__)
                is_told = True
                await asyncio.sleep(TRY_AGAIN_SECONDS)
            else:
                is_told = False

    async def _hear(self) -> None:
        # No time-out on reading: between two hints hours may pass.
        client = redis.Redis.from_url(
            settings.REDIS_URL,
            socket_connect_timeout=2,
            health_check_interval=PING_SECONDS,
            decode_responses=True,
        )
        async with client, client.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.psubscribe("job:*")
            while True:
                message = await subscription.get_message(timeout=PING_SECONDS)
                if message:
                    self._pass_on(message["channel"], message["data"])

    def _pass_on(self, channel: str, what: str) -> None:
        number = channel.partition(":")[2]
        if number.isdecimal():
            self._ring(int(number), what)

    async def note_watched(self, attempt_ids: Iterable[int]) -> None:
        """Let the runners of these attempts know that somebody is looking, for WATCHED_SECONDS. Never raises."""
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for attempt_id in attempt_ids:
                    pipeline.set(f"watched:{attempt_id}", "1", ex=WATCHED_SECONDS)
                await pipeline.execute()
        except (RedisError, OSError) as error:
            log.debug("not noted as watched: %s", type(error).__name__)

    async def close(self) -> None:
        """Give the connections back."""
        await self._client.aclose()
