"""Where each of several workers listens."""

import pytest

from extproc.dataplane.worker_addresses import BadAddresses, worker_addresses


@pytest.mark.parametrize(
    ("listen", "workers", "addresses"),
    [
        (["unix:///run/x.sock"], 1, [["unix:///run/x.sock"]]),
        (["127.0.0.1:0"], 1, [["127.0.0.1:0"]]),
        (["unix:///run/x.sock"], 2, [["unix:///run/x.0.sock"], ["unix:///run/x.1.sock"]]),
        (["unix:///run/x"], 2, [["unix:///run/x.0"], ["unix:///run/x.1"]]),
        (["unix:x.sock"], 2, [["unix://x.0.sock"], ["unix://x.1.sock"]]),
        (["0.0.0.0:50051"], 3, [["0.0.0.0:50051"], ["0.0.0.0:50052"], ["0.0.0.0:50053"]]),
        (["[::1]:65534"], 2, [["[::1]:65534"], ["[::1]:65535"]]),
        (["unix:///a.s", "h:1"], 2, [["unix:///a.0.s", "h:1"], ["unix:///a.1.s", "h:2"]]),
        (["h:1", "h:3"], 2, [["h:1", "h:3"], ["h:2", "h:4"]]),
    ],
)
def test_each_worker_has_its_own(listen: list[str], workers: int, addresses: list[list[str]]) -> None:
    assert worker_addresses(listen, workers) == addresses


@pytest.mark.parametrize(
    ("listen", "says"),
    [
        (["h:65534"], "--listen h:65534: 3 workers need ports up to 65536"),
        (["h:0"], "--listen h:0: several workers need ports that Envoy can be told, not any free one"),
        (["h"], "--listen h: neither unix:///path nor host:port"),
        (["h:x"], "--listen h:x: neither unix:///path nor host:port"),
        (["unix:///" + "d" * 105 + "/x"], "is longer than the 107 bytes of a socket's path"),
        (["h:1", "h:2"], "--listen h:1 and --listen h:2 both come to h:2 with 3 workers: leave as many ports between"),
        (["h:1", "h:1"], "--listen h:1 and --listen h:1 both come to h:1"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(listen: list[str], says: str) -> None:
    with pytest.raises(BadAddresses) as raised:
        worker_addresses(listen, 3)
    assert says in str(raised.value) and "\n" not in str(raised.value)
