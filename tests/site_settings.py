"""The real settings for the web process of `tests/site.py`: static files under their own names, cheap passwords."""

import importlib.util
import sys
import types

from portal.settings import *  # noqa: F403
from portal.settings import STORAGES

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

if (
    importlib.util.find_spec("clusters.doctor") is None
):  # the doctor is not here yet: a visit is only asked for
    doctor = types.ModuleType("clusters.doctor")
    doctor.request_visit = lambda cluster, user: cluster.visits.create(asked_by=user)
    sys.modules["clusters.doctor"] = doctor
