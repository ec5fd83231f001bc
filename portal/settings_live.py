"""Settings of the live process: no middleware (each would cost every stream a thread), only the streams' addresses."""

from portal.settings import *  # noqa: F403

# Who asks is found out by jobs/live/lookups.py, in threads that all streams share.
MIDDLEWARE = []
ROOT_URLCONF = "portal.urls_live"
