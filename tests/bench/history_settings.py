"""The real settings, with what the bench of the history adds: a count of statements, and Django's own list."""

from portal.settings import *  # noqa: F403
from portal.settings import MIDDLEWARE

MIDDLEWARE.insert(0, "tests.bench.history_peer.count_statements")
ROOT_URLCONF = "tests.bench.history_peer"
