"""Through which proxy an upstream is reached, if any.

Law: only https:// goes through a proxy, because there a proxy can neither read nor change anything. A password leaves
its URL here: the snapshot knows the proxy's address, and that it is shown something.
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from extproc.config.addresses import NotAnAddress, parse_proxy
from extproc.config.credentials import Secret
from extproc.config.direct_hosts import DirectHosts, NotAHost, parse_entry, split_entries
from extproc.config.found_egress import proxy_variable
from extproc.config.identity import proxy_cluster
from extproc.config.problems import PathParts, path_text
from extproc.config.report import Report
from extproc.config.schema import Configuration, EgressKeys
from extproc.config.schema_upstreams import ProviderKeys, ServiceKeys
from extproc.snapshot import Endpoint, Proxy

NONE = ("none", "")  # a variable that is not set leaves nothing
_A_PROXY = "http://HOST:PORT"


@dataclass(slots=True)
class Egress:
    proxy: Proxy | None = None
    direct: DirectHosts = field(default_factory=DirectHosts)
    shown: dict[str, Secret] = field(default_factory=dict)  # by proxies' clusters: their Proxy-Authorization

    def way_to(self, host: str, port: int) -> Proxy | None:
        """For what is spoken to by https://."""
        return None if self.proxy is None or self.direct.hold(host, port) else self.proxy

    def proxy_of(
        self, written: str | None, endpoints: Sequence[Endpoint], path: PathParts, report: Report
    ) -> Proxy | None:
        """Of one upstream, which may have written its own."""
        secure = endpoints[0].scheme == "https"
        here = (*path, "proxy")
        if written is not None:
            if written.strip() in NONE:
                return None
            if not secure:
                report.add(here, "goes only with https:// addresses", "http:// and unix:// are always reached directly")
                return None
            return self._read(written, here, report)
        ways = [self.way_to(endpoint.host, endpoint.port) for endpoint in endpoints] if secure else [None]
        if len({way is None for way in ways}) > 1:
            hint = "name all of them in `egress.no_proxy` or none, or write its own `proxy`"
            report.add((*path, "endpoints"), "some are in `egress.no_proxy` and some are not", hint)
        return ways[0]

    def _read(self, written: str, path: PathParts, report: Report) -> Proxy | None:
        try:
            host, port, user = parse_proxy(written)
        except NotAnAddress as error:
            report.add(path, str(error), _A_PROXY)
            return None
        shown = _authorization(user) if user is not None else None
        cluster = proxy_cluster(host, port, path_text(path) if shown else None)
        if shown is not None:
            self.shown[cluster] = shown
        return Proxy(cluster, host, port, shown is not None)


def compile_egress(keys: EgressKeys, report: Report) -> Egress:
    egress = Egress(direct=_direct_hosts(keys, report))
    if keys.proxy is not None and keys.proxy.strip() not in NONE:
        egress.proxy = egress._read(keys.proxy, ("egress", "proxy"), report)
    return egress


def _direct_hosts(keys: EgressKeys, report: Report) -> DirectHosts:
    listed = isinstance(keys.no_proxy, list)
    found = []
    for place, text in enumerate([keys.no_proxy] if isinstance(keys.no_proxy, str) else keys.no_proxy):
        for entry in split_entries([text]):
            try:
                found.append(parse_entry(entry))
            except NotAHost as error:
                report.add(("egress", "no_proxy", place) if listed else ("egress", "no_proxy"), f"`{entry}` {error}")
    return DirectHosts(tuple(found))


def note_an_unused_proxy(configuration: Configuration, report: Report) -> None:
    """Nothing is taken from the environment behind a file's back; who expects it is told."""
    variable = proxy_variable(report.environment)
    if variable is None or "proxy" in configuration.egress.model_fields_set:
        return
    upstreams: list[ProviderKeys | ServiceKeys] = [*configuration.providers.values(), *configuration.services.values()]
    if any(upstream.proxy is None for upstream in upstreams):
        hint = f'write egress: {{proxy: "${{{variable}:-}}", no_proxy: "${{NO_PROXY:-}}"}}, or egress: {{proxy: none}}'
        report.note((), f"the proxy in {variable} is not used", hint)


def _authorization(user: str) -> Secret:
    """`user:password`, percent-encoded as in a URL → what the header says."""
    name, _, password = user.partition(":")
    return Secret("Basic " + b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode("ascii"))
