"""docs/operations.md, «When something fails»: each row has tests that show it, and here is where they are.

Law: a row without a test, a test that is gone, and a name here without a row are all mistakes.
"""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_YET = "not there yet"

SHOWN: dict[str, tuple[str, ...]] = {
    "the processor": (
        "envoy/test_processes.py::test_a_killed_processor_is_refused_cleanly_and_comes_back",
        "envoy/test_processes.py::test_a_processor_that_keeps_dying_is_started_again_each_time",
        "dataplane/test_alone.py::test_llm_routes_fail_closed",
        "dataplane/test_alone.py::test_uploads_fail_closed",
    ),
    "the processor hangs": (
        "envoy/test_failures.py::test_a_processor_that_hangs_is_ended_and_started_anew",
        "envoy/test_processes.py::test_readyz_tells_that_no_processor_answers",
        "dataplane/test_worker.py::test_a_processor_that_hangs_is_soon_said_not_to_answer",
    ),
    "the processor, on a service route": (
        "dataplane/test_alone.py::test_a_service_passes_where_it_was_told_to",
        "dataplane/test_alone.py::test_a_service_is_refused_where_it_was_not",
    ),
    "the processor, while answers run": (
        "envoy/test_streaming.py::test_what_is_unattended_survives_the_processors_death",
        "envoy/test_failures.py::test_an_attended_answer_breaks_off_with_the_processor",
    ),
    "Envoy": ("envoy/test_processes.py::test_without_envoy_there_is_no_gateway",),
    "a provider before its first byte": (
        "envoy/test_failover.py::test_the_next_target_answers",
        "envoy/test_failover.py::test_a_silent_target_is_left_after_the_first_byte_timeout",
        "envoy/test_failover.py::test_five_failures_shut_a_target_and_a_good_probe_opens_it",
        "envoy/test_translated_edges.py::test_an_error_is_said_in_the_callers_dialect",
    ),
    "a provider in the middle of a stream, with an error that it says": (
        "envoy/test_failover.py::test_a_later_error_event_reaches_the_caller",
        "envoy/test_translated_edges.py::test_a_stream_that_fails_behind_its_beginning_ends_with_an_error_event",
        "envoy/test_hostile_translation.py::test_a_malformed_answer_is_a_502_or_an_error_event",
    ),
    "a provider in the middle of a stream, with its connection": (
        "envoy/test_streaming.py::test_a_cut_upstream_is_an_incomplete_read",
        "envoy/test_streaming.py::test_an_attended_stream_that_is_cut_at_once_is_never_a_clean_end",
        "envoy/test_translated_edges.py::test_a_stream_that_is_cut_stays_a_broken_transfer",
    ),
    "all targets shut by their breakers or probes": (
        "envoy/test_failover.py::test_five_failures_shut_a_target_and_a_good_probe_opens_it",
        "envoy/test_health.py::test_who_is_alone_and_shut_is_refused_at_once",
    ),
    "Envoy's memory is almost full": (
        "dataplane/test_overload.py::test_when_memory_is_almost_full_new_requests_are_refused_and_old_streams_go_on",
    ),
    "a client floods, drips or breaks the rules": (
        "envoy/test_strangers.py::test_a_flood_is_refused_and_its_limit_changes_while_connections_stay",
        "envoy/test_strangers.py::test_streams_that_are_opened_and_reset_at_once_end_the_connection",
        "envoy/test_strangers.py::test_connections_over_the_limit_are_closed_at_once",
    ),
    "the caller leaves": (
        "envoy/test_streaming.py::test_a_caller_that_leaves_cancels_the_upstream",
        "envoy/test_streaming.py::test_a_caller_that_leaves_before_an_answer_cancels_the_upstream",
    ),
    "a reload": (
        "envoy/test_reload.py::test_a_bad_reload_keeps_the_old_and_says_why",
        "envoy/test_rotation.py::test_a_wrong_pair_is_refused_in_words_and_the_old_one_stays",
    ),
    "a bug of ours": (
        "envoy/test_failures.py::test_a_bug_of_ours_ends_its_own_exchange_and_nothing_else",
        "conversations/test_order.py::test_a_bug_in_a_running_answer_is_a_visible_error_and_not_a_clean_end",
        "conversations/test_product_order.py::test_a_bug_in_a_decision_is_a_500_with_the_id_that_its_log_line_has",
    ),
    "a provider's name cannot be looked up": (
        "envoy/test_failover.py::test_the_next_target_answers",
        "envoy/test_failover.py::test_no_answer_at_all_is_503_in_our_words",
    ),
    "the egress proxy is gone, hangs or refuses": (
        "dataplane/test_egress.py::test_a_tunnel_that_cannot_be_had_is_the_next_target",
        "dataplane/test_egress.py::test_a_proxy_that_misbehaves_is_the_next_target",
        "dataplane/test_egress.py::test_a_refused_tunnel_has_a_line_that_says_why",
        "envoy/test_egress.py::test_requests_and_probes_go_through_the_proxy",
    ),
    "a provider's certificate is over or bears another name": (
        "dataplane/test_tls.py::test_who_shows_a_certificate_that_is_over_is_never_asked",
        "dataplane/test_tls.py::test_who_does_not_is_never_asked",
    ),
    "our own client certificate is over": (
        "envoy/test_rotation.py::test_what_is_over_does_not_start",
        "envoy/test_rotation.py::test_a_wrong_pair_is_refused_in_words_and_the_old_one_stays",
        "dataplane/test_mutual_tls.py::test_who_is_not_walks_the_plan",
    ),
    "no room on the disk, or the run's directory cannot be written": (
        "envoy/test_failures.py::test_a_start_without_room_on_the_disk_is_one_clear_line",
        "envoy/test_failures.py::test_a_change_without_room_on_the_disk_is_refused",
    ),
    "file descriptors run out": (
        "envoy/test_failures.py::test_without_file_descriptors_requests_wait_or_are_refused_until_there_are_some",
    ),
    "memory runs out": (
        "envoy/test_processes.py::test_a_killed_processor_is_refused_cleanly_and_comes_back",
        "envoy/test_processes.py::test_without_envoy_there_is_no_gateway",
    ),
    "the state store": (NOT_YET,),
}


def rows() -> dict[str, str]:
    page = (ROOT / "docs" / "operations.md").read_text()
    section = page.partition("\n## When something fails\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    cells = [line.strip().strip("|").split("|") for line in lines[2:]]
    return {first.strip(): second.strip() for first, second in cells}


def test_each_row_names_its_tests_and_no_name_is_without_a_row() -> None:
    assert list(rows()) == list(SHOWN)


@pytest.mark.parametrize("row", SHOWN)
def test_the_tests_of_a_row_are_there(row: str) -> None:
    """What is not there yet is said so in the row too."""
    for name in SHOWN[row]:
        if name == NOT_YET:
            assert "there is none yet" in rows()[row]
            continue
        file, _, function = name.partition("::")
        tree = ast.parse((ROOT / "tests" / file).read_text())
        assert function in {getattr(node, "name", "") for node in tree.body}, name
