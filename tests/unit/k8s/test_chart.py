"""The Helm chart, rendered in both shapes with many values, and held against Kubernetes' own schemas."""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from bootstrap.go_tools import go_tool
from cqlproxy.config import load_config
from tests.pods.containers import files_of, proxy_container
from tests.pods.example import shop_chart
from tests.pods.rendering import (
    CHART,
    K8S,
    NEWEST,
    PRODUCTION,
    Document,
    RenderError,
    chart,
    documents,
    helm_template,
    judged,
    only,
    run,
    values_file,
)
from tests.pods.vendored import KUBERNETES

Values = Mapping[str, object]

_TLS = {"enabled": True, "secret": "nodes", "showCertificate": True}
TOGGLES: dict[str, Values] = {
    "as it is": {},
    "a Deployment": {"persistence": {"enabled": False}},
    "scaled by processor and queue": {"autoscaling": {"enabled": True, "queueDepth": 5000}},
    "scaled by the queue alone": {
        "autoscaling": {"enabled": True, "queueDepth": "5k", "cpuUtilization": None},
    },
    "watched": {
        "monitoring": {"enabled": True, "labels": {"release": "prometheus"}},
        "prometheusRule": {"enabled": True, "runbookBaseUrl": "https://wiki.example/cqlproxy/"},
        "dashboards": {"enabled": True, "annotations": {"grafana_folder": "cqlproxy"}},
    },
    "TLS everywhere": {
        "admin": {"tls": {"secret": "admin-tls", "serverName": "cqlproxy"}},
        "listen": {"tls": {"secret": "listen-tls", "verifyClients": True}},
        "primary": {"tls": _TLS, "password": {"existingSecret": "primary", "key": "pass"}},
        "shadow": {"tls": {"enabled": True}},
        "config": {"primary": {"username": "cqlproxy"}},
    },
    "fenced in": {
        "networkPolicy": {
            "enabled": True,
            "clients": [{"podSelector": {"matchLabels": {"app": "shop"}}}],
            "operators": [{"namespaceSelector": {}}],
            "clusters": [{"ipBlock": {"cidr": "10.0.0.0/16"}}],
            "extraEgress": [{"ports": [{"port": 4317}]}],
        },
        "config": {"shadow": {"port": 19042}},
    },
    "without a shadow": {"config": {"shadow": None, "mode": "primary_only"}},
    "placed": {
        "antiAffinity": "required",
        "topologySpreadConstraints": [
            {"maxSkew": 1, "topologyKey": "rack", "whenUnsatisfiable": "DoNotSchedule"},
        ],
        "nodeSelector": {"pool": "proxies"},
        "tolerations": [{"key": "proxies", "operator": "Exists"}],
        "priorityClassName": "high",
        "imagePullSecrets": [{"name": "registry"}],
        "image": {"digest": "sha256:" + "0" * 64},
    },
    "with what is one's own": {
        "extraEnv": [{"name": "TZ", "value": "UTC"}],
        "extraVolumes": [{"name": "own", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "own", "mountPath": "/own"}],
        "podLabels": {"team": "data"},
        "podAnnotations": {"note": "here"},
        "commonLabels": {"part": "migration"},
        "fullnameOverride": "proxies",
        "serviceAccount": {"create": False, "name": "theirs"},
        "service": {"type": "LoadBalancer", "annotations": {"internal": "true"}, "clusterIP": "10.0.0.9"},
        "preStopSeconds": 0,
    },
}
SHAPES = ("standalone", "sidecar")
APP_VALUES: dict[str, Values] = {
    "native": {},
    "ordinary": {"sidecar": {"native": False, "readinessProbe": True}, "preStopSeconds": 20},
    "a volume that lasts": {"sidecar": {"data": {"volume": "shop-data"}}},
}


@pytest.mark.parametrize("kubernetes", [version.removeprefix("v") for version in KUBERNETES])
@pytest.mark.parametrize("shape", SHAPES)
def test_everything_rendered_is_what_kubernetes_knows(shape: str, kubernetes: str) -> None:
    texts = [
        helm_template(*files, values={**values, "shape": shape}, kubernetes=kubernetes)
        for values in TOGGLES.values()
        for files in ((), (PRODUCTION,))
    ]
    said = judged("\n---\n".join(texts), kubernetes)
    assert "Invalid: 0, Errors: 0, Skipped: 0" in said


@pytest.mark.parametrize("shape", SHAPES)
def test_helm_lint_finds_nothing(shape: str) -> None:
    for files in ((), (PRODUCTION,)):
        with values_file({"shape": shape}) as last:
            given = [word for file in (*files, last) for word in ("-f", file)]
            said = run([go_tool("helm"), "lint", "--strict", CHART, "--kube-version", NEWEST, *given])
        assert "1 chart(s) linted, 0 chart(s) failed" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"config": {"primary": {"password": "secret"}}}, "'password' not allowed"),
        ({"config": {"admin": {"token": "0123456789abcdef"}}}, "'token' not allowed"),
        ({"config": {"mirror": {"jurnal": "off"}}}, "'jurnal' not allowed"),
        ({"config": {"mirror": {"journal": "sometimes"}}}, "/config/mirror/journal"),
        ({"config": {"mode": "both"}}, "/config/mode"),
        ({"config": {"primary": {"contact_points": []}}}, "/config/primary/contact_points"),
        ({"shape": "daemon"}, "/shape"),
        ({"replica": 2}, "'replica' not allowed"),
        ({"persistence": {"size": "large"}}, "/persistence/size"),
    ],
)
def test_a_wrong_value_is_refused_before_anything_is_rendered(values: Values, said: str) -> None:
    with pytest.raises(RenderError) as refused:
        chart(values=values)
    assert said in str(refused.value)


@pytest.mark.parametrize("files", [(), (PRODUCTION,)], ids=["default", "production"])
@pytest.mark.parametrize("toggle", TOGGLES)
def test_the_pod_is_given_what_its_configuration_names(
    toggle: str, files: tuple[Path, ...], tmp_path: Path
) -> None:
    rendered = chart(*files, values=TOGGLES[toggle])
    workload = next(d for d in rendered if d["kind"] in ("StatefulSet", "Deployment"))
    pod = workload["spec"]["template"]["spec"]
    container = proxy_container(pod)
    mounted = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in pod["volumes"]}
    claims = {claim["metadata"]["name"] for claim in workload["spec"].get("volumeClaimTemplates", ())}
    assert set(mounted) <= volumes | claims
    given = files_of(rendered, pod, secrets=lambda secret, key: f"{secret} {key}")
    document = yaml.safe_load(given["/etc/cqlproxy/config/proxy.yaml"])
    named = [value for value in _strings(document) if value.startswith("/")]
    written = [name for name in named if name.startswith("/var/lib/cqlproxy/")]
    assert set(named) - set(written) <= set(given)
    assert len(written) == 2
    assert mounted["cqlproxy-data"] == "/var/lib/cqlproxy"
    assert container["args"][:2] == ["serve", "-c"]
    # It is one that the program takes, at the place that it is told.
    file = tmp_path / "proxy.yaml"
    file.write_text(given[container["args"][2]])
    config = load_config(file)
    assert config.admin.token_file == Path("/etc/cqlproxy/admin/token")
    assert {port["containerPort"] for port in container["ports"]} == {config.listen.port, config.admin.port}


def _strings(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _strings(inner)]
    return [value] if isinstance(value, str) else []


def test_no_secret_is_in_a_configmap() -> None:
    rendered = chart(PRODUCTION)
    text = yaml.safe_dump([d["data"] for d in rendered if d["kind"] == "ConfigMap"])
    assert "token_file" in text
    configuration = yaml.safe_load(only(rendered, "ConfigMap", "cqlproxy")["data"]["proxy.yaml"])
    for section in ("primary", "shadow"):
        assert "password" not in configuration[section]
        assert configuration[section]["password_file"] == f"/etc/cqlproxy/{section}-password/password"
    assert "token" not in configuration["admin"]
    assert [d for d in rendered if d["kind"] == "Secret"] == []
    secret = only(chart(), "Secret")
    assert len(secret["data"]["token"]) == 64  # 48 characters


@pytest.mark.parametrize("toggle", TOGGLES)
def test_a_pod_has_time_to_end(toggle: str) -> None:
    for files in ((), (PRODUCTION,)):
        rendered = chart(*files, values=TOGGLES[toggle])
        workload = next(d for d in rendered if d["kind"] in ("StatefulSet", "Deployment"))
        pod = workload["spec"]["template"]["spec"]
        document = yaml.safe_load(only(rendered, "ConfigMap", _name(workload))["data"]["proxy.yaml"])
        waits = (12, document["shutdown_drain_seconds"], _slept(proxy_container(pod)))
        assert pod["terminationGracePeriodSeconds"] >= sum(waits) + 15


def _name(document: Document) -> str:
    name: str = document["metadata"]["name"]
    return name


def _slept(container: Document) -> int:
    if "lifecycle" not in container:
        return 0
    program, seconds = container["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    return int(seconds)


def test_changed_rules_replace_no_pod_and_a_changed_configuration_does() -> None:
    def template(**values: object) -> Document:
        found: Document = only(chart(values=values), "StatefulSet")["spec"]["template"]
        return found

    assert template() == template(rules={"table_blacklist": ["*.migrations"]})
    changed = template(config={"validation_percentage": 1})
    assert changed["metadata"]["annotations"] != template()["metadata"]["annotations"]
    assert changed["spec"] == template()["spec"]


def test_the_proxy_may_do_nothing_but_serve() -> None:
    pod = only(chart(), "StatefulSet")["spec"]["template"]["spec"]
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    context = proxy_container(pod)["securityContext"]
    assert context["readOnlyRootFilesystem"] is True
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}


def test_services_lead_to_the_ports_of_the_container() -> None:
    rendered = chart(PRODUCTION, values={"autoscaling": {"enabled": True, "queueDepth": 1}})
    workload = only(rendered, "StatefulSet")
    labels = workload["spec"]["template"]["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in _ports(workload)}
    assert ports == {"cqlproxy-cql": 9042, "cqlproxy-admin": 8080}
    for service in (d for d in rendered if d["kind"] == "Service"):
        assert service["spec"]["selector"].items() <= labels.items()
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= ports.keys()
    pods = only(rendered, "Service", "cqlproxy-pods")
    assert workload["spec"]["serviceName"] == "cqlproxy-pods"
    monitor = only(rendered, "ServiceMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= pods["metadata"]["labels"].items()
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in pods["spec"]["ports"]}
    assert monitor["endpoints"][0]["relabelings"] == [{"targetLabel": "job", "replacement": "cqlproxy"}]
    client_service = only(rendered, "Service", "cqlproxy")
    assert not monitor["selector"]["matchLabels"].items() <= client_service["metadata"]["labels"].items()
    budget = only(rendered, "PodDisruptionBudget")["spec"]
    assert budget["selector"]["matchLabels"].items() <= labels.items()
    policy = only(rendered, "NetworkPolicy")["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert {port["port"] for rule in policy["ingress"] for port in rule["ports"]} == ports.keys()
    scaled = only(rendered, "HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("StatefulSet", workload["metadata"]["name"])
    assert "replicas" not in workload["spec"]


def _ports(workload: Document) -> list[Document]:
    found: list[Document] = proxy_container(workload["spec"]["template"]["spec"])["ports"]
    return found


def test_alerts_and_dashboards_are_those_of_the_project() -> None:
    rendered = chart(values=TOGGLES["watched"])
    monitoring = K8S.parent / "monitoring"
    rules = yaml.safe_load((monitoring / "prometheus" / "alerts.yaml").read_text())
    groups = only(rendered, "PrometheusRule")["spec"]["groups"]
    runbooks = [
        rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"] if "alert" in rule
    ]
    assert runbooks
    assert all(url.startswith("https://wiki.example/cqlproxy/") for url in runbooks)
    plain = only(chart(values={"prometheusRule": {"enabled": True}}), "PrometheusRule")
    assert plain["spec"]["groups"] == rules["groups"]
    dashboards = {
        name: content
        for d in rendered
        if d["kind"] == "ConfigMap" and "grafana_dashboard" in d["metadata"]["labels"]
        for name, content in d["data"].items()
    }
    files = sorted((monitoring / "grafana" / "dashboards").glob("*.json"))
    assert files
    assert sorted(dashboards) == [file.name for file in files]
    for file in files:
        assert yaml.safe_load(dashboards[file.name]) == yaml.safe_load(file.read_text())


def test_a_packaged_chart_has_what_it_only_links_to(tmp_path: Path) -> None:
    run([go_tool("helm"), "package", CHART, "--destination", tmp_path])
    (package,) = tmp_path.iterdir()
    with tarfile.open(package) as files:
        packed = files.extractfile("cqlproxy/files/alerts.yaml")
        assert packed is not None
        assert packed.read() == (CHART / "files" / "alerts.yaml").read_bytes()
        dashboards = [name for name in files.getnames() if name.startswith("cqlproxy/files/dashboards/")]
    assert len(dashboards) == len(list((CHART / "files" / "dashboards").glob("*.json")))


def _notes(tmp_path: Path, values: Values) -> str:
    """What Helm says after an installation, which it says only where there is a cluster."""
    copy = tmp_path / "chart"
    shutil.copytree(CHART, copy)
    (copy / "templates" / "NOTES.txt").rename(copy / "notes.txt")
    (copy / "templates" / "notes.yaml").write_text('notes: {{ tpl (.Files.Get "notes.txt") . | quote }}')
    said = next(d for d in chart(values=values, chart=copy) if "notes" in d)
    notes: str = said["notes"]
    return notes


def test_the_notes_name_what_there_is(tmp_path: Path) -> None:
    notes = _notes(tmp_path, {})
    assert "cqlproxy.default.svc:9042" in notes
    assert "exec cqlproxy-0 -- cqlproxy status -c /etc/cqlproxy/config/proxy.yaml" in notes
    assert "rollout status statefulset/cqlproxy" in notes
    assert "It was made now" in notes
    assert "primary.example, which is nowhere" in notes


def test_the_notes_of_a_sidecar_name_what_to_include(tmp_path: Path) -> None:
    given = {"primary": {"contact_points": ["10.0.0.1"]}, "shadow": {"contact_points": ["10.0.0.2"]}}
    notes = _notes(tmp_path, {"shape": "sidecar", "config": given})
    named = set(re.findall(r"cqlproxy\.sidecar\.\w+", notes))
    templates = (CHART / "templates" / "_sidecar.tpl").read_text()
    assert len(named) == 4
    assert all(f'define "{name}"' in templates for name in named)
    assert "57 s after" in notes
    assert "nowhere" not in notes


def test_the_volume_has_room_for_the_journal() -> None:
    for files in ((), (PRODUCTION,)):
        rendered = chart(*files)
        claim = only(rendered, "StatefulSet")["spec"]["volumeClaimTemplates"][0]
        room = _bytes(claim["spec"]["resources"]["requests"]["storage"])
        assert room > 1.1 * _journal(rendered)
    app = documents(_shop({}))
    data = next(v for v in _pod(app)["volumes"] if v["name"] == "cqlproxy-data")
    assert _bytes(data["emptyDir"]["sizeLimit"]) > 1.1 * _journal(app)


def _journal(rendered: list[Document]) -> int:
    text = next(d["data"]["proxy.yaml"] for d in rendered if "proxy.yaml" in (d.get("data") or {}))
    mirror = yaml.safe_load(text)["mirror"]
    return _bytes(mirror.get("journal_max_bytes", "10GiB"))


def _bytes(size: str) -> int:
    number = size.removesuffix("B").removesuffix("i")
    return int(number[:-1]) << 10 * ("KMGT".index(number[-1].upper()) + 1)


# --- an application's chart with the sidecar in it ----------------------------------------------------


def _shop(values: Values, kubernetes: str = NEWEST) -> str:
    return helm_template(
        values={"cqlproxy": values}, chart=shop_chart(), release="shop", kubernetes=kubernetes
    )


def _pod(rendered: list[Document]) -> Document:
    pod: Document = only(rendered, "Deployment")["spec"]["template"]["spec"]
    return pod


@pytest.mark.parametrize("kubernetes", [version.removeprefix("v") for version in KUBERNETES])
def test_an_application_with_the_sidecar_is_what_kubernetes_knows(kubernetes: str) -> None:
    for values in [*APP_VALUES.values(), *TOGGLES.values()]:
        assert "Invalid: 0, Errors: 0, Skipped: 0" in judged(_shop(values, kubernetes), kubernetes)


def test_a_native_sidecar_starts_before_the_application_and_ends_after_it() -> None:
    pod = _pod(documents(_shop(APP_VALUES["native"])))
    (sidecar,) = pod["initContainers"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["startupProbe"]["httpGet"]["path"] == "/ready"
    # It is told to stop only when the application has ended.
    assert "lifecycle" not in sidecar
    assert "readinessProbe" not in sidecar
    configuration = yaml.safe_load(
        only(documents(_shop({})), "ConfigMap", "shop-cqlproxy")["data"]["proxy.yaml"]
    )
    assert configuration["listen"]["host"] == "127.0.0.1"
    assert pod["terminationGracePeriodSeconds"] == 30 + 57


def test_the_sidecar_is_refused_with_the_values_of_the_other_shape() -> None:
    with pytest.raises(RenderError, match="set `shape: sidecar`"):
        _shop({"shape": "standalone"})


def test_monitors_find_the_sidecars() -> None:
    rendered = documents(_shop({"monitoring": {"enabled": True}}))
    labels = only(rendered, "Deployment")["spec"]["template"]["metadata"]["labels"]
    monitor = only(rendered, "PodMonitor")["spec"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    assert monitor["podMetricsEndpoints"][0]["port"] == "cqlproxy-admin"
    assert monitor["podMetricsEndpoints"][0]["relabelings"] == [
        {"targetLabel": "job", "replacement": "cqlproxy-shop-cqlproxy"}
    ]
