"""Who of the contenders may and can: route, caller, family, contents, losses, context (for the prompt, then as large as
requirements ask), credential, what this Envoy has, breaker and health, in this order.

Law: whoever is dropped is told by the first test that drops it. The test that takes the last one away words the
refusal. Nothing that is dropped here can come back.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from extproc.decision.addressed import has_none
from extproc.decision.contender import Contender
from extproc.decision.gather import not_found
from extproc.decision.nearest import shown
from extproc.decision.permission import on_route
from extproc.decision.plan import UNWELL, Candidate, Observation
from extproc.decision.question import Question
from extproc.decision.strategies import Ranked
from extproc.dialects.endpoints import is_by_provider
from extproc.facts.attended import is_translated
from extproc.refusal import Reason, Refusal
from extproc.snapshot import HealthSpec

LEAST_CONTEXTS: Final = ("min_context_window", "min_context")  # of requirements
MOST_CONTEXT: Final = 1e12  # tokens: more is nowhere, and nobody wants to read its digits
LONGEST_WAIT: Final = 86_400  # seconds: more is told to nobody


@dataclass(frozen=True, slots=True)
class Test:
    drops: Callable[[Question, Contender], str | None]  # the reason, or None: it stays
    refuses: Callable[[Question, Sequence[Contender]], Refusal]  # told when nobody stays
    asks: Callable[[Question], bool] = lambda question: True  # False: this question cannot drop anybody by it


@dataclass(frozen=True, slots=True)
class Sifted:
    kept: tuple[Contender, ...]
    dropped: tuple[Candidate, ...]
    refusal: Refusal | None  # where nobody is kept


def sift(question: Question, contenders: Sequence[Contender]) -> Sifted:
    kept = list(contenders)
    dropped: list[Candidate] = []
    for test in TESTS:
        if not test.asks(question):
            continue
        before, kept = kept, []
        for contender in before:
            reason = test.drops(question, contender)
            if reason is None:
                kept.append(contender)
            else:
                dropped.append(Candidate(contender.target, False, reason))
        if not kept:
            return Sifted((), tuple(dropped), test.refuses(question, before))
    return Sifted(tuple(kept), tuple(dropped), None)


def asked_for(question: Question) -> str:
    if question.name is None and is_by_provider(question.facts.endpoint):
        return f"{question.provider}/{question.facts.family}"
    return shown(question.facts.model) if question.facts.model else "this request"


# --- route, caller, family -------------------------------------------------------------------------------------------


def _off_route(question: Question, contender: Contender) -> str | None:
    return None if on_route(question.route, contender.provider.name) else "this route does not allow its provider"


def _nothing_on_route(question: Question, contenders: Sequence[Contender]) -> Refusal:
    return not_found(question, f"no provider that this route allows serves {asked_for(question)}")


def _forbidden(question: Question, contender: Contender) -> str | None:
    return None if question.caller_may_use(contender) else "this caller may not use it"


def _all_forbidden(question: Question, contenders: Sequence[Contender]) -> Refusal:
    return Refusal(Reason.MODEL_NOT_ALLOWED, f"this caller may not use {asked_for(question)}", param="model")


def _other_family(question: Question, contender: Contender) -> str | None:
    if question.facts.family not in contender.families and not is_by_provider(question.facts.endpoint):
        return f"it does not serve {question.facts.family}"
    if not contender.serves(question.facts.endpoint):
        return f"its API ({contender.provider.dialect}) has no {question.facts.endpoint}"
    return None


def _no_family(question: Question, contenders: Sequence[Contender]) -> Refusal:
    if is_by_provider(question.facts.endpoint):
        return has_none(question, contenders)
    return not_found(question, f"{asked_for(question)} does not serve {question.facts.family}")


# --- what its API can be told ----------------------------------------------------------------------------------------


def _cannot_take(question: Question, contender: Contender) -> str | None:
    kinds = contender.cannot_take(question.facts.features)
    return f"its API cannot take {', '.join(kinds)}" if kinds else None


def _nobody_takes(question: Question, contenders: Sequence[Contender]) -> Refusal:
    kinds = _common(contender.cannot_take(question.facts.features) for contender in contenders)
    message = f"no target of {asked_for(question)} can take {', '.join(kinds)}"
    return Refusal(Reason.UNSUPPORTED_PARAMETER, message, param=kinds[0])


def _loses(question: Question, contender: Contender) -> str | None:
    lost = contender.loses(question.facts.features) if question.route.on_loss == "reject" else ()
    return f"its API cannot be told {', '.join(lost)}, and the route rejects what would be lost" if lost else None


def _all_lose(question: Question, contenders: Sequence[Contender]) -> Refusal:
    lost = _common(contender.loses(question.facts.features) for contender in contenders)
    message = f"no target of {asked_for(question)} can be told {', '.join(lost)}; leave it out, or name another model"
    return Refusal(Reason.UNSUPPORTED_PARAMETER, message, param=lost[0])


def _common(named: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What all of them name; where that is nothing, what the first does."""
    every = list(named)
    return tuple(name for name in every[0] if all(name in others for others in every)) or every[0]


# --- context ---------------------------------------------------------------------------------------------------------


def _needed(question: Question) -> int:
    return question.facts.input_tokens + (question.facts.max_output_tokens or 0)


def _too_small(question: Question, contender: Contender) -> str | None:
    context = contender.context
    if context is None or _needed(question) <= context:
        return None
    return f"about {_needed(question)} tokens do not fit its context of {context}"


def _all_too_small(question: Question, contenders: Sequence[Contender]) -> Refusal:
    largest = max((one.context or 0 for one in contenders), default=0)
    cap = question.facts.max_output_tokens
    answer = f" and an answer of up to {cap}" if cap else ""
    prompt = f"about {question.facts.input_tokens} tokens of prompt{answer}"
    return Refusal(Reason.CONTEXT_LENGTH, f"{prompt} do not fit the largest context, {largest} tokens", param="model")


def _asked_context(question: Question) -> float:
    numbers = (question.facts.requirements.get(name) for name in LEAST_CONTEXTS)
    asked = [float(one) for one in numbers if isinstance(one, (int, float)) and not isinstance(one, bool)]
    return min(max(asked, default=0.0), MOST_CONTEXT)


def _smaller_than_asked(question: Question, contender: Contender) -> str | None:
    asked = _asked_context(question)
    if contender.context is None or contender.context >= asked:
        return None
    return f"its context of {contender.context} is smaller than the {asked:.0f} that requirements ask for"


def _all_smaller(question: Question, contenders: Sequence[Contender]) -> Refusal:
    largest = max((one.context or 0 for one in contenders), default=0)
    asked = f"requirements ask for a context of {_asked_context(question):.0f} tokens"
    return Refusal(Reason.CONTEXT_LENGTH, f"{asked}, and the largest there is has {largest}", param="requirements")


# --- credential ------------------------------------------------------------------------------------------------------


def _keyless(question: Question, contender: Contender) -> str | None:
    if contender.provider.credential.kind != "caller" or question.facts.caller.own_credential:
        return None
    return "it takes the caller's own key and none was sent"


def _all_keyless(question: Question, contenders: Sequence[Contender]) -> Refusal:
    message = f"{asked_for(question)} is served with the caller's own key, and none was sent"
    return Refusal(Reason.CALLER_CREDENTIAL_MISSING, message)


# --- what this Envoy has ---------------------------------------------------------------------------------------------


def _not_given(question: Question, contender: Contender) -> str | None:
    facts, provider = question.facts, contender.provider
    if not facts.envoy_has(provider.cluster):
        return "Envoy works with another configuration, which does not have it so"
    if not facts.answer_shown and is_translated(provider.dialect, facts.endpoint):
        return "Envoy works with another configuration, in which answers of this route are not translated"
    return None


def _nothing_given(question: Question, contenders: Sequence[Contender]) -> Refusal:
    message = f"Envoy works with another configuration, which has no target of {asked_for(question)} as it is now"
    return Refusal(Reason.SNAPSHOT_LOST, message, retry_after=1)


# --- breaker and health ----------------------------------------------------------------------------------------------


def _shut(question: Question, contender: Contender) -> str | None:
    seen = question.observations.of(contender.target)
    why = f" ({shown(seen.why)})" if seen.why else ""
    if seen.breaker == "shut":
        return f"shut for another {_whole(_reopens_in(seen, question.now))} s{why}"
    if seen.breaker == "probing" and seen.probes_left <= 0:
        return f"probing, and no more probes are allowed for now{why}"
    if seen.health in UNWELL:
        return f"unhealthy, as its probes say{f' ({shown(seen.health_why)})' if seen.health_why else ''}"
    return None


def _all_shut(question: Question, contenders: Sequence[Contender]) -> Refusal:
    wait = min((_wait(question, one) for one in contenders), default=1)
    message = f"every target of {asked_for(question)} is left out for now; try again in {wait} s"
    return Refusal(Reason.NO_TARGET_AVAILABLE, message, retry_after=wait)


def _wait(question: Question, contender: Contender) -> int:
    """Whole seconds until it may be tried again: when its breaker lets it, and its next probe can have opened it."""
    seen = question.observations.of(contender.target)
    waits = []
    if seen.breaker != "serving":
        waits.append(_reopens_in(seen, question.now))
    if seen.health in UNWELL:
        waits.append((contender.provider.health or HealthSpec()).interval)
    return max(map(_whole, waits), default=1)


def _reopens_in(seen: Observation, now: float) -> float:
    return 1.0 if seen.reopens_at is None else seen.reopens_at - now


def _whole(seconds: float) -> int:
    """Rounded up, at least one."""
    if not seconds > 1:  # not a number included
        return 1
    return LONGEST_WAIT if seconds > LONGEST_WAIT else math.ceil(seconds)


def none_chosen(question: Question, ranked: Sequence[Ranked]) -> Refusal:
    """Everybody passed, and the strategy wants nobody: all weigh nothing, or nobody knows their prices."""
    names = "; ".join(f"{shown(str(one.contender.target))} ({one.reason})" for one in ranked[:3])
    return Refusal(Reason.NO_TARGET_AVAILABLE, f"no target of {asked_for(question)} is chosen: {names}")


TESTS: Final = (
    Test(_off_route, _nothing_on_route, lambda question: bool(question.route.providers)),
    Test(
        _forbidden,
        _all_forbidden,
        lambda question: bool(question.facts.caller.providers or question.facts.caller.models),
    ),
    Test(_other_family, _no_family),
    Test(_cannot_take, _nobody_takes, lambda question: bool(question.facts.features)),
    Test(_loses, _all_lose, lambda question: bool(question.facts.features) and question.route.on_loss == "reject"),
    Test(_too_small, _all_too_small),
    Test(_smaller_than_asked, _all_smaller, lambda question: _asked_context(question) > 0),
    Test(_keyless, _all_keyless),
    Test(_not_given, _nothing_given, lambda question: question.facts.given is not None),
    Test(_shut, _all_shut),
)
