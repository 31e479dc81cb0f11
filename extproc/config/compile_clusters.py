"""What a self-hosted upstream has beside an address: its price by the hour, its probes, the secret it shares with us.

Law: without a price by the hour nothing of a cluster is accepted; what says how often, how long or how many is so that
it can happen.
"""

import re
from typing import Final

from extproc.config.credentials import Secret, shared_secret_of
from extproc.config.problems import PathParts
from extproc.config.report import Report
from extproc.config.schema_upstreams import HealthKeys, ProviderKeys, SignKeys
from extproc.money import nanos
from extproc.snapshot import ClusterSpec, HealthSpec, SignSpec

_OF_CLUSTERS: Final = ("overhead_factor", "tokens_per_second", "wake_up", "sleeps_after")
_PATH: Final = re.compile(r"^/[\x21\x22\x24-\x7e]*$")  # no space, no fragment
_TIMEOUT: Final = HealthSpec().timeout
_SHORT: Final = 16  # characters: a shared secret with fewer is guessed too soon


def check_positive(value: float | None, path: PathParts, report: Report) -> None:
    if value is not None and value <= 0:
        report.add(path, "must be longer than nothing")


def cluster_of(keys: ProviderKeys, path: PathParts, report: Report) -> ClusterSpec | None:
    if keys.cost_per_hour is None:
        said = (*path, "cost_per_hour") in report.broken
        for key in _OF_CLUSTERS:
            if key in keys.model_fields_set and not said:
                report.add((*path, key), "goes only with `cost_per_hour`")
        return None
    sleeps = keys.wake_up is not None or (*path, "wake_up") in report.broken
    if not sleeps and "sleeps_after" in keys.model_fields_set:
        report.add((*path, "sleeps_after"), "goes only with `wake_up`", "a cluster that takes no time to start is up")
    check_positive(keys.wake_up, (*path, "wake_up"), report)
    check_positive(keys.sleeps_after, (*path, "sleeps_after"), report)
    return ClusterSpec(
        cost_per_hour=nanos(keys.cost_per_hour),
        overhead_factor=keys.overhead_factor,
        tokens_per_second=keys.tokens_per_second,
        wake_up=keys.wake_up,
        sleeps_after=keys.sleeps_after,
    )


def health_of(keys: ProviderKeys, path: PathParts, report: Report) -> HealthSpec | None:
    """Probes are for clusters, and for whom they are written."""
    if keys.health is None:
        return HealthSpec() if keys.cost_per_hour is not None else None
    _check_health(keys.health, (*path, "health"), report)
    if not keys.health.enabled:
        return None
    interval, timeout = keys.health.interval, keys.health.timeout
    return HealthSpec(
        interval=interval,
        timeout=min(_TIMEOUT, interval) if timeout is None else timeout,
        failure_threshold=int(keys.health.failure_threshold),
        success_threshold=int(keys.health.success_threshold),
        path=keys.health.path,
    )


def _check_health(keys: HealthKeys, path: PathParts, report: Report) -> None:
    check_positive(keys.interval, (*path, "interval"), report)
    check_positive(keys.timeout, (*path, "timeout"), report)
    if keys.timeout is not None and keys.timeout > keys.interval > 0:
        message = f"is longer than the interval of {keys.interval:g}s"
        report.add((*path, "timeout"), message, "a probe ends before the next one begins")
    if keys.path is not None and not _PATH.match(keys.path):
        report.add((*path, "path"), "must begin with / and hold no space and no fragment")


def signature_of(keys: SignKeys | None, path: PathParts, report: Report) -> tuple[SignSpec | None, Secret | None]:
    if keys is None:
        return None, None
    here = (*path, "sign", "hmac", "secret")
    secret = shared_secret_of(keys.hmac.secret, here, report)
    if secret is not None and len(secret.read()) < _SHORT:
        report.note(here, f"the secret is shorter than {_SHORT} characters", "make one: openssl rand -hex 32")
    return SignSpec(keys.hmac.scheme), secret
