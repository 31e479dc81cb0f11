"""Which upstreams go through a proxy, and what is kept of its password."""

from base64 import b64encode
from pathlib import Path

import pytest

from extproc.config.direct_hosts import DirectHosts, NotAHost, parse_entry
from extproc.config.load import load
from tests.config.places import compiled, loaded, messages, snapshot

CORPORATE = "egress: {proxy: 'http://proxy.corp.example:3128', no_proxy: [.corp.example, 10.0.0.0/8]}\n"
UPSTREAMS = """\
providers:
  far: {dialect: openai, base_url: https://api.example.com/v1, models: [m]}
  near: {dialect: openai, base_url: https://llm.corp.example/v1, models: [m]}
  lab: {dialect: openai, base_url: http://api.example.com/v1, models: [m]}
  inside: {dialect: openai, endpoints: [https://10.0.0.7, https://10.1.0.7], models: [m]}
  own: {dialect: openai, base_url: https://llm.corp.example/v1, models: [m], proxy: "http://other:8080"}
  never: {dialect: openai, base_url: https://api.example.com/v1, models: [m], proxy: none}
services:
  shop: {endpoints: [https://shop.example.com]}
"""


def test_what_is_spoken_to_by_https_goes_through_the_proxy(tmp_path: Path) -> None:
    """Unless it is named in `no_proxy`, or says otherwise itself."""
    made = snapshot(tmp_path, CORPORATE + UPSTREAMS)
    ways = {name: (one.proxy.host, one.proxy.port) if one.proxy else None for name, one in made.providers.items()}
    assert ways == {
        "far": ("proxy.corp.example", 3128),
        "near": None,
        "lab": None,
        "inside": None,
        "own": ("other", 8080),
        "never": None,
    }
    shop = made.services["shop"].proxy
    assert shop is not None and shop == made.providers["far"].proxy


def test_a_cluster_is_another_one_with_a_proxy(tmp_path: Path) -> None:
    """And the same as ever without."""
    without, through = snapshot(tmp_path, UPSTREAMS).providers, snapshot(tmp_path, CORPORATE + UPSTREAMS).providers
    assert without["far"].cluster != through["far"].cluster
    assert without["lab"].cluster == through["lab"].cluster


@pytest.mark.parametrize("nothing", ["none", "''", '"${HTTPS_PROXY:-}"'])
def test_no_proxy_at_all_can_be_written(tmp_path: Path, nothing: str) -> None:
    """As files do that take the environment's, if any."""
    made = snapshot(tmp_path, f"egress: {{proxy: {nothing}, no_proxy: '${{NO_PROXY:-}}'}}\n{UPSTREAMS}")
    assert made.providers["far"].proxy is None


def test_the_password_leaves_the_url_at_once(tmp_path: Path) -> None:
    """It is decoded as in any URL, and only what is shown to the proxy has it."""
    text = CORPORATE.replace("http://", "http://us%40corp:p%3Ass@").replace("proxy.corp", "${HOST}.corp")
    made = compiled(tmp_path, text + UPSTREAMS, {"HOST": "proxy"})
    proxy = made.snapshot.providers["far"].proxy
    assert proxy is not None and proxy.authorized and proxy.host == "proxy.corp.example"
    assert made.proxies[proxy.cluster].read() == "Basic " + b64encode(b"us@corp:p:ss").decode()
    assert made.keys[f"proxy.{proxy.cluster}"].read() == made.proxies[proxy.cluster].read()
    assert not [secret for secret in ("p:ss", "p%3", "dXNAY29y") if secret in repr(made)]


def test_another_password_is_not_another_cluster(tmp_path: Path) -> None:
    """So a name can never be tried for a password, and a new one needs no new connections."""
    one, two = (
        snapshot(tmp_path, CORPORATE.replace("http://", f"http://us:{password}@") + UPSTREAMS)
        for password in ("first", "second")
    )
    assert one == two
    assert one.providers["far"].proxy != snapshot(tmp_path, CORPORATE + UPSTREAMS).providers["far"].proxy


@pytest.mark.parametrize(
    "written",
    [
        "http://us:s3cr3t@proxy:99999",
        "http://us:s3cr3t@",
        "https://us:s3cr3t@proxy",
        "socks5://us:s3cr3t@proxy",
        "http://us:s3cr3t@proxy/path",
        "http://us:s3/cr3t@proxy",
        "://s3cr3t",
    ],
)
def test_no_mistake_shows_a_password(tmp_path: Path, written: str) -> None:
    """Neither in its words nor in its hint."""
    said = messages(loaded(tmp_path, f"egress: {{proxy: '{written}'}}\n{UPSTREAMS}"))
    assert len(said) == 1 and "http://HOST:PORT" in said[0]
    assert "s3" not in said[0] and "cr3t" not in said[0]


@pytest.mark.parametrize(
    ("entry", "direct", "through"),
    [
        ("example.com", ["example.com:443", "a.b.example.com:8443"], ["badexample.com:443", "example.com.evil:443"]),
        (".example.com", ["a.example.com:443"], ["example.com:443"]),
        ("*.example.com", ["a.example.com:443"], ["example.com:443"]),
        ("EXAMPLE.com.", ["example.com:443"], ["example.org:443"]),
        ("example.com:8443", ["example.com:8443", "a.example.com:8443"], ["example.com:443"]),
        ("10.0.0.0/8", ["10.255.1.2:443"], ["11.0.0.1:443", "ten.example.com:443"]),
        ("192.0.2.7", ["192.0.2.7:443"], ["192.0.2.8:443"]),
        ("2001:db8::/32", ["2001:db8::1:443"], ["2001:db9::1:443", "10.0.0.1:443"]),
        ("[2001:db8::1]:8443", ["2001:db8::1:8443"], ["2001:db8::1:443"]),
        ("*", ["anything.example:443", "192.0.2.1:443"], []),
    ],
)
def test_what_is_reached_directly(entry: str, direct: list[str], through: list[str]) -> None:
    """Names with what is below them, addresses and networks: what other programs mean by the same list."""
    hosts = DirectHosts((parse_entry(entry),))
    held = {at: hosts.hold(at.rpartition(":")[0], int(at.rpartition(":")[2])) for at in (*direct, *through)}
    assert held == {**dict.fromkeys(direct, True), **dict.fromkeys(through, False)}


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "127.9.9.9", "::1", "0.0.0.0"])
def test_this_machine_is_always_reached_directly(host: str) -> None:
    assert DirectHosts().hold(host, 443)


@pytest.mark.parametrize("entry", ["http://a", "a/b", "10.0.0.*", "a..b", "a b", "10.0.0.0/99", "a:0", "a:99999", ""])
def test_what_is_no_host(entry: str) -> None:
    with pytest.raises(NotAHost):
        parse_entry(entry)


KEY = {"OPENAI_API_KEY": "sk"}


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "ALL_PROXY"])
def test_the_environments_proxy_goes_with_the_environments_keys(name: str) -> None:
    """With its exceptions, as one text with commas."""
    more = {"OLLAMA_BASE_URL": "http://10.0.0.1", name: "proxy:3128", "NO_PROXY": "a.example, 10.0.0.1"}
    found = load(None, KEY | more)
    assert found.compiled is not None and found.notes == ()
    providers = found.compiled.snapshot.providers
    assert providers["openai"].proxy is not None and providers["openai"].proxy.host == "proxy"
    assert providers["ollama"].proxy is None
    excepted = load(None, KEY | {name: "proxy:3128", "no_proxy": "openai.com"})
    assert excepted.compiled is not None and excepted.compiled.snapshot.providers["openai"].proxy is None


def test_a_proxy_of_the_environment_that_cannot_be_used_is_said() -> None:
    """And keeps nothing from starting; nor does an exception that nobody understands."""
    found = load(None, {**KEY, "HTTPS_PROXY": "socks5://u:s3cr3t@proxy"})
    assert found.compiled is not None
    (note,) = found.notes
    assert note.startswith("HTTPS_PROXY is seen, not used: it must begin with http://")
    found = load(None, {**KEY, "HTTPS_PROXY": "http://proxy", "no_proxy": "10.0.0.*,a.example"})
    assert found.compiled is not None
    assert found.notes[0].startswith("`10.0.0.*` in no_proxy is seen, not used: it must be a name")


def test_a_file_takes_no_proxy_of_the_environment_and_says_so(tmp_path: Path) -> None:
    """Unless it writes what it takes."""
    environment = {"HTTPS_PROXY": "http://u:s3cr3t@proxy"}
    found = loaded(tmp_path, UPSTREAMS, environment)
    assert found.compiled is not None and found.compiled.snapshot.providers["far"].proxy is None
    (note,) = found.notes
    assert "the proxy in HTTPS_PROXY is not used" in note and "${HTTPS_PROXY:-}" in note and "s3cr3t" not in note
    assert loaded(tmp_path, "egress: {proxy: none}\n" + UPSTREAMS, environment).notes == ()
    taken = loaded(tmp_path, "egress: {proxy: '${HTTPS_PROXY:-}'}\n" + UPSTREAMS, environment)
    assert (
        taken.notes == () and taken.compiled is not None and taken.compiled.snapshot.providers["far"].proxy is not None
    )


def test_a_webhook_goes_the_same_way(tmp_path: Path) -> None:
    """By the host of its address, which stays a secret."""
    canary = (
        "strategies: {{split: {{kind: canary, stable: far/m, canary: near/m, "
        "success_criteria: {{error_rate: '<1%'}}, webhook: '{}'}}}}\n"
    )
    far, near, plain = (
        snapshot(tmp_path, CORPORATE + UPSTREAMS + canary.format(at)).strategies["split"].webhook_proxy
        for at in ("https://hooks.example.com/x", "https://hooks.corp.example/x", "http://hooks.example.com/x")
    )
    assert far is not None and far.host == "proxy.corp.example"
    assert (near, plain) == (None, None)
