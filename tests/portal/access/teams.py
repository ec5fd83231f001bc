"""The rows of teams, people and accounts in the access matrix: route, what GET and what POST answer."""

from tests.portal.access.columns import (
    ADMINS_ASK,
    ADMINS_GO,
    ADMINS_SEND,
    EVERYBODY,
    NEVER,
    NO_BUTTON,
    NO_PAGE,
    OF_A_TEAM,
    PAGE,
    READERS,
)

MANAGERS = "302 403 403 404 200 404 403 200"
MANAGERS_SEND = "302 403 403 404 302 404 403 302"
# Alice's team-mates did not invite the person, so they know of no such person.
NOBODY_404 = "404 404 404 404 404 404 404 404"
SIGNED_IN = "302 200 200 200 200 200 200 200"

TEAMS = {
    "audit_list": (READERS, NO_BUTTON),
    "audit_export": (READERS, NO_BUTTON),
    "team_list": (PAGE, NO_BUTTON),
    "team_add": ADMINS_ASK,
    "team_detail": (OF_A_TEAM, NO_BUTTON),
    "team_use": (OF_A_TEAM, NO_BUTTON),
    "team_quota": (MANAGERS, MANAGERS),
    "team_storage": (OF_A_TEAM, NO_BUTTON),
    "team_retention": (MANAGERS, MANAGERS_SEND),
    "portal_retention": ADMINS_GO,
    "team_pause": ADMINS_ASK,
    "cluster_pause": ADMINS_ASK,
    "pause_all": ADMINS_ASK,
    "team_edit": ADMINS_ASK,
    "team_disable": ADMINS_GO,
    "team_enable": (NO_PAGE, ADMINS_SEND),
    "member_add": (MANAGERS, MANAGERS),
    "member_edit": (MANAGERS, MANAGERS),
    "member_remove": (MANAGERS, MANAGERS_SEND),
    "person_list": (READERS, NO_BUTTON),
    "person_invite": ("302 404 404 404 200 200 403 200", "302 404 404 404 200 200 403 200"),
    "person_detail": (READERS, NO_BUTTON),
    "person_edit": ADMINS_ASK,
    "person_disable": ADMINS_GO,
    "person_enable": (NO_PAGE, ADMINS_SEND),
    "person_sign_out": (NO_PAGE, ADMINS_SEND),
    # Shown at once: the link is not kept.
    "invitation_renew": (NO_PAGE, "302 404 404 404 404 404 403 200"),
    "invitation_revoke": (NO_PAGE, ADMINS_SEND),
    "invitation_open": (EVERYBODY, NEVER),
    "invitation_accept": (NOBODY_404, "404 404 404 404 404 404 403 404"),
    "account_login": ("200 302 302 302 302 302 302 302", "200 302 302 302 302 302 302 302"),
    "account_logout": (SIGNED_IN, EVERYBODY),
    "account_change_password": (PAGE, PAGE),
}
