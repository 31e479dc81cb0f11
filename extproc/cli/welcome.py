"""What `extproc up` says once a request would succeed: the address, the providers, and requests to try."""

from extproc import names
from extproc.cli import screen
from extproc.dataplane.start import Reached, Started
from extproc.money import dollars
from extproc.snapshot import OPENAI_SHAPED, Model, Snapshot
from extproc.translation.registry import pair_for


def welcome(started: Started) -> None:
    if not screen.for_people():
        screen.write_json(
            {
                "log": "started",
                "address": started.address,
                "admin": started.admin,
                "providers": list(started.snapshot.providers),
                "configuration": started.origin,
                "hash": started.snapshot.id,
                "notes": list(started.notes),
            },
            compact=True,
        )
        return
    screen.out.print(
        f"\n[bold green]extproc is up[/] at [bold]{started.address}[/]  (health, metrics: {started.admin})"
    )
    screen.out.print(f"configuration: {started.origin}\n")
    screen.table(
        ("provider", "dialect", "models", "$ per million tokens in/out"),
        [_provider_row(started.snapshot, name) for name in started.snapshot.providers],
    )
    screen.notes(started.notes)
    screen.out.print("\n[bold]try[/]")
    for what, command in requests_to_try(started):
        screen.out.print(f"  [dim]# {what}[/]")
        screen.out.print(f"  {command}\n", soft_wrap=True, markup=False)
    screen.out.print("[dim]Ctrl-C ends it[/]\n")


def _provider_row(snapshot: Snapshot, name: str) -> tuple[str, str, str, str]:
    provider = snapshot.providers[name]
    shown = [model.name for model in provider.models[:4]]
    more = len(provider.models) - len(shown)
    models = ", ".join(shown) + (f" and {more} more" if more > 0 else "") if shown else "any name"
    return name, provider.dialect, models, _price(provider.models)


def _price(models: tuple[Model, ...]) -> str:
    priced = [model.price for model in models if model.price is not None]
    return f"{dollars(priced[0].input)} / {dollars(priced[0].output)}" if priced else "-"


def requests_to_try(started: Started) -> list[tuple[str, str]]:
    """Requests that work with this very configuration."""
    model = first_model(started.snapshot)
    keyed = any(caller.key_sha256 is not None for caller in started.snapshot.callers)
    at = started.reached or Reached(started.address)
    key = at.options + (" -H 'authorization: Bearer YOUR-KEY'" if keyed else "")
    chat = f"curl -s {at.url}/v1/chat/completions{key} -H 'content-type: application/json' -d"
    return [
        ("a first request; -i shows which target answered", _chat(chat.replace("curl -s", "curl -si"), model, False)),
        ("the same, streamed", _chat(chat.replace("curl -s", "curl -sN"), model, True)),
        *(
            (f"translated there and back: {provider} speaks {dialect}", _chat(chat, name, False))
            for name, provider, dialect in translated(started.snapshot)
            if name != model
        ),
        *(
            (
                "the cheapest of all who serve it, and why (latency, quality, sticky, round_robin, … too)",
                _chat(
                    chat.replace("curl -s", f"curl -si -H '{names.STRATEGY}: cost' -H '{names.EXPLAIN}: true'"),
                    one,
                    False,
                ),
            )
            for one in shared_model(started.snapshot)
        ),
        ("what may be asked for", f"curl -s {at.url}/v1/models{key}"),
    ]


USUAL = ("gpt-4o-mini", "mistral-small-latest")  # small, cheap, and known to everybody


def first_model(snapshot: Snapshot) -> str:
    """A name that somebody may ask for right away: an alias, else a usual model, else the first that chats."""
    if snapshot.aliases:
        return next(iter(snapshot.aliases))
    chatting = [
        model.name
        for provider in snapshot.providers.values()
        for model in provider.models
        if "*" not in model.name and "chat" in model.endpoints
    ]
    return next((name for name in USUAL if name in chatting), chatting[0] if chatting else USUAL[0])


def shared_model(snapshot: Snapshot) -> list[str]:
    """At most one name that several providers answer, so that there is something to choose."""
    serving: dict[str, set[str]] = {}
    for provider in snapshot.providers.values():
        for model in provider.models:
            if "*" not in model.name and "chat" in model.endpoints and model.name not in snapshot.aliases:
                serving.setdefault(model.name, set()).add(provider.name)
    return [name for name, providers in serving.items() if len(providers) > 1][:1]


def translated(snapshot: Snapshot) -> list[tuple[str, str, str]]:
    """At most one name that a provider answers in a dialect of its own, with that provider and its dialect."""
    named = [(name, targets[0].provider, targets[0].model) for name, targets in snapshot.aliases.items() if targets]
    listed = [
        (f"{provider.name}/{model.name}", provider.name, model.name)
        for provider in snapshot.providers.values()
        for model in provider.models
        if "*" not in model.name and "chat" in model.endpoints
    ]
    for name, provider, model in (*named, *listed):
        dialect = snapshot.providers[provider].dialect
        if dialect not in OPENAI_SHAPED and pair_for("openai", dialect, model, "chat") is not None:
            return [(name, provider, dialect)]
    return []


def _chat(prefix: str, model: str, stream: bool) -> str:
    streamed = ', "stream": true' if stream else ""
    return f'{prefix} \'{{"model": "{model}"{streamed}, "messages": [{{"role": "user", "content": "Hello!"}}]}}\''
