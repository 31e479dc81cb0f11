"""Access-log messages read: everything there, nothing there, and garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.outcome.record import Record
from extproc.wire.codec import Garbled
from extproc.wire.log_stream import LogStream
from extproc.wire.pb import access_log_pb2 as log
from extproc.wire.pb.access_log_service_pb2 import StreamAccessLogsMessage
from extproc.wire.records import decode_records
from extproc.wire.structs import write_struct


def message(*entries: log.HTTPAccessLogEntry, name: str = "") -> bytes:
    made = StreamAccessLogsMessage(http_logs={"log_entry": entries})
    if name:
        made.identifier.log_name = name
    return made.SerializeToString()


def entry(**common) -> log.HTTPAccessLogEntry:
    return log.HTTPAccessLogEntry(common_properties=log.AccessLogCommon(**common))


def full_entry() -> log.HTTPAccessLogEntry:
    made = log.HTTPAccessLogEntry(
        common_properties={
            "upstream_cluster": "openai|ab12",
            "upstream_remote_address": {"socket_address": {"address": "10.0.0.1", "port_value": 443}},
            "upstream_request_attempt_count": 2,
            "route_name": "s1|chat|chat_completions",
            "response_flags": {"upstream_connection_failure": True, "upstream_retry_limit_exceeded": True},
            "start_time": {"seconds": 1000, "nanos": 500_000_000},
            "duration": {"seconds": 2, "nanos": 250_000_000},
            "time_to_first_upstream_rx_byte": {"nanos": 40_000_000},
            "time_to_first_downstream_tx_byte": {"nanos": 0},
            "access_log_type": log.DownstreamEnd,
        },
        request={
            "request_method": 3,
            "path": "/v1/chat/completions",
            "request_id": "r-1",
            "request_body_bytes": 12,
            "request_headers": {"x-extproc-team": "a"},
        },
        response={
            "response_code": {"value": 503},
            "response_code_details": "upstream_reset",
            "response_body_bytes": 34,
            "response_headers": {"retry-after": "1"},
        },
    )
    write_struct(made.common_properties.metadata.filter_metadata["extproc"], {"id": "e1", "targets": ["a/b"]})
    return made


def test_a_full_record_says_all_that_envoy_said():
    assert decode_records(message(full_entry(), name="exchange")) == (
        "exchange",
        [
            Record(
                kind="exchange",
                request_id="r-1",
                final=True,
                status=503,
                flags=frozenset({"upstream_connection_failure", "upstream_retry_limit_exceeded"}),
                details="upstream_reset",
                cluster="openai|ab12",
                remote_address="10.0.0.1:443",
                attempt=2,
                route_name="s1|chat|chat_completions",
                metadata={"extproc": {"id": "e1", "targets": ["a/b"]}},
                started_at=1000.5,
                duration=2.25,
                first_upstream_byte=0.04,
                request_bytes=12,
                response_bytes=34,
                method="POST",
                path="/v1/chat/completions",
                request_headers={"x-extproc-team": "a"},
                response_headers={"retry-after": "1"},
            )
        ],
    )


def test_a_record_of_nothing_has_no_times_and_no_texts():
    _, (record,) = decode_records(message(log.HTTPAccessLogEntry(), name="attempt"))
    assert record == Record(kind="attempt", request_id="", final=True, status=0)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ({"socket_address": {"address": "::1", "port_value": 80}}, "[::1]:80"),
        ({"pipe": {"path": "/run/s"}}, "/run/s"),
        ({}, ""),
    ],
)
def test_an_address_is_a_host_and_port_or_a_path(address, text):
    _, (record,) = decode_records(message(entry(upstream_remote_address=address), name="attempt"))
    assert record.remote_address == text


@pytest.mark.parametrize(
    ("common", "final"),
    [
        ({"access_log_type": log.NotSet}, True),
        ({"access_log_type": log.DownstreamEnd}, True),
        ({"access_log_type": log.UpstreamEnd}, True),
        ({"access_log_type": log.DownstreamStart}, False),
        ({"access_log_type": log.DownstreamPeriodic}, False),
        ({"access_log_type": log.UpstreamPeriodic}, False),
        ({"access_log_type": log.UpstreamPoolReady}, False),
        ({"access_log_type": log.DownstreamEnd, "intermediate_log_entry": True}, False),
    ],
)
def test_only_the_last_record_of_its_kind_is_final(common, final):
    _, (record,) = decode_records(message(entry(**common), name="exchange"))
    assert record.final is final


def test_without_a_log_name_the_entrys_own_type_says_its_kind():
    entries = [entry(access_log_type=kind) for kind in (log.UpstreamEnd, log.DownstreamEnd, log.NotSet)]
    name, records = decode_records(message(*entries))
    assert name is None
    assert [record.kind for record in records] == ["attempt", "exchange"]


def test_the_streams_name_stands_for_all_later_messages():
    heard: list[Record] = []
    stream = LogStream(heard.append)
    stream.feed(message(entry(), name="attempt"))
    stream.feed(message(entry(), entry()))
    stream.closed()
    assert [record.kind for record in heard] == ["attempt"] * 3


def test_garbage_is_counted_and_the_stream_goes_on():
    heard: list[Record] = []
    stream = LogStream(heard.append)
    stream.feed(message(entry(), name="exchange"))
    stream.feed(b"\xff\xff\xff")
    stream.feed(message(entry()))
    assert (len(heard), stream.garbled) == (2, 1)


@given(st.binary(max_size=80))
def test_any_bytes_are_records_or_garbled_and_nothing_else(data):
    try:
        _, records = decode_records(data, "exchange")
    except Garbled:
        return
    assert all(isinstance(record, Record) for record in records)
