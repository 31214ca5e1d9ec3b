"""What an egress node stands for: every address and port of every host, secured as its policy says."""

from plait.actors.messages.external import ClientTls, ExternalEndpoint, ExternalPort, ExternalService
from plait.actors.messages.rule import DestinationPolicy, Subset
from plait.actors.messages.traffic import TrafficPolicy
from plait.actors.routing.upstream import Upstreams
from plait.egress.target import Target, targets

HTTP, HTTPS = ExternalPort(80, "http"), ExternalPort(443, "https", secure=True)


def found(service, *policies):
    return targets(Upstreams(policies, outside=[service]))


def test_a_host_without_endpoints_is_its_own_address_at_each_port():
    service = ExternalService("default/a", ("a.example.com", "b.example"), (HTTP, HTTPS))
    assert [(one.service, one.host, one.address, one.port, one.tls is not None) for one in found(service)] == [
        ("a_example_com", "a.example.com", "a.example.com", 80, False),
        ("a_example_com", "a.example.com", "a.example.com", 443, True),
        ("b_example", "b.example", "b.example", 80, False),
        ("b_example", "b.example", "b.example", 443, True),
    ]


def test_endpoints_have_ports_labels_and_localities_of_their_own():
    port = ExternalPort(80, "http", target=8080)
    endpoints = (ExternalEndpoint("10.0.0.1", {"zone": "a"}, {"http": 81}, "eu/a"), ExternalEndpoint("::1"))
    service = ExternalService("default/a", ("a.example.com",), (port,), endpoints)
    assert found(service) == [
        Target("a_example_com", "a.example.com", "10.0.0.1", 81, {"zone": "a", "plait.dev/port": "80"}, "eu/a", None),
        Target("a_example_com", "a.example.com", "::1", 8080, {"plait.dev/port": "80"}, "", None),
    ]
    assert [one.title for one in found(service)] == ["http://10.0.0.1:81", "http://[::1]:8080"]


def test_a_destination_policy_secures_all_ports_or_one():
    service = ExternalService("default/a", ("a.example.com",), (HTTP, ExternalPort(81, "more")), names=("n",))
    tls = ClientTls(authorities="/ca")
    whole = DestinationPolicy("default/a", "a_example_com", TrafficPolicy(tls=tls))
    assert [one.tls for one in found(service, whole)] == [ClientTls(authorities="/ca", names=("n",))] * 2
    single = DestinationPolicy("default/a", "a_example_com", ports=((81, TrafficPolicy(tls=ClientTls(names=("m",)))),))
    assert [one.tls for one in found(service, single)] == [None, ClientTls(names=("m",))]


def test_the_policy_that_counts_is_the_one_for_the_entrys_own_namespace():
    service = ExternalService("shop/a", ("a.example.com",), (HTTP,))
    far = DestinationPolicy("far/a", "a_example_com", TrafficPolicy(tls=ClientTls(sni="far")))
    own = DestinationPolicy("shop/a", "a_example_com", TrafficPolicy(tls=ClientTls(sni="own")))
    assert [one.tls.sni for one in found(service, far, own)] == ["own"]
    assert [one.tls for one in found(service, far)] == [None]


def test_targets_differ_where_anything_of_them_differs_and_subsets_change_none():
    service = ExternalService("default/a", ("a.example.com",), (HTTP, HTTPS))
    digests = [one.digest for one in found(service)]
    assert len(set(digests)) == 2
    subsets = DestinationPolicy("default/a", "a_example_com", subsets=(Subset("x", {"a": "b"}),))
    assert [one.digest for one in found(service, subsets)] == digests
    secured = DestinationPolicy("default/a", "a_example_com", TrafficPolicy(tls=ClientTls()))
    assert set(digests) & {one.digest for one in found(service, secured)} == {digests[1]}
