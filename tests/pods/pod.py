"""The proxy of a pod, run on this machine as rendered manifests say, by what a kubelet does.

Command, arguments, environment, files, probes, hook and grace period are the manifests' own. What is
exchanged: the folder in which mounts are made (here not the root of the file system), and the two addresses
of the pod (its own, and its localhost), since pods here have no network of their own. As the manifests ask
for, the root of the file system cannot be written to and no privilege is left; and nothing of this program's
environment is passed on.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shlex
import signal
import ssl
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import yaml

from tests.nodes.addresses import loopback_address
from tests.nodes.process import GuardedProcess, ProcessError
from tests.pods.containers import Secret, files_of, proxy_container
from tests.pods.rendering import Document, only

_DATA: Final = "/var/lib/cqlproxy"
_TMP: Final = "/tmp"


@dataclass(frozen=True)
class Answer:
    """What the admin port has answered; status 0: nothing."""

    status: int
    body: bytes = b""

    @property
    def is_success(self) -> bool:
        """As the kubelet judges a probe."""
        return 200 <= self.status < 400


class Pod:
    """The proxy's container of the one workload among manifests.

    `image` is the folder with its programs, `root` where its files are made: a pod made again on the same one
    finds its volume as it was left. `secrets` gives what is in Secrets that are not among the manifests.
    """

    def __init__(
        self, rendered: Sequence[Document], *, image: Path, root: Path, secrets: Secret | None = None
    ) -> None:
        self.name = f"pod in {root.name}"
        self.address = loopback_address()
        """Where the kubelet and other pods reach it."""
        self.localhost = loopback_address()
        """Where containers of the same pod reach each other."""
        self.log = root / "log"
        (workload,) = [d for d in rendered if d["kind"] in ("Deployment", "StatefulSet")]
        self.specification: Document = workload["spec"]["template"]["spec"]
        self.container = proxy_container(self.specification)
        self._image = image
        self._root = root
        self._process: GuardedProcess | None = None
        self._mounts = [mount["mountPath"] for mount in self.container["volumeMounts"]]
        for mount in self._mounts:
            self._here(mount).mkdir(parents=True, exist_ok=True)
        given = files_of(rendered, self.specification, secrets=secrets or _no_secret)
        for path in sorted({str(Path(path).parent) for path in given}):
            self.project(path, {Path(p).name: c for p, c in given.items() if str(Path(p).parent) == path})
        self._hosts = self._listen_on(given[self.container["args"][-1]])

    @property
    def port(self) -> int:
        """Where it listens for CQL."""
        return self._port("cqlproxy-cql")

    def _port(self, name: str) -> int:
        (port,) = [p["containerPort"] for p in self.container["ports"] if p["name"] == name]
        number: int = port
        return number

    # --- files --------------------------------------------------------------------------------

    def project(self, mount: str, files: dict[str, str]) -> None:
        """Give a mounted ConfigMap or Secret this content, all at once, as a kubelet does."""
        folder = self._here(mount)
        content = folder / f"..{time.time_ns()}"
        content.mkdir()
        for name, text in files.items():
            (content / name).write_text(self._translated(text))
            if not (folder / name).is_symlink():
                (folder / name).symlink_to(Path("..data") / name)
        new = folder / "..data_tmp"
        new.symlink_to(content.name)
        os.replace(new, folder / "..data")

    def path(self, path: str) -> Path:
        """Where a file of the container is on this machine."""
        return Path(self._translated(path))

    def _here(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def _translated(self, text: str) -> str:
        """The same with the folder of this pod before each path that is mounted."""
        mounts = "|".join(re.escape(mount) for mount in self._mounts if mount != _TMP)
        return re.sub(rf"(?<![\w/])({mounts})(?=[/\s\"']|$)", rf"{self._root}\1", text)

    def _listen_on(self, configuration: str) -> dict[str, str]:
        """Variables that put the addresses of this pod where the configuration names those of any pod."""
        document = yaml.safe_load(configuration)
        addresses = {"0.0.0.0": self.address, "127.0.0.1": self.localhost}
        return {
            f"CQLPROXY_{section.upper()}__HOST": addresses[document[section]["host"]]
            for section in ("listen", "admin")
        }

    # --- its process --------------------------------------------------------------------------

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are given."""
        declared = {
            entry["name"]: self._translated(entry["value"]) for entry in self.container.get("env", ())
        }
        path = f"{self._image}:/usr/bin:/bin"
        return {"PATH": path, "PYTHONDONTWRITEBYTECODE": "1", **declared, **self._hosts}

    def command(self, words: Sequence[str]) -> list[str]:
        """What runs a command in the container: mounts, root and privileges as the manifests ask for."""
        script = []
        writable = [mount for mount in self._mounts if mount in (_DATA, _TMP)]
        for mount in writable:
            place = shlex.quote(str(self._here(mount)))
            script.append(f"mount --bind {place} {place}")
        context = self.container["securityContext"]
        if context["readOnlyRootFilesystem"]:
            script.append("mount -o remount,bind,ro /")
        privileges = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
        assert context["capabilities"] == {"drop": ["ALL"]}
        if not context["allowPrivilegeEscalation"]:
            privileges.append("--no-new-privs")
        whole = shlex.join([*privileges, *(self._translated(word) for word in words)])
        script.append(f"cd {shlex.quote(str(self._here(_DATA)))} && exec {whole}")
        unshare = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
        return [*unshare, "/bin/sh", "-ec", "\n".join(script)]

    def start(self) -> None:
        """Start the container, and return when its startup probe has succeeded, and its readiness probe.

        Raises `ProcessError` when it ends before, or the probe has failed too often.
        """
        entry = self.container.get("command", ["cqlproxy"])
        words = [*entry, *self.container["args"]]
        self._process = GuardedProcess(
            self.name, self.command(words), log=self.log, environment=self.environment, cwd=Path("/")
        )
        self._await("startupProbe")
        if "readinessProbe" in self.container:
            self._await("readinessProbe", attempts=60)

    def _await(self, probe: str, attempts: int | None = None) -> None:
        assert self._process is not None
        said = self.container[probe]
        for _ in range(attempts or said["failureThreshold"]):
            if self.probe(probe).is_success:
                return
            # Sooner than the kubelet asks again: only how often it may fail counts here.
            if self._process.wait(min(said["periodSeconds"], 0.5)):
                raise self._process.error(f"ended with status {self._process.status}")
        raise self._process.error(f"failed its {probe}")

    def probe(self, name: str) -> Answer:
        """Ask one of its probes, once."""
        said = self.container[name]
        asked = said["httpGet"]
        port = self._port(asked["port"])
        return self.get(asked["path"], port=port, scheme=asked["scheme"], timeout=said["timeoutSeconds"])

    def get(
        self,
        path: str,
        *,
        port: int,
        scheme: str = "HTTP",
        timeout: float = 5,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """GET of its address; like the kubelet, whatever certificate it shows."""
        connection = http.client.HTTPConnection(self.address, port, timeout=timeout)
        if scheme == "HTTPS":
            unverified = ssl._create_unverified_context()
            connection = http.client.HTTPSConnection(self.address, port, timeout=timeout, context=unverified)
        try:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, answer.read())
        except (OSError, http.client.HTTPException):
            return Answer(0)
        finally:
            connection.close()

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A command in the running container, as `kubectl exec` runs it."""
        command = self.command(words)
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )

    def stats(self) -> dict[str, object]:
        """What ``/stats`` says, asked as operators do."""
        port, scheme, headers = self.admin()
        answer = self.get("/stats", port=port, scheme=scheme, headers=headers)
        said: dict[str, object] = json.loads(answer.body)
        return said

    def admin(self) -> tuple[int, str, dict[str, str]]:
        """Port, scheme and headers with which its admin port is asked."""
        token = self.path("/etc/cqlproxy/admin/token").read_text()
        scheme = self.container["livenessProbe"]["httpGet"]["scheme"]
        return self._port("cqlproxy-admin"), scheme, {"Authorization": f"Bearer {token}"}

    def terminate(self, meanwhile: Callable[[], None] | None = None) -> tuple[int, float]:
        """End it as the kubelet does: the hook, then SIGTERM, and SIGKILL when the grace period is over.

        `meanwhile` is called while the hook runs. Returns its exit status and how many seconds it took. Of a
        native sidecar the application has ended.
        """
        assert self._process is not None
        began = time.monotonic()
        if "lifecycle" in self.container:
            command = self.command(self.container["lifecycle"]["preStop"]["exec"]["command"])
            with subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True) as hook:
                if meanwhile is not None:
                    meanwhile()
                _, said = hook.communicate(timeout=60)
            assert hook.returncode == 0, said
        self._process.send(signal.SIGTERM)
        grace = self.specification["terminationGracePeriodSeconds"]
        if not self._process.wait(began + grace - time.monotonic()):
            raise self._process.error(f"did not end within {grace} s")
        status = self._process.status
        assert status is not None
        return status, time.monotonic() - began

    def stop(self) -> None:
        """End it at once if it still runs."""
        if self._process is not None:
            self._process.stop(10)

    def log_tail(self, lines: int = 40) -> str:
        """The last lines of its log."""
        return self._process.log_tail(lines) if self._process is not None else "(never started)"


def claimed(rendered: Sequence[Document], kind: str) -> Document:
    """The specification of a monitor: how Prometheus is told to ask."""
    specification: Document = only(rendered, kind)["spec"]
    (endpoint,) = specification.get("endpoints") or specification["podMetricsEndpoints"]
    found: Document = endpoint
    return found


def _no_secret(name: str, key: str) -> str:
    raise ProcessError(f"the manifests make no Secret {name} with the key {key}")
