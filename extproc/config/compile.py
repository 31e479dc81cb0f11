"""A document → the snapshot and the secrets, or every problem that it has.

Law: the snapshot is complete and right, or there is none. Secrets leave it here: it knows only how they are shown, and
callers' keys only as their SHA-256.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from extproc.config.certificates import HeldCertificates
from extproc.config.compile_callers import compile_callers
from extproc.config.compile_choices import compile_aliases, compile_chain
from extproc.config.compile_cors import compile_cors
from extproc.config.compile_egress import compile_egress, note_an_unused_proxy
from extproc.config.compile_limits import listen_limits, request_limits
from extproc.config.compile_listen import compile_listen_tls
from extproc.config.compile_providers import compile_provider, compile_service
from extproc.config.compile_routes import compile_routes
from extproc.config.compile_strategies import compile_strategies
from extproc.config.credentials import Held, Secret
from extproc.config.document import Document
from extproc.config.identity import snapshot_id
from extproc.config.problems import Problem, in_order, nearest
from extproc.config.references import Names
from extproc.config.report import Report
from extproc.config.retired import note_retired
from extproc.config.schema import Configuration, ListenKeys
from extproc.config.validate import validate
from extproc.names import KEY_PROXY, KEY_WEBHOOK
from extproc.snapshot import Listen, Provider, Service, Snapshot

_LATER_STATES = ("sqlite:", "redis:", "rediss:", "valkey:")


@dataclass(frozen=True, slots=True)
class Compiled:
    snapshot: Snapshot
    secrets: Mapping[str, Held]  # by the provider's name: what Envoy shows upstreams
    keys: Mapping[str, Secret] = field(default_factory=dict)  # by names.KEY_…: what the processor itself uses
    certificates: Mapping[str, HeldCertificates] = field(default_factory=dict)  # by the upstream's name
    listener: HeldCertificates = field(default_factory=HeldCertificates)  # towards clients
    proxies: Mapping[str, Secret] = field(default_factory=dict)  # by an egress proxy's cluster: what it is shown


@dataclass(frozen=True, slots=True)
class Outcome:
    compiled: Compiled | None
    problems: tuple[Problem, ...]
    files: tuple[Path, ...]  # that the document leans on: secrets, certificates
    notes: tuple[str, ...] = ()  # for people: what works, and not as they may think


def compile_document(document: Document, environment: Mapping[str, str], *, elsewhere: bool = False) -> Outcome:
    """`elsewhere`: secrets may be only where the configuration is used, see `load`."""
    validated = validate(document)
    report = Report(document, validated.broken, list(validated.problems), environment=environment, elsewhere=elsewhere)
    compiled = _compile(validated.configuration, Names.of(document), report)
    for path in document.known_elsewhere():
        if path not in report.secrets:
            report.add(path, f"the variable {document.variable(path)} is not set", "only secrets may be set elsewhere")
    problems = in_order(report.problems)
    if not problems:
        note_retired(compiled.snapshot, report)
        note_an_unused_proxy(validated.configuration, report)
    files = tuple(dict.fromkeys(report.files))
    return Outcome(None if problems else compiled, problems, files, tuple(report.notes))


def _compile(configuration: Configuration, names: Names, report: Report) -> Compiled:
    if not names.providers and not names.services and not report.problems:
        report.add((), "nothing to send requests to", "write at least one provider or service")
    providers: dict[str, Provider] = {}
    services: dict[str, Service] = {}
    secrets: dict[str, Held] = {}
    keys: dict[str, Secret] = {}
    egress = compile_egress(configuration.egress, report)
    for name, provider_keys in configuration.providers.items():
        made = compile_provider(name, provider_keys, egress, report)
        if made.provider is not None:
            providers[name] = made.provider
        if made.secret is not None:
            secrets[name] = made.secret
        keys |= made.keys
    for name, service_keys in configuration.services.items():
        service = compile_service(name, service_keys, egress, report)
        if service is not None:
            services[name] = service
        if name in names.providers:
            report.add(("services", name), "a provider has the same name", "names of upstreams are unique")
    failover = configuration.failover
    chains = {name: compile_chain(name, entries, names, report) for name, entries in failover.chains.items()}
    strategies, webhooks = compile_strategies(configuration.strategies, names, egress, report)
    keys |= {KEY_WEBHOOK + name: webhook for name, webhook in webhooks.items()}
    keys |= {KEY_PROXY + cluster: shown for cluster, shown in egress.shown.items()}
    _check_state(configuration.state, report)
    snapshot = Snapshot(
        id="",
        providers=providers,
        services=services,
        routes=compile_routes(configuration.routes, failover, chains, names, report),
        aliases=compile_aliases(configuration.aliases, names, report),
        strategies=strategies,
        callers=compile_callers(configuration.callers, configuration.listen, names, report),
        limits=request_limits(configuration.limits),
        listen=_listen(configuration.listen, report),
    )
    named = replace(snapshot, id=snapshot_id(snapshot))
    return Compiled(named, secrets, keys, report.certificates, report.listener, egress.shown)


def _check_state(state: str, report: Report) -> None:
    if state == "memory":
        return
    if state.startswith(_LATER_STATES):
        kind = state.partition(":")[0]
        message = f"`{kind}` is known, and its feature (shared state) has not landed in this version"
        report.add(("state",), message, "write memory, or leave it out")
    else:
        report.add(("state",), "must be memory", nearest(state, ["memory"]))


def _listen(keys: ListenKeys, report: Report) -> Listen:
    return Listen(
        host=keys.host,
        port=None if keys.port is None else int(keys.port),
        tls=compile_listen_tls(keys, report),
        http3=keys.http3,
        cors=compile_cors(keys.cors, ("listen", "cors"), report) if keys.cors is not None else None,
        limits=listen_limits(keys.limits),
        trusted_hops=int(keys.trusted_hops),
        proxy_protocol=keys.proxy_protocol,
    )
