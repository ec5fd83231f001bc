"""The clusters' rows of the access matrix: route, what GET and what POST answer."""

from tests.portal.access.columns import ADMINS_ASK, ADMINS_GO, ADMINS_SEND, NO_BUTTON, NO_PAGE, READERS

PRESET = "302 404 404 404 404 404 403 404"
FOR_ADMINS = (*ADMINS_ASK[:1], NO_BUTTON)

CLUSTERS = {
    "cluster_list": (READERS, NO_BUTTON),
    "cluster_connect": ADMINS_ASK,
    "cluster_connect_by": ADMINS_ASK,
    "cluster_paste": FOR_ADMINS,
    "cluster_paste_download": FOR_ADMINS,
    "cluster_detail": (READERS, NO_BUTTON),
    "cluster_health": (READERS, NO_BUTTON),
    "cluster_test": (NO_PAGE, ADMINS_SEND),
    "cluster_edit": ADMINS_ASK,
    "cluster_switch": ADMINS_GO,
    "cluster_remove": ADMINS_ASK,
    "cluster_credentials": ADMINS_ASK,
    "cluster_credentials_by": ADMINS_ASK,
    "space_edit": ADMINS_ASK,
    "image_list": (READERS, NO_BUTTON),
    "image_add": ADMINS_ASK,
    "image_edit": ADMINS_ASK,
    "image_preset": (NO_PAGE, PRESET),
    "image_switch": (NO_PAGE, ADMINS_SEND),
    "image_move": (NO_PAGE, ADMINS_SEND),
    "image_remove": ADMINS_GO,
    "profile_list": (READERS, NO_BUTTON),
    "profile_add": ADMINS_ASK,
    "profile_edit": ADMINS_ASK,
    "profile_preset": (NO_PAGE, PRESET),
    "profile_switch": (NO_PAGE, ADMINS_SEND),
    "profile_move": (NO_PAGE, ADMINS_SEND),
    "profile_remove": ADMINS_GO,
}
