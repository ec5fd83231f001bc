"""Kubeconfigs that somebody uploads: plain data goes on, everything else is refused by its name."""

import base64
import pickle
import ssl
from pathlib import Path

import pytest
import yaml

from clusters.kubernetes.connection import Connection, ConnectionInvalid
from clusters.kubernetes.kubeconfig import LARGEST, KubeconfigRefused, read_kubeconfig
from tests.clusters.certificates import make_ca

CA = ssl.DER_cert_to_PEM_cert(b"not really, but PEM")
SERVER = "https://10.0.0.1:6443"


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def config(cluster=None, user=None, **more) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": "c",
                    "cluster": {"server": SERVER, "certificate-authority-data": encoded(CA)}
                    | (cluster or {}),
                }
            ],
            "users": [{"name": "u", "user": {"token": "secret-token"} if user is None else user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        | more
    )


def test_a_token_and_a_ca_are_taken():
    assert read_kubeconfig(config()).connection() == Connection(SERVER, CA, "secret-token")


def test_a_client_certificate_is_taken():
    user = {"client-certificate-data": encoded("cert"), "client-key-data": encoded("key")}
    found = read_kubeconfig(config(user=user)).connection()
    assert (found.client_certificate, found.client_key, found.token) == ("cert", "key", "")


def test_the_context_is_a_choice():
    text = config(
        contexts=[
            {"name": name, "context": {"cluster": "c", "user": "u", "namespace": "ignored"}}
            for name in ("a", "b")
        ],
        **{"current-context": "gone"},
    )
    found = read_kubeconfig(text)
    assert (found.contexts, found.current) == (("a", "b"), "a")
    assert found.connection("b") == found.connection()
    with pytest.raises(KubeconfigRefused, match="no context 'z'"):
        found.connection("z")


@pytest.mark.parametrize(
    ("place", "field", "value", "instead"),
    [
        ("user", "exec", {"command": "aws", "args": ["eks", "get-token"]}, "go on at Amazon EKS"),
        ("user", "exec", {"command": "kubelogin"}, "service account"),
        ("user", "auth-provider", {"name": "gcp"}, "service account"),
        ("user", "tokenFile", "/var/run/token", "token itself"),
        ("user", "client-certificate", "/home/me/cert.pem", "--flatten"),
        ("user", "client-key", "key.pem", "--flatten"),
        ("user", "username", "admin", "service account"),
        ("user", "password", "hunter2", "service account"),
        ("user", "as", "system:admin", "acts as itself"),
        ("user", "as-groups", ["system:masters"], "acts as itself"),
        ("user", "as-uid", "1", "acts as itself"),
        ("user", "as-user-extra", {"a": ["b"]}, "acts as itself"),
        ("cluster", "certificate-authority", "/etc/ca.pem", "--flatten"),
        ("cluster", "insecure-skip-tls-verify", True, "CA certificate"),
        ("cluster", "proxy-url", "socks5://evil:1080", "connects directly"),
    ],
)
def test_what_is_no_plain_data_is_refused_by_its_name(place, field, value, instead):
    values = {field: value} | ({"token": "t"} if place == "user" else {})
    text = config(**{place: values})
    with pytest.raises(KubeconfigRefused) as refused:
        read_kubeconfig(text).connection()
    assert refused.value.field == f"{place}.{field}"
    assert instead in refused.value.sentence


def test_other_contexts_may_be_whatever_they_are():
    """A person's kubeconfig has more in it than what is connected now."""
    other = {"name": "other", "user": {"exec": {"command": "aws"}}}
    text = config(users=[{"name": "u", "user": {"token": "t"}}, other])
    assert read_kubeconfig(text).connection().token == "t"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "just words",
        "[]",
        "kind: Pod",
        "a: [",
        "\x00",
        "kind: Config",
        "kind: Config\nclusters: 7",
        "kind: Config\nclusters: [7]",
        "kind: Config\ncontexts: [{name: x}]",
        "kind: Config\ncontexts: [{name: [x], context: {}}]",
        "kind: Config\ncontexts: [{name: x, context: {cluster: {}, user: []}}]",
        "kind: Config\ncontexts: [{name: x, context: {cluster: c, user: u}}]",
        config(user={"token": 7}),
        config(user={"token": ["t"]}),
        config(cluster={"server": 7}),
        config(cluster={"certificate-authority-data": "%%%"}),
        config(cluster={"certificate-authority-data": encoded("\xff")}),
        config(user={"client-key-data": 1.5}),
        "!!python/object/apply:os.system ['touch /tmp/owned']",
        "kind: Config\ncontexts: !!python/name:os.system",
        "[" * 100_000,
        "a: " + "x" * LARGEST,
    ],
)
def test_what_is_no_kubeconfig_is_refused_with_a_sentence(text):
    with pytest.raises(KubeconfigRefused) as refused:
        read_kubeconfig(text).connection()
    assert len(str(refused.value)) > 20
    assert not Path("/tmp/owned").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kind: Config\nclusters:\n  %%% garbage\n", "line 3 cannot be read as YAML"),
        ("kind: Config\nclusters:\n- name: x\n cluster: y\n", "line 4 cannot be read as YAML"),
        ("kind: Config\n\tclusters: []\n", "Line 2 is indented with a tab"),
        ("kind: Config\nname:\tfoo: bar\n", "line 2 cannot be read as YAML"),
        ("kind: Config\nusers: \x00\n", "line 2 has a character that is no text"),
        ("kind: Config\na: &a x\nb: *a\n", "Line 3 has a reference (*name)"),
        ("{", "line 1 cannot be read as YAML"),
        ("a: 2024-99-99", "it cannot be read as YAML"),
        ("just words", "it names no clusters, users and contexts"),
        ("kind: Pod", "its kind should be Config"),
    ],
)
def test_garbage_is_told_with_its_line_and_what_to_do_and_never_in_the_parsers_words(text, told):
    with pytest.raises(KubeconfigRefused) as refused:
        read_kubeconfig(text)
    assert told in refused.value.sentence
    assert "`kubectl config view --raw --flatten --minify` prints it." in refused.value.sentence
    for word in ("expected", "token", "mapping", "stream", "scanning", "parsing"):
        assert word not in refused.value.sentence


def test_references_are_not_unfolded():
    bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join(['*' + chr(97 + n)] * 9)}]\n" for n in range(9)
    )
    with pytest.raises(KubeconfigRefused, match="references"):
        read_kubeconfig(bomb)


def test_secrets_are_in_no_repr_and_in_no_refusal():
    connection = Connection(SERVER, CA, "canary-token", "canary-cert", "canary-key")
    assert "canary" not in repr(connection) + str(connection)
    with pytest.raises(ConnectionInvalid) as refused:
        connection.check()
    assert "canary" not in str(refused.value)
    assert pickle.loads(pickle.dumps(connection)) == connection  # noqa: S301 (our own)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"server": "http://10.0.0.1"}, "server"),
        ({"server": "10.0.0.1:6443"}, "server"),
        ({"server": "https://"}, "server"),
        ({"server": "https://me:secret@host"}, "server"),
        ({"server": "https://host/a/../b"}, "server"),
        ({"server": "https://host/a%2fb"}, "server"),
        ({"server": "https://host?x=1"}, "server"),
        ({"server": "https://host:99999"}, "server"),
        ({"server": "https://[::1"}, "server"),
        ({"server": "file:///etc/passwd"}, "server"),
        ({"ca": "hello"}, "ca"),
        ({"token": ""}, "token"),
        ({"token": "two words"}, "token"),
        ({"token": "line\nbreak"}, "token"),
        ({"client_certificate": "x"}, "token"),
        ({"token": "", "client_certificate": "hello"}, "client_certificate"),
    ],
)
def test_a_field_that_cannot_work_is_named(real_ca, fields, named):
    good = {"server": SERVER, "ca": real_ca, "token": "t"}
    Connection(**good).check()
    with pytest.raises(ConnectionInvalid) as refused:
        Connection(**(good | fields)).check()
    assert refused.value.field == named


def test_a_client_certificate_needs_its_key(real_ca):
    with pytest.raises(ConnectionInvalid) as refused:
        Connection(SERVER, real_ca, "", real_ca, "").check()
    assert refused.value.field == "client_key"


@pytest.fixture(scope="module")
def real_ca() -> str:
    return make_ca()
