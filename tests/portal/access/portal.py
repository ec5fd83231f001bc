"""The rows of what belongs to no app in the access matrix: route, what GET and what POST answer."""

from tests.portal.access.columns import EVERYBODY, NEVER

NO_ENTRY = "302 403 403 403 403 403 403 403"

PORTAL = {
    "health": ("200 200 200 200 200 200 200 200", NEVER),
    # Without its token it is not there, for anybody.
    "metrics": ("404 404 404 404 404 404 404 404", NEVER),
    "favicon": (EVERYBODY, NEVER),
    "admin/login/": (NO_ENTRY, NO_ENTRY),
    "admin/logout/": (EVERYBODY, EVERYBODY),
    "admin/password_change/": (EVERYBODY, "302 302 302 302 302 302 403 302"),
}
