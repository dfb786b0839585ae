"""Rendered manifests and the real program: what a kubelet, an application and an operator do with a pod."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bootstrap.environments import CHECKOUT
from tests.integration.comparison import contents, contents_of_both
from tests.integration.raw_client import RawClient
from tests.nodes import CassandraNode, DriverProgram
from tests.nodes.certificates import Authority
from tests.pods.dockerfile import Dockerfile
from tests.pods.example import shop_chart
from tests.pods.pod import Pod, claimed
from tests.pods.rendering import K8S, PRODUCTION, Document, chart, documents, kustomize

_PROGRAM = Path(__file__).parent / "programs" / "until_the_end.py"
_TOKEN = "the-token-of-an-operator"
_SOON: dict[str, object] = {"shutdown_drain_seconds": 5, "log": {"level": "info", "format": "text"}}

MakePod = Callable[..., Pod]


@pytest.fixture(scope="module")
def image(root: Path) -> Path:
    """The programs of the image, by the commands of the Dockerfile."""
    return Dockerfile(CHECKOUT / "Dockerfile").build(root / "image") / "bin"


@pytest.fixture
def clusters(primary: CassandraNode, shadow: CassandraNode) -> dict[str, object]:
    """`config` of the values, between the nodes of this session."""
    return {
        "primary": {"contact_points": [primary.address], "port": primary.port},
        "shadow": {"contact_points": [shadow.address], "port": shadow.port},
        **_SOON,
    }


@pytest.fixture
def make_pod(
    image: Path, root: Path, request: pytest.FixtureRequest, logged: list[object]
) -> Iterator[MakePod]:
    """Makes pods of manifests, and starts them; each ends with the test."""
    made: list[Pod] = []

    def make(rendered: list[Document], *, name: str = "", secrets: dict[str, str] | None = None) -> Pod:
        place = root / (name or f"{re.sub(r'[^a-z]+', '-', request.node.name)}-{len(made)}")
        place.mkdir(exist_ok=True)
        pod = Pod(
            rendered,
            image=image,
            root=place,
            secrets=lambda secret, key: (secrets or {}).get(f"{secret}/{key}", _TOKEN),
        )
        made.append(pod)
        logged.append(pod)
        return pod

    yield make
    for pod in made:
        pod.stop()
        logged.remove(pod)


@dataclass
class Application:
    """A program with the unchanged driver, beside the proxy or elsewhere."""

    program: DriverProgram
    end_file: Path
    keyspace: str

    def wait_until_it_writes(self, pod: Pod) -> None:
        """More than its schema, that is."""
        deadline = time.monotonic() + 60
        while int(str(pod.stats()["successful_writes"])) < 500:
            assert time.monotonic() < deadline, "no writes have come"
            time.sleep(0.05)

    def end(self) -> None:
        """Tell it to end."""
        self.end_file.touch()

    def result(self) -> tuple[list[int], list[str]]:
        """The ids of the writes that were answered, and the errors."""
        said = self.program.result(60)
        answered, errors = said["answered"], said["errors"]
        assert isinstance(answered, list)
        assert isinstance(errors, list)
        return answered, errors


def application(host: str, port: int, keyspace: str, root: Path, authority: str = "") -> Application:
    end = root / f"end-of-{keyspace}"
    program = DriverProgram(_PROGRAM, host, port, keyspace, str(end), authority, root=root)
    return Application(program, end, keyspace)


def written_on(node: CassandraNode, keyspace: str, root: Path) -> int:
    return len(contents(node, keyspace, root=root).get(f"{keyspace}.t", {}))


STANDALONE: dict[str, dict[str, object]] = {
    "StatefulSet": {},
    "Deployment": {"persistence": {"enabled": False}},
}


@pytest.mark.parametrize("kind", STANDALONE)
def test_a_pod_behind_a_service_serves_until_it_ends_and_leaves_no_copy_behind(
    kind: str,
    make_pod: MakePod,
    clusters: dict[str, object],
    primary: CassandraNode,
    shadow: CassandraNode,
    root: Path,
) -> None:
    values = {**STANDALONE[kind], "config": clusters, "preStopSeconds": 1}
    rendered = chart(values=values)
    pod = make_pod(rendered)
    pod.start()
    assert pod.probe("livenessProbe").is_success
    keyspace = f"pods_{kind.lower()}"
    app = application(pod.address, _service_port(rendered), keyspace, root)
    app.wait_until_it_writes(pod)

    def somebody_comes() -> None:
        """Sent by a node that does not know yet that the pod is going."""
        with RawClient(pod) as late:
            late.start()
        assert pod.probe("readinessProbe").is_success

    status, seconds = pod.terminate(somebody_comes)
    # A client is told that its connection ends: what it had been answered is on both clusters.
    answered, errors = app.result()
    assert (status, len(errors) > 0) == (0, True)
    assert 1 <= seconds < pod.specification["terminationGracePeriodSeconds"]
    assert pod.probe("readinessProbe").status == 0
    _same_on_both(answered, keyspace, primary, shadow, root)


def _service_port(rendered: list[Document]) -> int:
    """The port of clients: the Service's own, which leads to the container's."""
    service = next(d for d in rendered if d["kind"] == "Service" and d["spec"].get("clusterIP") != "None")
    port: int = service["spec"]["ports"][0]["port"]
    return port


def _same_on_both(
    answered: list[int], keyspace: str, primary: CassandraNode, shadow: CassandraNode, root: Path
) -> None:
    on_primary, on_shadow = contents_of_both(primary, shadow, keyspace, root=root)
    assert len(answered) > 100
    assert len(on_primary[f"{keyspace}.t"]) >= len(answered)
    missing = on_primary[f"{keyspace}.t"].keys() - on_shadow[f"{keyspace}.t"].keys()
    # What was under way when the connection ended may be on the primary alone, and nobody was told of it.
    assert len(missing) + len(answered) <= len(on_primary[f"{keyspace}.t"])


SIDECARS: dict[str, Callable[[dict[str, object]], list[Document]]] = {
    "chart of an application": lambda config: chart(
        values={"cqlproxy": {"config": config}}, chart=shop_chart(), release="shop"
    ),
    "kustomize": lambda config: _configured(kustomize(K8S / "kustomize" / "example"), config),
    "plain": lambda config: _configured(documents((K8S / "sidecar.yaml").read_text()), config),
}


def _configured(rendered: list[Document], config: dict[str, object]) -> list[Document]:
    """The manifests with the contact points of this session in their proxy.yaml."""
    (mapped,) = [d for d in rendered if d["kind"] == "ConfigMap" and "proxy.yaml" in d["data"]]
    mapped["data"]["proxy.yaml"] = yaml.safe_dump({**yaml.safe_load(mapped["data"]["proxy.yaml"]), **config})
    return rendered


@pytest.mark.parametrize("kind", SIDECARS)
def test_a_sidecar_serves_its_own_pod_and_ends_after_the_application(
    kind: str,
    make_pod: MakePod,
    clusters: dict[str, object],
    primary: CassandraNode,
    shadow: CassandraNode,
    root: Path,
) -> None:
    pod = make_pod(SIDECARS[kind](clusters))
    pod.start()
    # The application is started now, and finds a proxy that serves.
    assert pod.container["restartPolicy"] == "Always"
    keyspace = f"pods_sidecar_{list(SIDECARS).index(kind)}"
    app = application(pod.localhost, pod.port, keyspace, root)
    app.wait_until_it_writes(pod)
    app.end()
    answered, errors = app.result()
    assert errors == []
    status, _ = pod.terminate()
    assert status == 0
    _same_on_both(answered, keyspace, primary, shadow, root)


def test_production_has_tls_and_tokens_of_its_own(
    make_pod: MakePod, clusters: dict[str, object], authority: Authority, root: Path, primary: CassandraNode
) -> None:
    nodes = authority.file.read_text()
    own = Authority("authority-of-the-pods", root / "pods-authority")
    values = {
        "config": {**clusters, "validation_percentage": 0},
        "preStopSeconds": 0,
        "shadow": {"tls": {"checkHostname": False}},  # the node's certificate here is for another name
    }
    secrets: dict[str, str] = {
        "cqlproxy-admin-token/token": _TOKEN,
        "cqlproxy-primary/password": "of an account that the nodes here do not ask for",
        "cqlproxy-shadow/password": "the same",
        "cqlproxy-primary-tls/ca.crt": nodes,
        "cqlproxy-shadow-tls/ca.crt": nodes,
    }
    rendered = chart(PRODUCTION, values=values)
    pod = make_pod(rendered, secrets=secrets)
    pair = own.issue("cqlproxy", pod.address, "cqlproxy")
    for mount in ("admin", "listen"):
        pod.project(
            f"/etc/cqlproxy/{mount}-tls",
            {
                "tls.crt": pair.cert.read_text(),
                "tls.key": pair.key.read_text(),
                "ca.crt": own.file.read_text(),
            },
        )
    pod.start()
    app = application(pod.address, _service_port(rendered), "pods_production", root, str(own.file))
    app.wait_until_it_writes(pod)
    app.end()
    answered, errors = app.result()
    assert errors == []
    assert len(answered) > 100
    _asks_for_the_token(pod, rendered)
    assert pod.terminate()[0] == 0


def _asks_for_the_token(pod: Pod, rendered: list[Document]) -> None:
    """The monitor of the chart, followed as Prometheus follows it."""
    endpoint = claimed(rendered, "ServiceMonitor")
    port, scheme, headers = pod.admin()
    assert scheme == endpoint["scheme"].upper()
    assert pod.get(endpoint["path"], port=port, scheme=scheme).status == 401
    kind = endpoint["authorization"]["type"]
    assert headers == {"Authorization": f"{kind} {_TOKEN}"}
    metrics = pod.get(endpoint["path"], port=port, scheme=scheme, headers=headers)
    assert metrics.status == 200
    assert b"\nproxy_mirror_queue_depth{" in metrics.body


def test_rules_follow_their_configmap_and_the_mode_stays_with_the_volume(
    make_pod: MakePod, clusters: dict[str, object], root: Path, primary: CassandraNode, shadow: CassandraNode
) -> None:
    rendered = chart(values={"config": clusters, "preStopSeconds": 0, "rules": {"reload_interval_secs": 0.1}})
    pod = make_pod(rendered, name="pod-with-a-volume")
    pod.start()
    asked = ("-c", "/etc/cqlproxy/config/proxy.yaml")
    statement = "INSERT INTO shop.migrations (id) VALUES (1)"
    assert "held back" not in pod.run("cqlproxy", "filters", "test", statement, *asked).stdout
    rules = {"filters": {"reload_interval_secs": 0.1, "table_blacklist": ["*.migrations"]}}
    pod.project("/etc/cqlproxy/rules", {"rules.yaml": yaml.safe_dump(rules)})
    deadline = time.monotonic() + 20
    while "table_blacklist" not in pod.run("cqlproxy", "filters", "test", statement, *asked).stdout:
        assert time.monotonic() < deadline, "the changed rules are not in force"
    done = pod.run("cqlproxy", "mode", "set", "primary_only", *asked)
    assert done.returncode == 0, done.stderr
    # What Docker and an operator ask for, and what the container may not do.
    healthy = json.loads(Dockerfile(CHECKOUT / "Dockerfile").last("HEALTHCHECK").partition("CMD ")[2])
    assert (pod.run(*healthy).stdout, pod.run(*healthy).returncode) == ("ready\n", 0)
    refused = pod.run("sh", "-c", f"echo > {pod.path('/etc/cqlproxy/config')}/new")
    assert "Read-only file system" in refused.stderr
    written = pod.run("sh", "-c", f"echo > {pod.path('/var/lib/cqlproxy')}/new && cat /proc/self/status")
    assert written.returncode == 0, written.stderr
    assert re.search(r"^CapEff:\s+0+$", written.stdout, re.MULTILINE)
    assert re.search(r"^NoNewPrivs:\s+1$", written.stdout, re.MULTILINE)
    port, _, headers = pod.admin()
    assert b"<html" in pod.get("/", port=port, headers=headers).body
    assert pod.terminate()[0] == 0
    assert pod.run(*healthy).returncode == 1

    again = make_pod(rendered, name="pod-with-a-volume")
    again.start()
    said = json.loads(again.run("cqlproxy", "mode", "get", "--json", *asked).stdout)
    assert said["mode"] == "primary_only"
    assert again.terminate()[0] == 0
