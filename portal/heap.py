"""What a server process keeps for as long as it lives is not looked through for garbage again and again.

In a full collection of all that Django, its models and templates are every page waits (docs/decisions/0013).
"""

import gc
from importlib import import_module

from django.conf import settings


def settle() -> None:
    """To be called when the application is loaded, before the first request: what is there now stays."""
    # The views, and all that they import: Django would do it with the first request.
    import_module(settings.ROOT_URLCONF)
    gc.collect()
    gc.freeze()
