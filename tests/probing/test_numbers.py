"""What servers say of themselves, read from their pages."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.decision.decayed import LARGEST
from extproc.probing.exposition import MOST_SAMPLES, Exposition, quantile, read_exposition
from extproc.probing.numbers import Numbers, read_stats
from extproc.probing.servers import Scrape, read_metrics, told

LLAMA = b"""\
# HELP llamacpp:prompt_tokens_total Number of prompt tokens processed.
# TYPE llamacpp:prompt_tokens_total counter
llamacpp:prompt_tokens_total 13
# TYPE llamacpp:tokens_predicted_total counter
llamacpp:tokens_predicted_total 160
llamacpp:tokens_predicted_seconds_total 0.02
llamacpp:predicted_tokens_seconds 41.5
llamacpp:requests_processing 1
llamacpp:requests_deferred 4
"""
VLLM = """\
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{{engine="0",model_name="m"}} {running}
vllm:num_requests_waiting{{engine="0",model_name="m"}} {waiting}
vllm:num_requests_waiting{{engine="1",model_name="m, le=\\"9\\""}} 1.0
vllm:num_requests_waiting_by_reason{{reason="capacity"}} 77.0
vllm:generation_tokens_total{{engine="0",model_name="m"}} {tokens}
vllm:time_to_first_token_seconds_bucket{{engine="0",le="0.1",model_name="m"}} {fast}
vllm:time_to_first_token_seconds_bucket{{engine="0",le="1.0",model_name="m"}} {slow}
vllm:time_to_first_token_seconds_bucket{{engine="0",le="+Inf",model_name="m"}} {all}
vllm:time_to_first_token_seconds_count{{engine="0",model_name="m"}} {all}
vllm:e2e_request_latency_seconds_bucket{{engine="0",le="+Inf",model_name="m"}} 5.0
"""


def vllm(at: float, **said: float) -> Scrape:
    given = {"running": 2, "waiting": 3, "tokens": 1000, "fast": 90, "slow": 100, "all": 100} | said
    return read_metrics(VLLM.format(**given).encode(), at)


def test_llama_cpp_tells_its_queue_and_its_speed() -> None:
    assert told(None, read_metrics(LLAMA, 0.0)) == Numbers(queue_depth=4.0, tokens_per_second=41.5)


def test_what_several_slots_did_together_is_more_than_the_speed_of_one() -> None:
    later = read_metrics(LLAMA.replace(b"total 160", b"total 1160"), 10.0)
    assert told(read_metrics(LLAMA, 0.0), later) == Numbers(queue_depth=4.0, tokens_per_second=100.0)


def test_an_idle_llama_cpp_says_nothing_of_its_speed() -> None:
    idle = LLAMA.replace(b"41.5", b"0").replace(b"processing 1", b"processing 0")
    assert told(read_metrics(idle, 0.0), read_metrics(idle, 9.0)) == Numbers(queue_depth=4.0, at_least=True)


def test_vllm_tells_its_queue_its_rate_and_its_first_tokens() -> None:
    first = told(None, vllm(0.0))
    assert first is not None and first.queue_depth == 4.0 and first.tokens_per_second is None
    assert first.latency_p95 == pytest.approx(0.55), "the middle of the bucket that holds the 95th"
    later = told(vllm(0.0), vllm(20.0, tokens=2000, fast=190, slow=200, all=200))
    assert later is not None and (later.tokens_per_second, later.at_least) == (50.0, False)


def test_only_what_was_since_the_last_probe_counts() -> None:
    later = told(vllm(0.0), vllm(20.0, fast=90, slow=110, all=110))
    assert later is not None and later.latency_p95 == pytest.approx(0.955)
    quiet = told(vllm(0.0), vllm(20.0, running=2))
    assert quiet is not None and (quiet.latency_p95, quiet.tokens_per_second) == (None, None)


def test_a_server_that_began_anew_is_not_held_against_its_past() -> None:
    later = told(vllm(0.0, tokens=9e6, fast=900, slow=900, all=900), vllm(20.0))
    assert later is not None and later.tokens_per_second is None
    assert later.latency_p95 == pytest.approx(0.55)


def test_what_was_done_between_two_idle_moments_is_the_least_that_it_can() -> None:
    later = told(vllm(0.0, running=0), vllm(10.0, running=0, tokens=1100))
    assert later is not None and (later.tokens_per_second, later.at_least) == (10.0, True)


def test_sglang_and_tgi() -> None:
    sglang = b"sglang:num_queue_reqs 2\nsglang:num_running_reqs 8\nsglang:gen_throughput 812.5\n"
    assert told(None, read_metrics(sglang, 0.0)) == Numbers(queue_depth=2.0, tokens_per_second=812.5)
    tgi = "tgi_queue_size 6\ntgi_batch_current_size 1\ntgi_request_generated_tokens_sum {}\n"
    before, now = (read_metrics(tgi.format(tokens).encode(), at) for tokens, at in ((10, 0.0), (110, 4.0)))
    assert told(before, now) == Numbers(queue_depth=6.0, tokens_per_second=25.0)


def test_metrics_of_something_else_are_nobodys() -> None:
    assert told(None, read_metrics(b"node_load1 0.3\nqueue_depth 5\n", 0.0)) is None


@pytest.mark.parametrize("value", ["NaN", "+Inf", "-Inf", "-3", "1e300", "many", "", "0x10", "1_000_000_000_0000"])
def test_a_number_that_makes_no_sense_is_not_told(value: str) -> None:
    page = f"llamacpp:requests_processing 1\nllamacpp:requests_deferred {value}\n".encode()
    found = told(None, read_metrics(page, 0.0))
    assert found == Numbers(at_least=False)


def test_a_page_of_one_name_is_read_so_far_and_no_further() -> None:
    line = b"llamacpp:requests_deferred 1\n"
    assert read_exposition(line * 40_000, {"llamacpp:requests_deferred"}).values == {
        "llamacpp:requests_deferred": MOST_SAMPLES
    }


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_no_page_is_too_strange(page: bytes) -> None:
    read_stats(page)
    found = read_exposition(b"a_bucket" + page + b'\na{le="1"} 1\n' + page, {"a", "a_sum"})
    assert all(math.isfinite(value) for value in found.values.values())


@given(
    st.lists(
        st.tuples(st.floats(0.001, 100), st.integers(0, 50)), min_size=1, max_size=8, unique_by=lambda one: one[0]
    ),
    st.floats(0.01, 0.99),
)
def test_a_quantile_lies_within_what_the_buckets_hold(steps: list[tuple[float, int]], share: float) -> None:
    ends: dict[float, float] = {}
    total = 0
    for end, more in sorted(steps):
        total += more
        ends[end] = total
    found = quantile(share, None, ends)
    assert (found is None) == (total == 0)
    if found is not None:
        assert 0 <= found <= max(ends) * (1 + 1e-9)


def test_who_took_longer_than_the_longest_bucket_took_at_least_that() -> None:
    assert quantile(0.95, None, {1.0: 1.0, math.inf: 100.0}) == 1.0
    assert quantile(0.95, None, {math.inf: 100.0}) is None
    assert quantile(0.95, None, {}) is None
    assert Exposition().values == {}


@pytest.mark.parametrize(
    ("page", "numbers"),
    [
        (
            {"queue_depth": 3, "tokens_per_second": 120.5, "latency_p95_ms": 850},
            Numbers(queue_depth=3.0, tokens_per_second=120.5, latency_p95=0.85),
        ),
        ({"queue_depth": 0, "tokens_per_second": 0, "latency_p95_ms": 0}, Numbers(queue_depth=0.0)),
        ({"queue_depth": -1, "tokens_per_second": "10", "latency_p95_ms": None}, Numbers()),
        ({"queue_depth": True, "tokens_per_second": [1], "latency_p95_ms": {}}, Numbers()),
        ({"queue_depth": LARGEST * 10}, Numbers()),
        ({"queue_depth": 10**400, "tokens_per_second": 3}, Numbers(tokens_per_second=3.0)),
        ({}, Numbers()),
        ([1], None),
        ("x", None),
    ],
)
def test_the_page_of_stats(page: object, numbers: Numbers | None) -> None:
    assert read_stats(json.dumps(page).encode()) == numbers


@pytest.mark.parametrize("page", [b"", b"<html>", b"{", b'{"queue_depth": NaN}', b"[" * 100_000, b"\xff\xfe"])
def test_what_is_no_json_has_no_numbers(page: bytes) -> None:
    assert read_stats(page) is None


def test_what_one_page_does_not_tell_another_may() -> None:
    first = Numbers(queue_depth=0.0, latency_p95=0.5)
    both = first.completed_by(Numbers(queue_depth=9.0, tokens_per_second=5.0, at_least=True, latency_p95=9.0))
    assert both == Numbers(0.0, 5.0, True, 0.5) and both.complete and not first.complete
