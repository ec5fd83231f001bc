"""Why Kubernetes does not let something in: what the API server says of a create, or a controller of its own. Pure.

One list for both: a Job that is refused is refused to us, its pod to the Job controller, in the same words.
https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/
"""

import re

from clusters.causes import Wait
from clusters.driver import DriverError
from clusters.kubernetes.api import ApiRefused

# The first that fits counts.
_FORMS: tuple[tuple[Wait, re.Pattern[str]], ...] = tuple(
    (cause, re.compile(form, re.I))
    for cause, form in (
        (Wait.QUOTA, r"exceeded quota:"),
        (Wait.SPACE_ENDING, r"because it is being terminated"),
        (Wait.SPACE_MISSING, r'namespaces? "[^"]*" not found'),
        (
            Wait.ADMISSION,
            r"violates PodSecurity|denied the request|denied request|violates constraint",
        ),
        (Wait.LIMIT_RANGE, r"(maximum|minimum|max) .*(usage per|ratio per)"),
        (Wait.RIGHTS_MISSING, r"\bcannot \w+ resource\b"),
    )
)
_WHO = re.compile(
    r"^(?:\(combined from similar events\): )?(?:Error creating: )?"
    r'(?:[\w.]+ "[^"]*" is (?:forbidden|invalid): (?:: )?)?'
)


def cause_of(message: str) -> Wait | None:
    """The cause that the words tell; None for words that are none of these."""
    return next((cause for cause, form in _FORMS if form.search(message)), None)


def bare(message: str) -> str:
    """Without who was refused: the rest says why."""
    return _WHO.sub("", message, count=1) or message


def in_our_words(refused: ApiRefused, what: str) -> DriverError:
    """The driver protocol's error for a create that was refused, with its cause. `what` was to be made."""
    error = refused.in_our_words(what)
    cause = cause_of(refused.message) if refused.status in (400, 403, 404, 422) else None
    return error.because(cause) if cause else error
