"""How to reach Terrace: addresses, keys, and what gRPC does by itself.

Retry and balancing are left to gRPC and its service config. Only UNAVAILABLE is tried again, and
Terrace says no (`grpc-retry-pushback-ms: -1`) once a model was called, so that nothing is paid twice.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any

#: Where `terrace up` listens by default.
DEFAULT_ADDRESS = "127.0.0.1:7600"
#: Seconds that a call may take when it says nothing else.
DEFAULT_TIMEOUT = 120.0
#: Largest message either way, in bytes.
MAX_MESSAGE_BYTES = 32 * 1024 * 1024

_SERVICE_CONFIG: dict[str, Any] = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [
                {"service": "terrace.router.v1.RouterService"},
                {"service": "terrace.ledger.v1.LedgerService"},
            ],
            "retryPolicy": {
                "maxAttempts": 5,
                "initialBackoff": "0.2s",
                "maxBackoff": "2s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
    "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
}


def options() -> list[tuple[str, Any]]:
    """Channel options for either kind of channel."""
    return [
        ("grpc.service_config", json.dumps(_SERVICE_CONFIG)),
        ("grpc.enable_retries", 1),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_metadata_size", 64 * 1024),
        ("grpc.initial_reconnect_backoff_ms", 200),
        ("grpc.min_reconnect_backoff_ms", 200),
        ("grpc.max_reconnect_backoff_ms", 2000),
        ("grpc.keepalive_time_ms", 60_000),
    ]


def address_of(given: str | None) -> str:
    """The address to use: the given one, else TERRACE_ADDRESS, else where `terrace up` listens."""
    return given or os.environ.get("TERRACE_ADDRESS") or DEFAULT_ADDRESS


def target_of(address: str) -> tuple[str, bool]:
    """What gRPC calls the address, and whether it is to be reached by TLS.

    Takes `host:port`, `http://host:port`, `https://host:port`, several of them with commas (IP
    addresses then), and gRPC's own forms as `dns:///terrace:7600`.
    """
    scheme, _, rest = address.rpartition("://")
    if scheme not in ("", "http", "https"):
        return address, False
    rest = rest.rstrip("/")
    if "," in rest:
        kind = "ipv6" if "[" in rest else "ipv4"
        return f"{kind}:{rest}", scheme == "https"
    if not re.search(r":\d+$", rest):
        raise ValueError(f"{address!r} has no port; write it as host:7600")
    return f"dns:///{rest}", scheme == "https"


def metadata_of(api_key: str | None) -> list[tuple[str, str]]:
    """What every call brings along: the key, from TERRACE_API_KEY when none is given."""
    key = api_key if api_key is not None else os.environ.get("TERRACE_API_KEY", "")
    return [("authorization", f"Bearer {key}")] if key else []
