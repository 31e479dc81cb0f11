"""Where a request is and who sent it, as Envoy says: by the name of the route that it took, by its connection.

Law: a client can say none of it.
"""

from dataclasses import dataclass

from extproc import names
from extproc.decision.lookup import index_of
from extproc.exchange.desk import Desk
from extproc.facts.given import Given
from extproc.facts.peer import UNNAMED, Peer, read_peer
from extproc.protocol.events import HeadersEvent
from extproc.refusal import Reason, Refusal
from extproc.snapshot import Route, Snapshot


@dataclass(frozen=True, slots=True)
class Matched:
    """Where the request is: the snapshot that matched it, the route, the endpoint."""

    snapshot: Snapshot
    route: Route
    endpoint: str
    given: Given | None = None  # where Envoy's configuration is another: what it has


def find_route(route_name: str, desk: Desk, given: Given | None = None) -> Matched | Refusal:
    """The snapshot, route and endpoint that Envoy's route name stands for.

    Where Envoy follows us step by step, that is the snapshot which matched the request. Else it is the current one: an
    Envoy that somebody runs may be behind for days, and what an operator has written since must hold. The route then
    goes by its name, and the plan to what this Envoy has.
    """
    key = names.parse_route_key(route_name)
    if key is None:
        return Refusal(Reason.ROUTE_NOT_FOUND, "no route of the configuration matches this request")
    snapshot_id, route_name, endpoint = key
    current = desk.shelf.current
    known = desk.shelf.get(snapshot_id) if desk.agreement is None or desk.agreement.in_order else None
    snapshot = known or current
    route = index_of(snapshot).routes.get(route_name)
    served = route is not None and (route.kind == "service") == (endpoint == names.ENDPOINT_SERVICE)
    if desk.agreement is not None:
        desk.agreement.met(snapshot_id, served=served)
    if route is None or not served:
        told = f"Envoy works with configuration {snapshot_id}, and {current.id} has no route {route_name} like it"
        return Refusal(Reason.SNAPSHOT_LOST, f"{told}; try again", retry_after=1)
    return Matched(snapshot, route, endpoint, given if snapshot.id != snapshot_id else None)


def source_of(event: HeadersEvent) -> str | None:
    source = event.context.attributes.get(names.ATTR_SOURCE)
    return str(source) if source else None


def peer_of(event: HeadersEvent, snapshot: Snapshot) -> Peer | None:
    """Who the client's certificate says it is, as far as anybody must know."""
    digest = event.context.attributes.get(names.ATTR_PEER)
    if not digest or not snapshot.clients_show_certificates:
        return None
    if not snapshot.knows_by_certificate:
        return UNNAMED
    return read_peer(event.headers.get(names.CTL_PEER) or "", str(digest))
