"""Tokens for Amazon EKS, judged by a stub of AWS that has its own idea of signatures."""

from dataclasses import replace

import pytest

from clusters.driver import AdminFirst, ClusterUnreachable
from clusters.kubernetes import eks
from clusters.kubernetes.connection import Connection, ConnectionInvalid
from clusters.kubernetes.credentials import Eks
from clusters.kubernetes.eks import EksAccess, EksTokens
from tests.clusters.stub_sts import StubSts

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "canary/secret+key"
ROLE = "arn:aws:iam::123456789012:role/stellwerk"
ACCESS = EksAccess("prod-1", "eu-central-1", "", KEY_ID, SECRET)


@pytest.fixture
def sts():
    stub = StubSts()
    stub.keys[KEY_ID] = (SECRET, "")
    yield stub
    stub.stop()


@pytest.fixture(autouse=True)
def no_aws_of_this_machine(monkeypatch, tmp_path):
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_token_names_its_key_and_its_cluster(sts):
    token = EksTokens(ACCESS).token()
    assert sts.identity(token, "prod-1") == KEY_ID
    with pytest.raises(AssertionError):
        sts.identity(token, "another-cluster")
    sts.keys[KEY_ID] = ("another secret", "")
    with pytest.raises(AssertionError):
        sts.identity(token, "prod-1")


def test_a_role_is_assumed_with_the_key_and_signs_the_token(sts, clock):
    tokens = EksTokens(replace(ACCESS, role=ROLE), sts.url, clock)
    assert sts.identity(tokens.token(), "prod-1") == "ASIAROLE000000000001"
    assert sts.roles == [
        {
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "RoleArn": ROLE,
            "RoleSessionName": "stellwerk",
            "DurationSeconds": "3600",
        }
    ]


def test_a_token_is_kept_and_made_anew_before_it_ends(sts, clock):
    tokens = EksTokens(replace(ACCESS, role=ROLE), sts.url, clock)
    first = tokens.token()
    clock.now += eks.TOKEN_SECONDS - 1
    assert tokens.token() == first
    assert eks.TOKEN_SECONDS <= 14 * 60
    made = []
    for _ in range(8):
        clock.now += eks.TOKEN_SECONDS
        made.append(sts.identity(tokens.token(), "prod-1"))
    # The role's key lasts an hour, and longer than each token that is made with it.
    assert len(sts.roles) == 3
    assert made[0] == "ASIAROLE000000000001"


def test_a_token_that_the_cluster_does_not_take_is_made_again_once(sts, clock):
    credentials = Eks(
        Connection("https://eks.test", ""), EksTokens(replace(ACCESS, role=ROLE), sts.url, clock)
    )
    used = credentials.headers()
    assert credentials.renew(used)
    fresh = credentials.headers()
    assert fresh != used
    # Others who were refused with the same token find the new one.
    assert credentials.renew(used)
    assert credentials.headers() == fresh
    assert len(sts.roles) == 2


def test_the_portals_own_identity_is_used_where_no_key_is_given(sts, monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAPORTALPORTALPORT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "portal-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "portal/session=")
    sts.keys["ASIAPORTALPORTALPORT"] = ("portal-secret", "portal/session=")
    own = EksAccess("prod-1", "eu-central-1")
    assert sts.identity(EksTokens(own).token(), "prod-1") == "ASIAPORTALPORTALPORT"
    # A key that was given goes before it.
    assert sts.identity(EksTokens(ACCESS).token(), "prod-1") == KEY_ID


def test_without_any_identity_there_is_a_sentence():
    with pytest.raises(AdminFirst, match="no AWS identity"):
        EksTokens(EksAccess("prod-1", "eu-central-1")).token()


@pytest.mark.parametrize(
    ("fails", "error"),
    [
        ((403, "AccessDenied"), AdminFirst),
        ((403, "InvalidClientTokenId"), AdminFirst),
        ((500, "InternalFailure"), ClusterUnreachable),
    ],
)
def test_what_aws_refuses_is_told_without_the_key(sts, fails, error):
    sts.fails = fails
    with pytest.raises(error) as refused:
        EksTokens(replace(ACCESS, role=ROLE), sts.url).token()
    assert fails[1] in str(refused.value)
    assert SECRET not in str(refused.value)


def test_an_aws_that_does_not_answer_is_a_matter_of_time(monkeypatch):
    monkeypatch.setattr(eks, "CONNECT_SECONDS", 1)
    with pytest.raises(ClusterUnreachable, match="AWS does not answer"):
        EksTokens(replace(ACCESS, role=ROLE), "http://127.0.0.1:1").token()


def test_a_field_that_cannot_work_is_named():
    ACCESS.check()
    replace(ACCESS, role=ROLE, key_id="", secret_key="").check()
    for field, value, named in (
        ("cluster", "", "eks_cluster"),
        ("cluster", "a/b", "eks_cluster"),
        ("region", "", "eks_region"),
        ("region", "evil.example.org/", "eks_region"),
        ("region", "eu-central-1.evil.org", "eks_region"),
        ("role", "stellwerk", "eks_role"),
        ("role", "arn:aws:s3:::bucket", "eks_role"),
        ("key_id", "akia lower", "aws_access_key_id"),
        ("key_id", "", "aws_secret_access_key"),
        ("secret_key", "", "aws_secret_access_key"),
    ):
        with pytest.raises(ConnectionInvalid) as invalid:
            replace(ACCESS, **{field: value}).check()
        assert invalid.value.field == named
        assert SECRET not in str(invalid.value) + repr(ACCESS)


def test_china_has_its_own_aws():
    assert (
        EksTokens(replace(ACCESS, region="cn-north-1"))._sts_url()
        == "https://sts.cn-north-1.amazonaws.com.cn"
    )
