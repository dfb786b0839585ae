"""The clusters of a configuration, as backends that are not connected yet."""

from __future__ import annotations

from collections.abc import Callable

from cqlproxy.cluster.backend import Backend
from cqlproxy.cluster.circuit import CircuitSettings
from cqlproxy.cluster.node_tls import NodeTls
from cqlproxy.cluster.service_account import ServiceAccount
from cqlproxy.cluster.side import Side
from cqlproxy.config import ClusterAddress, Config
from cqlproxy.security_files import SecurityFiles
from frame_codec import PROTOCOL_V4, SchemaChange


class ConfiguredClusters:
    """``files`` are those that ``config`` names."""

    def __init__(self, config: Config, files: SecurityFiles) -> None:
        self._config = config
        self._addresses = (config.primary, config.shadow)
        self._node_tls = (
            None if files.primary is None else NodeTls(files.primary, config.primary.contact_points),
            None
            if files.shadow is None or config.shadow is None
            else NodeTls(files.shadow, config.shadow.contact_points),
        )

    def backend(
        self,
        side: Side,
        version: int = PROTOCOL_V4,
        *,
        on_schema_change: Callable[[SchemaChange, bytes], None] = lambda change, body: None,
        on_change: Callable[[], None] = lambda: None,
    ) -> Backend:
        """A cluster in a protocol version; there must be one on that side."""
        address = self._addresses[side]
        assert address is not None
        backend = Backend(
            name=side.label,
            contact_points=list(address.contact_points),
            port=address.port,
            local_datacenter=address.local_datacenter,
            request_timeout=self._config.request_timeout_ms / 1000,
            protocol_version=version,
            tls=self._node_tls[side],
            account=_account(address),
            circuit=CircuitSettings(address.circuit_timeouts, address.circuit_open_seconds),
            on_schema_change=on_schema_change,
            on_change=on_change,
        )
        backend.keyspaces.allow(self._config.max_keyspaces)
        return backend


def _account(address: ClusterAddress) -> ServiceAccount | None:
    if address.username is None:
        return None
    return ServiceAccount(address.username, address.password, address.password_file)
