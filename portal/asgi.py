"""Server-sent events only; pages are WSGI's (portal/wsgi.py)."""

import os

from django.core.asgi import get_asgi_application

os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings_live"
application = get_asgi_application()
