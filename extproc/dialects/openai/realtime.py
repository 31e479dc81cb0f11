"""How a WebSocket is asked for in the OpenAI dialect: all by its query and its subprotocols, because browsers can set
no headers of a handshake.

Law: one model, one provider and no key leave here, whatever the caller wrote twice or in escapes; all other parts of
the query and all other subprotocols pass as they were written.
"""

from typing import Final
from urllib.parse import quote, unquote_plus

from extproc import names
from extproc.dialects.openai.request import RequestBody

MODEL: Final = "model"
# Of a query: what only the gateway may say to a provider, in whatever form it is asked.
_NEVER_SENT: Final = frozenset({names.PROVIDER_PARAMETER, "api-key"})
# Who pays is never a caller's to say, by header or by subprotocol.
_PAYERS: Final = ("openai-organization.", "openai-project.")


def read_query(query: str) -> RequestBody:
    """What it says of model and provider. The first of a name counts."""
    models = _values(query, MODEL)
    providers = _values(query, names.PROVIDER_PARAMETER)
    return RequestBody(
        model=(models[0] if models else None) or None,
        model_once=len(models) < 2,
        provider=(providers[0] if providers else None) or None,
    )


def sent_query(query: str, model: str | None, *, called: str = MODEL) -> str:
    """The query for a provider, which names its model by `called`. `model` None: nobody said one."""
    gone = _NEVER_SENT | ({MODEL, called} if model is not None else frozenset())
    kept = [part for part in query.split("&") if part and _name(part) not in gone]
    if model is None:
        return "&".join(kept)
    written = [part for part in query.split("&") if _name(part) == MODEL]
    same = called == MODEL and len(written) == 1 and _values(query, MODEL) == [model]
    return "&".join([written[0] if same else f"{called}={quote(model, safe='')}", *kept])


def keys_in(subprotocols: str) -> list[str]:
    """The caller's keys among them."""
    found = (one.strip() for one in subprotocols.split(","))
    return [one[len(names.KEY_SUBPROTOCOL) :] for one in found if one.startswith(names.KEY_SUBPROTOCOL)]


def sent_subprotocols(subprotocols: str) -> str:
    """Those that a provider may see."""
    found = (one.strip() for one in subprotocols.split(","))
    return ", ".join(one for one in found if one and not one.startswith((names.KEY_SUBPROTOCOL, *_PAYERS)))


def _values(query: str, name: str) -> list[str]:
    return [unquote_plus(part.partition("=")[2]) for part in query.split("&") if part and _name(part) == name]


def _name(part: str) -> str:
    return unquote_plus(part.partition("=")[0])
