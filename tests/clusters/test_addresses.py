"""Where an API server may be: 200 ways to write an address that leads to the portal's machine or its cloud."""

import ipaddress
import socket

import pytest

from clusters.driver import AdminFirst, ClusterUnreachable
from clusters.kubernetes import addresses
from clusters.kubernetes.addresses import Rules, allowed_addresses, check_address
from clusters.kubernetes.api import Api
from clusters.kubernetes.connection import Connection, ConnectionInvalid

FORBIDDEN_V4 = [
    "169.254.169.254",
    "169.254.170.2",
    "169.254.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.255.255.254",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
]
FORBIDDEN_V6 = ["::", "::1", "fe80::1", "fe80::a9fe:a9fe", "febf::1", "fec0::1", "ff02::1", "fd00:ec2::254"]
# Each of them around an IPv4 address: mapped, compatible, NAT64 (two prefixes), 6to4, Teredo.
WRAPPED = [
    lambda number: 0xFFFF << 32 | number,
    lambda number: number,
    lambda number: 0x64FF9B << 96 | number,
    lambda number: 0x64FF9B0001 << 80 | number,
    lambda number: 0x2002 << 112 | number << 80,
    lambda number: 0x20010000 << 96 | (number ^ 0xFFFFFFFF),
]
ODD = [
    *(
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.1",
        "0177.0.0.1",
        "017700000001",
        "127.1",
        "127.0.1",
        "0x7f.1",
        "1",
        "0",
    ),
    *("0x0", "010.0.0.1", "127.0.0.01", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"),
    *("256.1.1.1", "1.2.3.4.5", "127.0.0.1.1", "a.0x7f", "fe80::1%lo"),
]
NO_NAMES = [
    "",
    "-a",
    "a b",
    "a\\b",
    "a%2eb",
    "１２７.0.0.1",
    "①②⑦.0.0.1",
    "ⓔxample.com",
    "a\x00b",
    "ex\u202eample",
    "a/b",
    "a@b",
]
PRIVATE = ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd12::1", "198.18.0.1"]
PUBLIC = ["1.1.1.1", "93.184.216.34", "2606:4700::1111"]


def wrapped(address: str) -> list[str]:
    number = int(ipaddress.IPv4Address(address))
    return [str(ipaddress.IPv6Address(wrap(number))) for wrap in WRAPPED]


def refused(host: str, rules: Rules = Rules()) -> str:  # noqa: B008 (frozen)
    with pytest.raises(AdminFirst) as error:
        allowed_addresses(host, 443, rules)
    return str(error.value)


def test_forbidden_addresses_are_refused_in_every_wrapping_and_spelling():
    for address in FORBIDDEN_V4:
        for host in (address, address + ".", *wrapped(address)):
            assert len(refused(host, Rules(private=True))) > 30, host
    for host in FORBIDDEN_V6:
        refused(host, Rules(private=True))
    for host in ODD:
        assert "unusual spelling" in refused(host) or "%" in refused(host), host
    for host in NO_NAMES:
        assert "no host name" in refused(host) or "unusual spelling" in refused(host), host


def test_private_addresses_follow_their_setting():
    for address in PRIVATE:
        hosts = [address, *(wrapped(address) if "." in address else [])]
        for host in hosts:
            assert allowed_addresses(host, 443, Rules(private=True)) == [host]
            assert "CLUSTER_PRIVATE_ADDRESSES" in refused(host, Rules(private=False))
    for address in PUBLIC:
        assert allowed_addresses(address, 443, Rules(private=False)) == [address]


def test_this_machine_is_allowed_only_where_an_operator_says_so():
    for host in ("127.0.0.1", "::1"):
        assert allowed_addresses(host, 443, Rules(loopback=True)) == [host]
        assert "CLUSTER_LOOPBACK_ADDRESSES" in refused(host)
    assert "metadata" in refused("169.254.169.254", Rules(loopback=True))


@pytest.fixture
def names(monkeypatch):
    """What the name server says, one answer after the other; the last one stays."""
    told: dict[str, list[list[str]]] = {}

    def look_up(host, port):
        if host not in told:
            raise socket.gaierror(-2, "Name or service not known")
        return told[host].pop(0) if len(told[host]) > 1 else told[host][0]

    monkeypatch.setattr(addresses, "look_up", look_up)
    return told


@pytest.mark.parametrize(
    "found", [["169.254.169.254"], ["1.1.1.1", "127.0.0.1"], ["::ffff:169.254.169.254"], ["::1", "1.1.1.1"]]
)
def test_a_name_is_judged_by_all_it_leads_to(names, found):
    names["api.example.org"] = [found]
    assert "api.example.org leads to" in refused("api.example.org")


def test_a_form_is_told_what_is_wrong_with_the_address(names, settings):
    names["api.example.org"] = [["10.0.0.1"]]
    check_address("https://api.example.org:6443")
    check_address("https://[2606:4700::1111]/k8s/clusters/c-1")
    settings.CLUSTER_PRIVATE_ADDRESSES = False
    for url, says in (
        ("https://api.example.org:6443", "CLUSTER_PRIVATE_ADDRESSES"),
        ("https://nowhere.example.org", "no machine called"),
        ("https://169.254.169.254", "metadata"),
        ("https://0x7f.1:443", "unusual spelling"),
        ("https://localhost.example.org:99999", "API address"),
    ):
        with pytest.raises(ConnectionInvalid) as invalid:
            check_address(url)
        assert invalid.value.field == "server"
        assert says in invalid.value.sentence


def test_a_name_server_that_does_not_answer_holds_nobody(monkeypatch):
    import threading

    answered = threading.Event()
    monkeypatch.setattr(addresses, "look_up", lambda host, port: answered.wait(30) and [])
    with pytest.raises(ClusterUnreachable, match="name server"):
        allowed_addresses("api.example.org", 443, Rules(), seconds=0.05)
    answered.set()


def test_a_connection_goes_to_the_address_that_was_judged(names, monkeypatch):
    """DNS rebinding: the second answer, and what the system's resolver would say, are never asked for."""
    names["api.example.org"] = [["10.0.0.1"], ["127.0.0.1"]]
    went_to = []

    def create_connection(address, timeout):
        went_to.append(address)
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(socket, "create_connection", create_connection)
    monkeypatch.setattr(socket, "getaddrinfo", lambda *words, **more: pytest.fail("looked up twice"))
    api = Api(Connection("https://api.example.org:6443", "", "t"))
    with pytest.raises(ClusterUnreachable, match="refused"):
        api.get("/version")
    assert went_to == [("10.0.0.1", 6443)]
    with pytest.raises(AdminFirst, match="own machine"):
        api.get("/version")
    assert went_to == [("10.0.0.1", 6443)]


def test_the_name_stays_what_is_asked_for_and_what_is_certified(names):
    """The connection goes to 127.0.0.1, the request and the certificate are the name's."""
    from tests.clusters.fake_api.server import FakeApi

    names["fake.test"] = [["127.0.0.1"]]
    names["another.test"] = [["127.0.0.1"]]
    fake = FakeApi()
    try:
        port = fake.server.server_port
        place = Connection(f"https://fake.test:{port}", fake.pair.ca, "fake-admin-token")
        assert Api(place, rules=Rules(loopback=True)).get("/version")
        place = Connection(f"https://another.test:{port}", fake.pair.ca, "fake-admin-token")
        with pytest.raises(AdminFirst, match="does not trust"):
            Api(place, rules=Rules(loopback=True)).get("/version")
    finally:
        fake.stop()
