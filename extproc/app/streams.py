"""Envoy's streams: which exchange answers which filter's, and what becomes of one in which something of ours breaks."""

import logging
from collections.abc import Callable, Mapping

from extproc import names
from extproc.app.counted import Counted
from extproc.exchange.attempt import AttemptExchange
from extproc.exchange.desk import Desk
from extproc.exchange.errors import ErrorExchange
from extproc.exchange.router import RouterExchange
from extproc.exchange.shadow import ShadowExchange
from extproc.facts.given import read_given
from extproc.observe.metrics import Metrics
from extproc.observe.redact import redact_error
from extproc.protocol.replies import ImmediateReply
from extproc.refusal import Reason, Refusal
from extproc.rewrite.refusals import immediate
from extproc.transport.contract import ByteStream
from extproc.wire.stream import ProcessorStream

_log = logging.getLogger("extproc")
_HANDLERS: Mapping[str, Callable[[Desk], AttemptExchange | ErrorExchange | ShadowExchange]] = {
    names.FILTER_ATTEMPT: AttemptExchange,
    names.FILTER_ERRORS: ErrorExchange,
    names.FILTER_SHADOW: ShadowExchange,
}


class Streams:
    def __init__(self, desk: Desk, metrics: Metrics) -> None:
        self._desk = desk
        self._metrics = metrics

    def open(self, metadata: Mapping[str, str]) -> ByteStream:
        filter_name = metadata.get(names.FILTER_METADATA, names.FILTER_ROUTER)
        handler = self._handler(filter_name, metadata)

        def on_bug(bug: BaseException) -> ImmediateReply:
            self._metrics.bug()
            _log.error("a bug in exchange %s", handler.id, exc_info=bug)
            refusal = Refusal(
                Reason.INTERNAL_ERROR, f"an error of the gateway's own; its log has it under {handler.id}"
            )
            return immediate(refusal, "openai", handler.id)

        stream = ProcessorStream(handler, on_bug, answers_only=filter_name == names.FILTER_ERRORS)
        return Counted(stream, filter_name, self._metrics)

    def _handler(
        self, filter_name: str, metadata: Mapping[str, str]
    ) -> AttemptExchange | ErrorExchange | RouterExchange | ShadowExchange:
        if (made := _HANDLERS.get(filter_name)) is not None:
            return made(self._desk)
        portable = metadata.get(names.FORM_METADATA) == names.FORM_PORTABLE
        return RouterExchange(self._desk, read_given(metadata), portable=portable)

    def broken(self, error: BaseException) -> None:
        _log.warning("a stream ended with an error: %s", redact_error(error))
