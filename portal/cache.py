"""The cache over Redis or Valkey. It may be emptied or gone at any moment; then it is empty, not an error."""

import logging
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis import RedisError

log = logging.getLogger(__name__)


class ForgivingCache(RedisCache):
    """Without its server nothing is found and nothing is kept. Sign-in goes on: its attempts are not counted then."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or `default`."""
        try:
            return super().get(key, default, version)
        except RedisError as error:
            return self._without(error, default)

    def set(self, *args: Any, **options: Any) -> None:
        """Keep the value, if it can be."""
        try:
            super().set(*args, **options)
        except RedisError as error:
            self._without(error, None)

    def add(self, *args: Any, **options: Any) -> bool:
        """True when the value was kept, or could not be: the caller may go on."""
        try:
            return bool(super().add(*args, **options))
        except RedisError as error:
            return bool(self._without(error, True))

    def delete(self, key: Any, version: int | None = None) -> bool:
        """True when there was something to delete."""
        try:
            return bool(super().delete(key, version))
        except RedisError as error:
            return bool(self._without(error, False))

    def _without(self, error: RedisError, answer: Any) -> Any:
        log.warning("cache not reached: %s", type(error).__name__)
        return answer
