"""What the portable form cannot do, and what that means for whoever uses it.

Law: every line is printed where the form is rendered and stands in docs/portable.md (a test holds them against each
other). What is lost without a word here is a bug.
"""

from dataclasses import dataclass
from typing import Final

from extproc.snapshot import Provider, Service, Snapshot


@dataclass(frozen=True, slots=True)
class Loss:
    what: str
    consequence: str

    def __str__(self) -> str:
        return f"{self.what}: {self.consequence}"


PORTABLE: Final = (
    Loss(
        "no failover to another target",
        "a plan is its first target; when it fails, the caller gets the error. Breakers still keep the next requests "
        "away from it, and a pool of several endpoints is still tried at others of them",
    ),
    Loss("`first_event` and `fallback_on` do nothing", "there is no next target that an answer could be held for"),
    Loss(
        "answers wait for the processor once more",
        "each exchange is one message dearer, and one that still waits for its answer when its processor is killed "
        "ends with 503; streams that have begun go on",
    ),
    Loss(
        "`limits.body` is the listener's buffer",
        "whatever comes by that listener may hold as much memory for each connection",
    ),
    Loss(
        "services with `when_down: pass` never ask the processor",
        "their exchanges are in no decision line and no metric of the processor",
    ),
    Loss("no way through a proxy", "`egress` and `proxy` are passed over: every upstream is connected to directly"),
    Loss(
        "`per_address` limits nobody", "older Envoys keep no bucket for each address; all other limits of `listen` hold"
    ),
    Loss(
        "AWS keys cannot be named",
        "Envoy signs with those that it finds itself: its environment, AWS_PROFILE, the machine's role",
    ),
    Loss(
        "a line break at the end of a key's file is part of the key",
        "older Envoys refuse such a request: write the file without one (`printf %s KEY`)",
    ),
    Loss(
        "Envoy counts nothing by provider and caller",
        "the statistics `extproc_*` of its admin port are missing; the processor's own metrics are whole",
    ),
    Loss(
        "a pool of https endpoints with several names cannot be asked for by each name",
        "it is refused here: give it `tls.server_name`, or make it several providers",
    ),
)
GUEST: Final = (
    Loss(
        "the listener is its owner's",
        "`listen` (TLS, CORS, HTTP/3, limits), clean paths and the JSON access log are for its owner to configure, "
        "and so are `x-request-id` and the address of who calls, by which exchanges are told apart and strangers "
        "known; callers are known by their keys, not by certificates",
    ),
    Loss(
        "without `callers`, who is local is what the owner's listener says",
        "a sidecar believes `x-forwarded-for`, so whoever writes 127.0.0.1 there spends your keys: configure `callers`",
    ),
    Loss(
        "routes stand in front of the owner's",
        "a route that matches everything takes everything: give each a `match` that names its path or host",
    ),
    Loss(
        "a new configuration is another manifest",
        "processors reload their file by themselves; routes and clusters change when the manifest is applied",
    ),
)


def several_names(snapshot: Snapshot) -> tuple[str, ...]:
    """The upstreams that the portable form refuses."""
    upstreams: tuple[Provider | Service, ...] = (*snapshot.providers.values(), *snapshot.services.values())
    return tuple(
        upstream.name
        for upstream in upstreams
        if upstream.endpoints[0].scheme == "https"
        and upstream.tls.server_name is None
        and len({endpoint.host for endpoint in upstream.endpoints}) > 1
    )
