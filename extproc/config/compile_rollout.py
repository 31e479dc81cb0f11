"""Canaries of the schema → of the snapshot: two arms, the share of the second, and what moves it.

Law: the address that is told of its moves is a secret: it goes into the keyring and into no text of ours.
"""

from urllib.parse import urlsplit

from extproc.config.compile_clusters import check_positive
from extproc.config.compile_egress import Egress
from extproc.config.credentials import Secret, secret_of
from extproc.config.problems import PathParts
from extproc.config.references import Names, check_once, target_or_provider
from extproc.config.report import Report
from extproc.config.schema_credentials import SecretKeys
from extproc.config.schema_strategies import CriteriaKeys, StrategyKeys
from extproc.snapshot import Criteria, Proxy, RolloutSpec, Target

_SHARE = RolloutSpec((), ()).share
_OF_STEPS = ("step_every",)
_OF_CONCLUSIONS = ("window", "min_samples", "webhook")


def compile_rollout(
    keys: StrategyKeys, path: PathParts, names: Names, report: Report
) -> tuple[RolloutSpec | None, Secret | None]:
    stable = _arm(keys, "stable", path, names, report)
    canary = _arm(keys, "canary", path, names, report)
    for target in canary:
        if target in stable:
            text = str(target) if target.model else target.provider
            report.add((*path, "canary"), f"`{text}` stands in `stable` too", "a target is in one arm")
    _check_what_moves(keys, path, report)
    check_positive(keys.step_every, (*path, "step_every"), report)
    check_positive(keys.window, (*path, "window"), report)
    share = _share(keys, path, report)
    rollout = RolloutSpec(
        stable=stable,
        canary=canary,
        share=share,
        steps=_steps(keys, share, path, report),
        step_every=keys.step_every,
        sticky=keys.sticky,
        criteria=_criteria(keys.success_criteria),
        window=keys.window,
        min_samples=int(keys.min_samples),
        webhook=keys.webhook is not None,
    )
    return rollout, None if keys.webhook is None else _webhook(keys.webhook, (*path, "webhook"), report)


def _arm(keys: StrategyKeys, arm: str, path: PathParts, names: Names, report: Report) -> tuple[Target, ...]:
    written: str | list[str] | None = getattr(keys, arm)
    here = (*path, arm)
    if not written:
        hint = f"write who is in the arm: {arm}: PROVIDER/MODEL"
        report.add(here, "is missing" if written is None else "must not be empty", hint)
        return ()
    if isinstance(written, str):
        places: list[tuple[str, PathParts]] = [(written, here)]
    else:
        check_once(written, here, report)
        places = [(text, (*here, place)) for place, text in enumerate(written)]
    found = [target_or_provider(text, place, names, report) for text, place in places]
    return tuple(one for one in found if one is not None)


def _share(keys: StrategyKeys, path: PathParts, report: Report) -> float:
    """Of the canary, when it begins."""
    if keys.split is not None and keys.traffic_split is not None:
        report.add((*path, "traffic_split"), "stands beside `split`", "keep one of them")
    split, key = (keys.split, "split") if keys.split is not None else (keys.traffic_split, "traffic_split")
    if split is None:
        return _SHARE
    together = split.stable + split.canary
    if abs(together - 100) > 1e-9:
        report.add((*path, key), f"is {together:g} % together, and must be 100")
    return split.canary / 100


def _steps(keys: StrategyKeys, share: float, path: PathParts, report: Report) -> tuple[float, ...]:
    before = share * 100
    for place, percent in enumerate(keys.steps):
        if percent <= before + 1e-9:
            what = "the step before it" if place else "what the canary begins with"
            report.add((*path, "steps", place), f"must be above {what}: {before:g} %", "percent, rising: [25, 50, 100]")
            break
        before = percent
    return tuple(percent / 100 for percent in keys.steps)


def _check_what_moves(keys: StrategyKeys, path: PathParts, report: Report) -> None:
    criteria = keys.success_criteria
    if criteria is not None and not criteria.model_fields_set:
        report.add((*path, "success_criteria"), "must not be empty", 'write at least one: {error_rate: "<1%"}')
    written = keys.model_fields_set
    for key in _OF_STEPS:
        if key in written and not keys.steps:
            report.add((*path, key), "goes only with `steps`")
    for key in _OF_CONCLUSIONS:
        if key in written and not keys.steps and criteria is None:
            report.add((*path, key), "goes only with `steps` or `success_criteria`", "without both it never moves")
    if keys.steps and criteria is None:
        report.note(path, "the canary climbs whatever happens to it", "write its `success_criteria`")


def _criteria(keys: CriteriaKeys | None) -> Criteria:
    return Criteria() if keys is None else Criteria(keys.error_rate, keys.latency_p95, keys.cost_efficiency)


def _webhook(written: SecretKeys, path: PathParts, report: Report) -> Secret | None:
    secret = secret_of(written, path, report)
    if secret is not None and not _is_web_address(secret.read()):
        here = path if isinstance(written, str) else (*path, "file")
        report.add(here, "must be an address: https://host/path")
        return None
    return secret


def proxy_to(webhook: Secret, egress: Egress) -> Proxy | None:
    url = urlsplit(webhook.read())
    return egress.way_to(url.hostname or "", url.port or 443) if url.scheme == "https" else None


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
