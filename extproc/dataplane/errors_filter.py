"""The filter that shows the processor an upstream's error, and nothing else.

Law: it is there for answers that an upstream gave, whose status is 400 or more, and that no stream of ours reads
already. All others pass it by: no stream is opened for them, no message sent. What it cannot show is not passed: an
upstream's «no» to the gateway's own key must not reach a caller raw, so where the processor is down Envoy answers.
"""

from extproc import names
from extproc.dataplane import filters
from extproc.dataplane.form import ANY, Node, typed

STATUS_INPUT = "envoy.type.matcher.v3.HttpResponseHeaderMatchInput"
ATTRIBUTES_INPUT = "xds.type.matcher.v3.HttpAttributesCelMatchInput"
CEL_MATCHER = "xds.type.matcher.v3.CelMatcher"
SKIP = "envoy.extensions.filters.common.matcher.action.v3.SkipFilter"


def errors_filter() -> Node:
    """The matchers wait for the answer's headers, because the status stands first: until then nothing is decided."""
    shown = filters.asks_processor(
        names.ERRORS_FILTER,
        names.FILTER_ERRORS,
        allow_mode_override=True,  # the body is asked for once the headers say that it is small
        processing_mode={
            "request_header_mode": "SKIP",
            "request_body_mode": "NONE",
            "response_header_mode": "SEND",
            "response_body_mode": "NONE",
        },
        response_attributes=[names.ATTR_ATTEMPT],
        metadata_options={
            "forwarding_namespaces": {"untyped": [names.META]},
            "receiving_namespaces": {"untyped": [names.META]},
        },
    )
    theirs = {"and_matcher": {"predicate": [_status("[45].."), _holds(_equal(_DETAILS, _text(names.VIA_UPSTREAM)))]}}
    return {
        "name": names.ERRORS_FILTER,
        "typed_config": typed(
            "common.matching.v3.ExtensionWithMatcher",
            extension_config=shown,
            xds_matcher={
                "matcher_list": {
                    "matchers": [_skip({"not_matcher": theirs}), _skip(_holds(_equal(_ATTENDED, _TRUE)))],
                }
            },
        ),
    }


def _skip(predicate: Node) -> Node:
    return {"predicate": predicate, "on_match": {"action": _extension("skip", SKIP)}}


def _status(pattern: str) -> Node:
    return {
        "single_predicate": {
            "input": _extension("status", STATUS_INPUT, header_name=":status"),
            "value_match": {"safe_regex": {"google_re2": {}, "regex": pattern}},
        }
    }


def _holds(expression: Node) -> Node:
    """Envoy's matchers take CEL only parsed; what asks for a key that is not there does not hold."""
    return {
        "single_predicate": {
            "input": _extension("attributes", ATTRIBUTES_INPUT),
            "custom_match": _extension("cel", CEL_MATCHER, expr_match={"cel_expr_parsed": {"expr": expression}}),
        }
    }


def _extension(name: str, kind: str, **fields: object) -> Node:
    return {"name": name, "typed_config": {"@type": f"{ANY}/{kind}", **fields}}


# --- CEL, parsed -----------------------------------------------------------------------------------------------------


def _text(value: str) -> Node:
    return {"const_expr": {"string_value": value}}


def _field(of: Node, name: str) -> Node:
    return {"select_expr": {"operand": of, "field": name}}


def _called(function: str, *arguments: Node) -> Node:
    return {"call_expr": {"function": function, "args": list(arguments)}}


def _equal(one: Node, other: Node) -> Node:
    return _called("_==_", one, other)


_TRUE: Node = {"const_expr": {"bool_value": True}}
_DETAILS = _field({"ident_expr": {"name": "response"}}, "code_details")
_DECISION = _called("_[_]", _field({"ident_expr": {"name": "metadata"}}, "filter_metadata"), _text(names.META))
_ATTENDED = _called("_[_]", _DECISION, _text(names.M_ATTENDED))
