"""How programs are told where the way out is."""

from collections.abc import Mapping
from typing import Final

_RELAYS_AT: Final = "127.0.0.1"
_NAMES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def proxy_env(env: Mapping[str, str], port: int, *, relays: bool) -> dict[str, str]:
    """The variables with those that name a proxy on this port.

    Relays listen inside the box, by number: they are reached as they are. No other host is spared,
    `localhost` neither: by that name a box reaches a service of the host that is on its list.
    """
    direct = _RELAYS_AT if relays else ""
    address = f"http://127.0.0.1:{port}"
    ours = {spelled: address for name in _NAMES for spelled in (name, name.lower())}
    return {**env, **ours, "NO_PROXY": direct, "no_proxy": direct}
