"""The signature of one attempt, for providers that take signed requests only.

Law: it is over what is sent and nothing else, and made anew for each attempt. Where it cannot be made, the attempt is
refused: such a provider never gets an unsigned request.
"""

from extproc import names
from extproc.exchange.desk import Desk
from extproc.refusal import Reason, Refusal
from extproc.signing import sign
from extproc.snapshot import Provider
from extproc.translation.pair import Headers, TranslatedRequest


def signature(provider: Provider, request: TranslatedRequest, body: bytes, desk: Desk) -> Headers | Refusal:
    """The headers for `body` as it is sent; none for a provider that asks for no signature."""
    if provider.sign is None:
        return ()
    secret = desk.key(names.KEY_SIGN + provider.cluster)
    if not secret:
        message = f"`{provider.name}` takes signed requests only, and the secret for it is not there"
        return Refusal(Reason.SIGNING_SECRET_MISSING, message)
    path, _, query = request.path.partition("?")
    return sign(secret, provider.sign.scheme, request.method, path, query, body, desk.epoch(), desk.new_id())
