"""The headers of a probe: what the provider's requests show, so that it is let in where they are.

Law: a credential is asked of the keyring at each probe and kept nowhere. A caller's own key is never shown.
"""

from collections.abc import Callable, Mapping

from extproc import names
from extproc.snapshot import Provider

Key = Callable[[str], bytes | None]  # a secret of the keyring, by names.KEY_…
Sign = Callable[[Provider, bytes, str], Mapping[str, str]]  # provider, its secret, the path with its query → headers


class Shown:
    def __init__(self, key: Key, sign: Sign) -> None:
        self._key = key
        self._sign = sign

    def headers(self, provider: Provider, page: str) -> Mapping[str, str]:
        """Of a GET of this page, which has no body."""
        shown = {name.lower(): value for name, value in provider.headers.items()}
        credential = provider.credential
        if credential.kind == "injected" and (key := self._key(names.KEY_CREDENTIAL + provider.name)) is not None:
            shown[credential.header] = credential.prefix + key.decode("latin-1")
        if provider.sign is not None and (secret := self._key(names.KEY_SIGN + provider.name)) is not None:
            shown |= self._sign(provider, secret, page)
        return shown
