"""The gateway as a guest: what it adds to a listener of somebody else's, in the portable form.

Law: nothing of it touches what was there. Its filters are off but on its own routes, its logs and its words for
Envoy's own answers are only for those, and whatever its routes do not take goes on as before.
"""

from dataclasses import dataclass, replace
from typing import Any

from extproc import names
from extproc.dataplane import access_logs, clusters, filters, portable, route_table
from extproc.dataplane.form import ANY, Node, expression
from extproc.dataplane.local_replies import local_reply_config
from extproc.dataplane.place import Place
from extproc.dataplane.processor_cluster import processor_cluster
from extproc.snapshot import Snapshot

_ON: Node = {"@type": f"{ANY}/envoy.config.route.v3.FilterConfig", "config": {}}


@dataclass(frozen=True, slots=True)
class Guest:
    clusters: list[Node]
    filters: list[Node]  # in this order, before the router
    routes: list[Node]  # in this order, before all others
    exchange_logs: list[Node]  # of the connection manager
    attempt_logs: list[Node]  # of the router
    local_replies: list[Node]  # mappers
    connection_buffer: int


def guest(snapshot: Snapshot, place: Place, connection_buffer: int) -> Guest:
    snapshot = portable.without_proxies(snapshot)
    asked = [names.ATTR_PEER] if snapshot.clients_show_certificates else []
    ours = expression(f"xds.route_name.startsWith('{snapshot.id}|')")
    return Guest(
        clusters=[processor_cluster(place), *clusters.clusters(snapshot, place)],
        filters=[{**one, "disabled": True} for one in (filters.answer_filter(), portable.router_filter(*asked))],
        routes=[_switched_on(route) for route in route_table.routes(_without_cors(snapshot), "portable")],
        exchange_logs=[{**log, "filter": ours} for log in access_logs.records_of_exchanges()],
        attempt_logs=[{**log, "filter": ours} for log in access_logs.attempt_logs()],
        local_replies=[_only(ours, mapper) for mapper in local_reply_config()["mappers"]],
        connection_buffer=connection_buffer,
    )


def _without_cors(snapshot: Snapshot) -> Snapshot:
    """Its filter would stand in the owner's listener, where there may be one already."""
    routes = tuple(replace(route, cors=None) for route in snapshot.routes)
    return replace(snapshot, routes=routes, listen=replace(snapshot.listen, cors=None))


def _switched_on(route: Node) -> Node:
    """A filter that is off by default is on where a route says anything of it but that it is off."""
    said: dict[str, Any] = route.get("typed_per_filter_config", {})
    kept = {name: config for name, config in said.items() if not config.get("disabled")}
    if names.ROUTER_FILTER in kept and names.ANSWER_FILTER not in said:
        kept[names.ANSWER_FILTER] = _ON
    return {**route, "typed_per_filter_config": kept}


def _only(ours: Node, mapper: Node) -> Node:
    return {**mapper, "filter": {"and_filter": {"filters": [ours, mapper["filter"]]}}}
