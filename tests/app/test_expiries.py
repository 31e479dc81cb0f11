"""Expiry is seen before it bites: in the metric, and in the log at fourteen days, at one, and when it is over."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import pytest

from extproc.app.expiries import Expiries
from extproc.observe.metrics import Metrics
from extproc.snapshot import Listen, ListenTls, Snapshot, Tls
from tests.dataplane.certificates import DAY, Ca
from tests.dataplane.snapshots import llm, provider, service, snapshot

SERIES = "extproc_certificate_expiry_timestamp_seconds"
A_DAY = DAY.total_seconds()


class Clock:
    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def seen(metrics: Metrics, upstream: str, kind: str) -> float | None:
    return metrics.registry.get_sample_value(SERIES, {"upstream": upstream, "kind": kind})


@pytest.fixture
def world(tmp_path: Path) -> tuple[Snapshot, Path, Path]:
    ca = Ca()
    certificate, key = ca.issue("us", ends=30 * DAY).write(tmp_path)
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    lab = replace(provider("lab"), tls=Tls(str(tmp_path / "ca.pem"), str(certificate), str(key)))
    shop = replace(service("shop"), tls=Tls(ca=str(tmp_path / "ca.pem")))
    return snapshot(lab, shop, provider("plain"), llm()), certificate, tmp_path / "ca.pem"


def test_the_metric_and_the_log(world: tuple[Snapshot, Path, Path], caplog: pytest.LogCaptureFixture) -> None:
    configured, _certificate, _ = world
    metrics, clock = Metrics(), Clock(0.0)
    expiries = Expiries(metrics, clock)
    expiries.look(configured)
    end = seen(metrics, "lab", "client")
    assert end is not None and seen(metrics, "lab", "ca") == seen(metrics, "shop", "ca")
    assert seen(metrics, "plain", "ca") is None and seen(metrics, "shop", "client") is None
    levels, told = [], list[str]()
    for left in (20.0, 13.0, 12.0, 0.9, 0.5, -0.1, -1.0):
        clock.now = end - left * A_DAY
        caplog.clear()
        expiries.look(configured)
        expiries.look(configured)
        levels.append([record.levelno for record in caplog.records])
        told += [record.getMessage().partition(" at ")[0] for record in caplog.records]
    assert levels == [[], [logging.WARNING], [], [logging.ERROR], [], [logging.ERROR], []]
    assert told == [f"the client certificate of lab {said}" for said in ("expires", "expires", "expired")]


def test_a_new_certificate_is_seen_and_garbage_changes_nothing(world: tuple[Snapshot, Path, Path]) -> None:
    configured, certificate, _ca = world
    metrics = Metrics()
    expiries = Expiries(metrics, Clock(0.0))
    expiries.look(configured)
    before = seen(metrics, "lab", "client")
    for bad in (b"", b"garbage", None):
        certificate.unlink() if bad is None else certificate.write_bytes(bad)
        expiries.look(configured)
        assert seen(metrics, "lab", "client") == before is not None
    certificate.write_bytes(Ca().issue("us", ends=60 * DAY).certificate)
    expiries.look(configured)
    assert seen(metrics, "lab", "client") == pytest.approx(before + 30 * A_DAY, abs=60)


def test_who_is_configured_no_more_has_no_series(world: tuple[Snapshot, Path, Path]) -> None:
    metrics = Metrics()
    expiries = Expiries(metrics, Clock(0.0))
    expiries.look(world[0])
    expiries.look(snapshot(provider("plain"), llm()))
    assert SERIES not in metrics.expose().decode().replace(f"# HELP {SERIES}", "").replace(f"# TYPE {SERIES}", "")


def test_what_clients_are_shown_and_must_show_is_told_too(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ca = Ca(ends=10 * DAY)
    certificate, key = ca.issue("gateway", ends=30 * DAY).write(tmp_path)
    (tmp_path / "ca.pem").write_bytes(ca.certificate)
    listen = Listen(tls=ListenTls(str(certificate), str(key), str(tmp_path / "ca.pem")))
    metrics = Metrics()
    Expiries(metrics, Clock(time.time())).look(replace(snapshot(llm()), listen=listen))
    server, trusted = seen(metrics, "listen", "server"), seen(metrics, "listen", "client_ca")
    assert server is not None and trusted is not None and server - trusted > 19 * A_DAY
    (record,) = caplog.records
    assert record.getMessage().startswith("the client CA certificate of listen expires at")
