"""The headers of a probe: what the provider's requests show, so that it is let in where they are.

Law: secrets are asked of the keyring at each probe and kept nowhere. A caller's own key is never shown.
"""

from collections.abc import Callable, Mapping

from extproc import names
from extproc.probing.failures import Unanswered
from extproc.signing import sign
from extproc.snapshot import Provider

Key = Callable[[str], bytes | None]  # a secret of the keyring, by names.KEY_…


class Shown:
    def __init__(self, key: Key, epoch: Callable[[], float], new_nonce: Callable[[], str]) -> None:
        self._key = key
        self._epoch = epoch
        self._new_nonce = new_nonce

    def headers(self, provider: Provider, page: str) -> Mapping[str, str]:
        """Of a GET of this page, which has no body. Raises Unanswered where it cannot be signed."""
        shown = {name.lower(): value for name, value in provider.headers.items()}
        credential = provider.credential
        if credential.kind == "injected" and (key := self._key(names.KEY_CREDENTIAL + provider.cluster)) is not None:
            shown[credential.header] = credential.prefix + key.decode("latin-1")
        return shown | self._signature(provider, page)

    def _signature(self, provider: Provider, page: str) -> dict[str, str]:
        if provider.sign is None or (secret := self._key(names.KEY_SIGN + provider.cluster)) is None:
            return {}
        path, _, query = page.partition("?")
        try:
            made = sign(secret, provider.sign.scheme, "GET", path, query, b"", self._epoch(), self._new_nonce())
        except ValueError:
            raise Unanswered("the probe cannot be signed") from None
        return dict(made)
