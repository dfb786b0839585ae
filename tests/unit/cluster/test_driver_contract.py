"""What ``cqlproxy.cluster.driver`` relies on of scylla-driver: when an internal moves, this says which."""

import inspect
import threading
from types import SimpleNamespace

import cassandra
import pytest
from cassandra import DriverException
from cassandra.auth import Authenticator
from cassandra.cluster import Cluster, ControlConnection
from cassandra.connection import Connection, ConnectionHeartbeat, DefaultEndPoint
from cassandra.metadata import Murmur3Token, TokenMap
from cassandra.pool import HostConnection
from pydantic import SecretStr

from cqlproxy.cluster.credentials import Replayed
from cqlproxy.cluster.driver import DRIVER_STREAMS, HEARTBEAT_STREAM, RawConnection
from cqlproxy.cluster.service_account import ServiceAccount


def parameters_of(function: object) -> list[str]:
    assert callable(function)
    return list(inspect.signature(function).parameters)


def test_the_driver_is_of_the_minor_version_that_was_studied() -> None:
    assert cassandra.__version__.startswith("3.29."), (
        f"scylla-driver {cassandra.__version__}: read its connection.py and pool.py before raising the pin"
    )


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_connect_socket", ["self"]),
        ("_send_options_message", ["self"]),
        ("_handle_options_response", ["self", "options_response"]),
        ("_handle_startup_response", ["self", "startup_response", "did_authenticate"]),
        ("_handle_auth_response", ["self", "auth_response"]),
        ("process_msg", ["self", "header", "body"]),
        ("defunct", ["self", "exc"]),
        ("error_all_requests", ["self", "exc"]),
        ("close", ["self"]),
        ("reset_idle", ["self"]),
    ],
)
def test_connection_has_the_methods_that_are_called_or_overridden(name: str, expected: list[str]) -> None:
    assert parameters_of(getattr(Connection, name)) == expected


def test_the_number_of_stream_ids_follows_from_max_in_flight() -> None:
    assert Connection.max_request_id_for(RawConnection.max_in_flight) < HEARTBEAT_STREAM < DRIVER_STREAMS


def test_the_driver_asks_no_connection_that_says_it_is_not_idle() -> None:
    assert isinstance(inspect.getattr_static(Connection, "is_idle"), property)
    reset = threading.Event()
    busy = SimpleNamespace(is_defunct=False, is_closed=False, is_idle=False, reset_idle=reset.set)
    holder = SimpleNamespace(get_connections=lambda: [busy])
    heartbeat = ConnectionHeartbeat(0.01, lambda: [holder], 1)
    try:
        assert reset.wait(10)
    finally:
        heartbeat.stop()


def test_a_pool_makes_itself_known_by_the_method_it_hands_to_its_connections() -> None:
    assert "on_orphaned_stream_released" in parameters_of(Connection.__init__)
    assert parameters_of(HostConnection.on_orphaned_stream_released) == ["self"]


def test_a_lost_connection_is_given_back_to_its_pool_without_a_stream() -> None:
    assert parameters_of(HostConnection.return_connection) == ["self", "connection", "stream_was_orphaned"]


def test_the_cluster_takes_a_connection_class_and_opens_single_connections() -> None:
    assert "connection_class" in parameters_of(Cluster.__init__)
    assert parameters_of(Cluster.connection_factory)[:2] == ["self", "endpoint"]


def test_a_context_comes_from_the_cluster_and_is_used_for_sockets_that_the_driver_wraps() -> None:
    assert "ssl_context" in parameters_of(Cluster.__init__)
    assert "ssl_context" in parameters_of(Connection.__init__)
    # By our word the cluster hands out no cache of sessions, which only such sockets could use.
    assert Connection.supports_tls_session_resumption
    assert not RawConnection.supports_tls_session_resumption


@pytest.mark.parametrize(("context", "port"), [(None, 19042), (object(), 19142)])
def test_the_port_of_each_shard_depends_on_whether_the_cluster_has_a_context(
    context: object, port: int
) -> None:
    cluster = SimpleNamespace(
        ssl_context=context,
        ssl_options=None,
        shard_aware_options=SimpleNamespace(disable_shardaware_port=False),
    )
    pool = SimpleNamespace(
        advanced_shardaware_block_until=0,
        host=SimpleNamespace(
            endpoint=DefaultEndPoint("192.0.2.1", 9042),
            sharding_info=SimpleNamespace(shard_aware_port=19042, shard_aware_port_ssl=19142),
        ),
        _session=SimpleNamespace(cluster=cluster),
    )
    assert HostConnection._get_shard_aware_endpoint(pool).port == port


def test_the_token_map_gives_replicas_by_token() -> None:
    assert parameters_of(TokenMap.get_replicas) == ["self", "keyspace", "token"]
    assert Murmur3Token.from_key(b"key").value == Murmur3Token.hash_fn(b"key")


def test_the_cluster_opens_connections_for_other_accounts_than_its_own() -> None:
    assert parameters_of(Cluster._make_connection_kwargs) == ["self", "endpoint", "kwargs_dict"]
    assert parameters_of(Connection.factory)[:3] == ["endpoint", "timeout", "host_conn"]
    cluster = Cluster(["127.0.0.1"], auth_provider=ServiceAccount("own", SecretStr("x")))
    other = object()
    endpoint = DefaultEndPoint("127.0.0.1")
    own = cluster._make_connection_kwargs(endpoint, {})["authenticator"]
    assert own.username == "own"
    assert cluster._make_connection_kwargs(endpoint, {"authenticator": other})["authenticator"] is other


def test_an_authenticator_is_what_it_was() -> None:
    public = {name for name in vars(Authenticator) if not name.startswith("_")}
    assert public == {
        "server_authenticator_class",
        "initial_response",
        "evaluate_challenge",
        "on_authentication_success",
    }
    assert all(hasattr(Replayed, name) for name in public)


def test_schema_changes_are_left_to_us_and_read_when_we_ask_for_them_by_name() -> None:
    control = SimpleNamespace(_schema_event_refresh_window=-1)
    # Were the event heeded, the control connection would need more than that.
    ControlConnection._handle_schema_change(control, {})
    assert parameters_of(Cluster.refresh_keyspace_metadata)[:2] == ["self", "keyspace"]
    assert parameters_of(Cluster.refresh_table_metadata)[:3] == ["self", "keyspace", "table"]
    assert parameters_of(Cluster.refresh_user_type_metadata)[:3] == ["self", "keyspace", "user_type"]
    unread = SimpleNamespace(control_connection=SimpleNamespace(refresh_schema=lambda **what: False))
    with pytest.raises(DriverException):
        Cluster.refresh_table_metadata(unread, "shop", "orders")
