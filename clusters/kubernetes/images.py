"""Why an image does not come: the kubelet's and container runtimes' words. Pure.

containerd: core/remotes/docker (errors of registries); the kubelet: pkg/kubelet/images/image_manager.go. Since
Kubernetes 1.31 ImagePullBackOff repeats the last error; before, it says only that it waits.
"""

import re

from clusters.causes import Wait

# The first that fits counts: a rate limit is a denial as well, and a denial may say "not found".
_FORMS: tuple[tuple[Wait, re.Pattern[str]], ...] = tuple(
    (cause, re.compile(form, re.I))
    for cause, form in (
        (Wait.IMAGE_LIMIT, r"toomanyrequests|429 too many|rate limit"),
        (Wait.IMAGE_PLATFORM, r"no match for platform|no matching manifest|does not match .*platform"),
        (
            Wait.IMAGE_LOGIN,
            r"pull access denied|unauthorized|authentication required|no basic auth|authorization failed"
            r"|403 forbidden|401 unauthorized|insufficient_scope|denied: |not authenticated|access denied",
        ),
        (
            Wait.IMAGE_REGISTRY,
            r"dial tcp|i/o timeout|connection refused|connection reset|no such host|server misbehaving"
            r"|handshake|x509:|name resolution|deadline exceeded|no route to host|network is unreachable"
            r"|RegistryUnavailable|\b50[0234] |server gave HTTP response|unexpected EOF|: EOF",
        ),
        (Wait.IMAGE_MISSING, r"not found|manifest unknown|name unknown|\b404\b|does not exist"),
    )
)


def cause_of(message: str) -> Wait:
    """Why a pull failed; IMAGE_PULL for words that are none of these."""
    return next((cause for cause, form in _FORMS if form.search(message)), Wait.IMAGE_PULL)
