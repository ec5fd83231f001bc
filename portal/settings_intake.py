"""Settings of the intake process: calls of runners with a token, many a second; no people, sessions, forms or pages.

The views do themselves what middleware does for pages: they know the token, and look for room before they read.
"""

from portal.settings import *  # noqa: F403
from portal.settings import DATABASES
from portal.settings import INSTALLED_APPS as OF_ALL

# allauth insists on its middleware, and the admin's pages are made with allauth's.
FOR_PEOPLE = {"django.contrib.admin", "allauth", "allauth.account", "django_htmx", "csp"}
INSTALLED_APPS = [app for app in OF_ALL if app not in FOR_PEOPLE]
MIDDLEWARE = [
    "portal.middleware.request_ids",
    "django.middleware.common.CommonMiddleware",
    "jobs.transfers.for_runners",
]
# The other one is a page.
CSRF_FAILURE_VIEW = "django.views.csrf.csrf_failure"
ROOT_URLCONF = "portal.urls_intake"
# A turn to the database for each call: a connection that died is noticed by the first statement (bearer.py).
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
OUTPUT_SIZE_SECONDS = 1.0
