"""What the runners of jobs call: claims, output, results. Pages are portal/wsgi.py's."""

import os

from django.core.wsgi import get_wsgi_application

from portal import heap

os.environ["DJANGO_SETTINGS_MODULE"] = "portal.settings_intake"
application = get_wsgi_application()
heap.settle()
