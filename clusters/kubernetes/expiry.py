"""When credentials end, read out of themselves; and the warning that comes before."""

import base64
import json
from datetime import UTC, datetime, timedelta

from clusters.kubernetes.connection import Connection

WARNING_DAYS = 14


def expires_at(connection: Connection) -> datetime | None:
    """When the token or the client certificate ends; None where it does not say, or never ends."""
    if connection.client_certificate:
        return _end_of_certificates(connection.client_certificate)
    return _end_of_token(connection.token)


def warning(expires_at: datetime | None, now: datetime) -> str:
    """A sentence for admins from two weeks before the end on; "" before, and where no end is known."""
    if expires_at is None or expires_at - now > timedelta(days=WARNING_DAYS):
        return ""
    day = f"{expires_at:%d %B %Y, %H:%M %Z}".strip()
    if expires_at <= now:
        return (
            f"The credentials ended on {day}. Replace them: until then nothing works there; no job is lost."
        )
    days = (expires_at - now).days
    left = "in less than a day" if days == 0 else "in 1 day" if days == 1 else f"in {days} days"
    return f"The credentials end {left}, on {day}. Replace them before; jobs go on meanwhile."


def _end_of_token(token: str) -> datetime | None:
    """`exp` of a JSON Web Token (RFC 7519). It is read, not believed: the API server judges."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return None


def _end_of_certificates(text: str) -> datetime | None:
    """The earliest end in the chain."""
    # Imported here: most processes never need it.
    from cryptography import x509

    try:
        return min(each.not_valid_after_utc for each in x509.load_pem_x509_certificates(text.encode("ascii")))
    except ValueError:
        return None
