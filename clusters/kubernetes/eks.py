"""Tokens for Amazon EKS: a signed question to AWS ("who am I?") that the cluster asks for us.

https://github.com/kubernetes-sigs/aws-iam-authenticator#api-authorization-from-outside-a-cluster
"""

import base64
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from clusters.driver import AdminFirst, ClusterUnreachable
from clusters.kubernetes.connection import ConnectionInvalid

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

PREFIX = "k8s-aws-v1."
# How long the signed URL may be used at AWS; the cluster asks within a second.
URL_SECONDS = 60
# The cluster takes a token for 15 minutes from its signature on; another is made well before.
TOKEN_SECONDS = 12 * 60
ROLE_SECONDS = 3600
CONNECT_SECONDS, READ_SECONDS = 5, 10
_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}")
_CLUSTER = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,200}")
_KEY_ID = re.compile(r"[A-Z0-9]{16,128}")
Key = tuple[str, str, str | None]


@dataclass(frozen=True)
class EksAccess:
    """Which cluster, and who asks: a key, or the portal's own AWS identity where there is none; then a role, if any."""

    cluster: str
    region: str
    role: str = ""
    key_id: str = ""
    secret_key: str = field(default="", repr=False)

    def check(self) -> None:
        """Raises ConnectionInvalid for the first field that cannot work, by its name in the database."""
        for name, value, pattern, sentence in (
            (
                "eks_cluster",
                self.cluster,
                _CLUSTER,
                "The name of the EKS cluster is letters, digits, - and _.",
            ),
            ("eks_region", self.region, _REGION, "The region looks like eu-central-1."),
            (
                "eks_role",
                self.role,
                _ROLE,
                "A role is given as its ARN: arn:aws:iam::123456789012:role/name.",
            ),
            (
                "aws_access_key_id",
                self.key_id,
                _KEY_ID,
                "An access key's id looks like AKIAIOSFODNN7EXAMPLE.",
            ),
        ):
            is_optional = name in ("eks_role", "aws_access_key_id")
            if not (is_optional and not value) and not pattern.fullmatch(value):
                raise ConnectionInvalid(name, sentence)
        if bool(self.key_id) != bool(self.secret_key):
            raise ConnectionInvalid(
                "aws_secret_access_key",
                "An access key has two parts, its id and its secret: give both or none.",
            )


class EksTokens:
    """A token for `access`, kept until it is old. Safe to share between threads."""

    def __init__(
        self, access: EksAccess, endpoint: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._access = access
        self._endpoint = endpoint
        self._clock = clock
        self._lock = threading.Lock()
        self._token, self._token_until = "", 0.0
        self._role_key: Key | None = None
        self._role_until = 0.0
        self._session: Any = None

    def token(self) -> str:
        """Raises AdminFirst where AWS does not know us, ClusterUnreachable where it does not answer."""
        with self._lock:
            if self._clock() >= self._token_until:
                with _aws_in_our_words():
                    self._token = self._made()
                self._token_until = self._clock() + TOKEN_SECONDS
            return self._token

    def forget(self) -> None:
        """The cluster does not take the token: the next one is another."""
        with self._lock:
            self._token_until = self._role_until = 0.0

    def _made(self) -> str:
        url = self._signed_question(self._key())
        return PREFIX + base64.urlsafe_b64encode(url.encode()).decode("ascii").rstrip("=")

    def _signed_question(self, key: Key) -> str:
        from botocore.auth import SigV4QueryAuth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(
            "GET",
            f"{self._sts_url()}/?Action=GetCallerIdentity&Version=2011-06-15",
            headers={"x-k8s-aws-id": self._access.cluster},
        )
        SigV4QueryAuth(_frozen(key), "sts", self._access.region, expires=URL_SECONDS).add_auth(request)
        return str(request.url)

    def _key(self) -> Key:
        """Of the role, if there is one; it lasts longer than the token that is made with it."""
        if not self._access.role:
            return self._own_key()
        if self._role_key is None or self._clock() >= self._role_until:
            answer = self._sts().assume_role(
                RoleArn=self._access.role, RoleSessionName="stellwerk", DurationSeconds=ROLE_SECONDS
            )["Credentials"]
            self._role_key = (answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
            self._role_until = self._clock() + ROLE_SECONDS - TOKEN_SECONDS - 300
        return self._role_key

    def _own_key(self) -> Key:
        if self._access.key_id:
            return (self._access.key_id, self._access.secret_key, None)
        found = self._botocore().get_credentials()
        if found is None:
            raise AdminFirst(
                "The portal has no AWS identity of its own here. Give an access key, or run the portal with a role."
            )
        frozen = found.get_frozen_credentials()
        return (frozen.access_key, frozen.secret_key, frozen.token)

    def _sts(self) -> Any:
        from botocore.config import Config

        key_id, secret, session_token = self._own_key()
        return self._botocore().create_client(
            "sts",
            region_name=self._access.region,
            endpoint_url=self._endpoint or None,
            aws_access_key_id=key_id,
            aws_secret_access_key=secret,
            aws_session_token=session_token,
            config=Config(
                connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 2}
            ),
        )

    def _sts_url(self) -> str:
        """The region's own STS: a global one would be far away, and not every partition has it."""
        ending = "amazonaws.com.cn" if self._access.region.startswith("cn-") else "amazonaws.com"
        return f"https://sts.{self._access.region}.{ending}"

    def _botocore(self) -> Any:
        # Imported here: only a portal with an EKS cluster pays for it.
        from botocore.session import Session

        if self._session is None:
            self._session = Session()
            self._session.set_config_variable("sts_regional_endpoints", "regional")
        return self._session


def _frozen(key: Key) -> "ReadOnlyCredentials":
    from botocore.credentials import ReadOnlyCredentials

    return ReadOnlyCredentials(*key)


@contextmanager
def _aws_in_our_words() -> Iterator[None]:
    """AWS' and botocore's errors as the driver protocol's, and without what they carry in their frames."""
    from botocore import exceptions as aws

    try:
        yield
    except aws.ClientError as error:
        told = error.response.get("Error", {})
        code, status = (
            told.get("Code", ""),
            error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        )
        sentence = f"AWS refused the portal ({code}): {told.get('Message', '')}"
        if status >= 500 or code in ("Throttling", "RequestLimitExceeded"):
            raise ClusterUnreachable(sentence) from None
        raise AdminFirst(f"{sentence} Check the access key and who may assume the role.") from None
    except (aws.HTTPClientError, aws.ConnectionError) as error:
        raise ClusterUnreachable(f"AWS does not answer ({type(error).__name__}).") from None
    except aws.BotoCoreError as error:
        raise AdminFirst(f"The portal cannot use its AWS identity: {error}") from None
