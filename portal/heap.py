"""What a server process keeps for as long as it lives is not looked through for garbage again and again.

A full collection of all that Django, its models and templates are took a web process 150 ms, and every page waited for
it (`make bench ARGS=watchers` sees it: a page's p99 was 3.4 times that of a portal that nobody watches, and is 2.0).
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
