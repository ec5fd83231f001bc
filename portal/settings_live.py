"""Settings of the live process: no middleware that costs every stream a thread, only the streams' addresses."""

from portal.settings import *  # noqa: F403

# Who asks is found out by jobs/live/lookups.py, in threads that all streams share. allauth, which knows how people
# sign in, insists on its middleware; that one can be awaited and touches nothing here.
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]
ROOT_URLCONF = "portal.urls_live"
