"""The server processes put what they have loaded out of the garbage collector's reach before the first request."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

LOADED = """
import gc, importlib, sys
importlib.import_module(sys.argv[1])
from django.conf import settings
assert settings.ROOT_URLCONF in sys.modules, "the first request would load the views, behind what is kept"
print(gc.get_freeze_count(), len(gc.get_objects()))
"""


@pytest.mark.parametrize("module", ["portal.wsgi", "portal.wsgi_intake", "portal.asgi"])
def test_what_is_loaded_is_not_looked_through_again(module):
    environment = os.environ | {"STELLWERK_HOME": str(settings.HOME), "SECRET_KEY": settings.SECRET_KEY}
    run = [sys.executable, "-c", LOADED, module]
    done = subprocess.run(
        run, env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    frozen, rest = map(int, done.stdout.split())
    assert frozen > 20 * rest
