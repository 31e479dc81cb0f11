"""The proxy of a call of our own, in the words of the library that makes the call.

Law: what a proxy is shown comes from the keyring at each use, and stays in no text.
"""

from collections.abc import Callable

import httpx

from extproc import names
from extproc.snapshot import Proxy


def proxy_of(proxy: Proxy | None, key: Callable[[str], bytes | None]) -> httpx.Proxy | None:
    if proxy is None:
        return None
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    shown = key(names.KEY_PROXY + proxy.cluster) if proxy.authorized else None
    headers = {"proxy-authorization": shown.decode("latin-1")} if shown is not None else {}
    return httpx.Proxy(f"http://{host}:{proxy.port}", headers=headers)
