"""One Cassandra node on a loopback address of its own: a whole cluster, unless its settings say otherwise."""

import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from bootstrap import packages
from tests.nodes.addresses import NATIVE_PORT, STORAGE_PORT
from tests.nodes.jars import cassandra_jars
from tests.nodes.process import GuardedProcess, ProcessError

START_TIMEOUT = 180.0
"""Seconds; a start takes about six on an idle machine of two cores."""
_STOP_GRACE = 30.0
_READY_TEXT = "Starting listening for CQL clients"

# Packages of the JDK that Cassandra reaches into on Java 17, as its own start script grants them.
_EXPORTED = (
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.unsupported/sun.misc",
)
_OPENED = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
)

QUICK_START = ("-XX:TieredStopAtLevel=1",)
"""Java options that halve the cost of a start; in a run of minutes Java's defaults are faster."""

DURABLE: Mapping[str, object] = {"commitlog_sync": "batch", "commitlog_sync_period": None}
"""Settings for a node that is to be killed: what it acknowledged is on disk.

By default Cassandra syncs its commit log now and then, and a killed node has lost what it acknowledged last.
"""


class CassandraNode:
    """One node that is a whole cluster: `launch`, then `wait_ready`, or `start` for both; `stop` or `kill`.

    Its files are in ``root/name`` and stay there, so that a later start finds the data. `settings` are keys
    of cassandra.yaml that replace or join ours, or with None take one away; `properties` are Java's and
    replace or join ours; `heap` is in Java's notation. JMX is off, so there is no port to clash and no
    nodetool.
    """

    def __init__(
        self,
        name: str,
        address: str,
        root: Path,
        *,
        heap: str = "600M",
        settings: Mapping[str, object] | None = None,
        properties: Mapping[str, object] | None = None,
        java_options: Sequence[str] = QUICK_START,
    ) -> None:
        self.name = name
        self.address = address
        self.port = NATIVE_PORT
        self.log = root / name / "console.log"
        self._root = root
        self._heap = heap
        self._settings = dict(settings or {})
        self._properties = dict(properties or {})
        self._java_options = tuple(java_options)
        self._process: GuardedProcess | None = None
        self._paused = False

    def is_running(self) -> bool:
        """Whether the process exists; it may still be starting, or be paused."""
        return self._process is not None and self._process.is_running()

    @property
    def pid(self) -> int:
        """The id of the Java process."""
        return self._current().pid

    def start(self) -> None:
        """`launch`, then `wait_ready`."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Start the process and return at once; raises `ProcessError` when it runs already."""
        if self.is_running():
            raise ProcessError(f"{self.name} runs already")
        home = self._root / self.name
        home.mkdir(parents=True, exist_ok=True)
        (home / "cassandra.yaml").write_text(yaml.safe_dump(self._configuration()))
        (home / "logback.xml").write_text(_LOGBACK)
        self._process = GuardedProcess(
            self.name, self._command(home), log=self.log, ready_text=_READY_TEXT, remove=self._root, cwd=home
        )
        self._paused = False

    def wait_ready(self, timeout: float = START_TIMEOUT) -> None:
        """Wait until it serves clients, at most `timeout` seconds.

        Raises `ProcessError` with the end of its log when it ends before, or takes longer.
        """
        process = self._current()
        deadline = time.monotonic() + timeout
        process.wait_ready(timeout)
        # It says so just before it listens.
        process.wait_listening(self.address, self.port, max(0.0, deadline - time.monotonic()))

    def stop(self) -> None:
        """End it in order, by force after a while; nothing when it does not run."""
        if self._process is not None:
            self._process.stop(_STOP_GRACE)

    def kill(self) -> None:
        """End it at once, by SIGKILL; nothing when it does not run.

        Unless its settings are `DURABLE`, the last of what it acknowledged may be lost.
        """
        if self._process is not None:
            self._process.kill()

    def pause(self) -> None:
        """Stop its execution where it is: connections stay open, nothing is read, nothing answers."""
        self._current().send(signal.SIGSTOP)
        self._paused = True

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._current().send(signal.SIGCONT)
        self._paused = False

    def restart(self) -> None:
        """`stop`, then `start` on the same data."""
        self.stop()
        self.start()

    def restore(self) -> None:
        """Undo what a test did to it: started again if it does not run, resumed if it is paused."""
        if not self.is_running():
            self.start()
        elif self._paused:
            self.resume()

    def log_tail(self, lines: int = 40) -> str:
        """The last `lines` lines of its log."""
        return self._process.log_tail(lines) if self._process is not None else "(never started)"

    def _current(self) -> GuardedProcess:
        if self._process is None:
            raise ProcessError(f"{self.name} was never started")
        return self._process

    def _command(self, home: Path) -> list[str | Path]:
        properties = {
            "cassandra.config": (home / "cassandra.yaml").as_uri(),
            "cassandra.storagedir": home,
            "cassandra.logdir": home,
            "logback.configurationFile": home / "logback.xml",
            "cassandra-foreground": "yes",
            # Nothing to wait for: there is no other node to hear from.
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "cassandra.ring_delay_ms": 1,
            "cassandra.superuser_setup_delay_ms": 100,
            "jdk.attach.allowAttachSelf": "true",
            "io.netty.tryReflectionSetAccessible": "true",
            **self._properties,
        }
        return [
            packages.java(),
            f"-Xms{self._heap}",
            f"-Xmx{self._heap}",
            "-XX:MaxDirectMemorySize=512M",
            "-XX:+ExitOnOutOfMemoryError",
            *self._java_options,
            *(f"--add-exports={package}=ALL-UNNAMED" for package in _EXPORTED),
            *(f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED),
            *(f"-D{key}={value}" for key, value in properties.items()),
            "-cp",
            ":".join(map(str, cassandra_jars())),
            "org.apache.cassandra.service.CassandraDaemon",
        ]

    def _configuration(self) -> dict[str, object]:
        """cassandra.yaml; directories follow from cassandra.storagedir."""
        ours: dict[str, object] = {
            "cluster_name": self.name,
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "endpoint_snitch": "SimpleSnitch",
            "num_tokens": 16,
            "allocate_tokens_for_local_replication_factor": 1,
            "seed_provider": [
                {
                    "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                    "parameters": [{"seeds": f"{self.address}:{STORAGE_PORT}"}],
                }
            ],
            "listen_address": self.address,
            "rpc_address": self.address,
            "storage_port": STORAGE_PORT,
            "native_transport_port": self.port,
            "commitlog_sync": "periodic",
            "commitlog_sync_period": "10000ms",
            # Small, because the machine is shared with the tests themselves.
            "commitlog_segment_size": "8MiB",
            "memtable_heap_space": "64MiB",
            "memtable_offheap_space": "64MiB",
            "key_cache_size": "8MiB",
            "hinted_handoff_enabled": False,
            "auto_snapshot": False,
            "materialized_views_enabled": True,
            # Generous: a slow test machine is no fault of the proxy.
            "read_request_timeout": "10000ms",
            "write_request_timeout": "10000ms",
            "request_timeout": "20000ms",
        }
        return {key: value for key, value in (ours | self._settings).items() if value is not None}


_LOGBACK = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%-5level %date{ISO8601} %logger{0}:%line - %msg%n</pattern></encoder>
  </appender>
  <!-- A start and an end are told, the housekeeping in between is not. -->
  <logger name="org.apache.cassandra.service" level="INFO"/>
  <logger name="org.apache.cassandra.transport" level="INFO"/>
  <root level="WARN"><appender-ref ref="console"/></root>
</configuration>
"""
