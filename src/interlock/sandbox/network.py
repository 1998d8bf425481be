"""How programs are told where the way out is."""

from collections.abc import Mapping
from typing import Final

_NAMES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def proxy_env(env: Mapping[str, str], port: int) -> dict[str, str]:
    """The variables with those that name a proxy on this port; no host is an exception."""
    address = f"http://127.0.0.1:{port}"
    ours = {spelled: address for name in _NAMES for spelled in (name, name.lower())}
    return {**env, **ours, "NO_PROXY": "", "no_proxy": ""}
