"""Server-sent events only; pages are WSGI's (portal/wsgi.py)."""

import os
import resource

from django.core.asgi import get_asgi_application
from django.core.signals import request_started
from django.db import close_old_connections, reset_queries

from portal import heap

os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings_live"
application = get_asgi_application()
heap.settle()

# A stream is an open file, and the usual limit is 1,024.
_, most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

# Receivers that cannot be awaited would give each stream a thread of its own for as long as it lives. There is
# nothing for them to do: the look-ups close their connections themselves (jobs/live/lookups.py).
request_started.disconnect(close_old_connections)
request_started.disconnect(reset_queries)
