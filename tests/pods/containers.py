"""What a pod of rendered manifests says of the proxy in it: its container, and the files that it is given."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Final

from tests.pods.rendering import Document, only

NAME: Final = "cqlproxy"

Secret = Callable[[str, str], str]
"""The content of a key of a Secret that is not among the manifests: its name and the key."""

_OF_TLS: Final = ("tls.crt", "tls.key", "ca.crt")


def proxy_container(pod: Document) -> Document:
    """The container of the proxy, wherever it stands in the pod's specification."""
    everything = [*pod.get("initContainers", ()), *pod.get("containers", ())]
    (found,) = [container for container in everything if container["name"] == NAME]
    container: Document = found
    return container


def files_of(rendered: Sequence[Document], pod: Document, *, secrets: Secret) -> dict[str, str]:
    """The content of each file that ConfigMaps and Secrets put into the proxy's container, by its path."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    found: dict[str, str] = {}
    for mount in proxy_container(pod)["volumeMounts"]:
        volume = volumes.get(mount["name"], {})
        if "configMap" in volume:
            files = only(rendered, "ConfigMap", volume["configMap"]["name"])["data"]
        elif "secret" in volume:
            files = _of_secret(rendered, volume["secret"], secrets)
        else:
            continue
        assert mount.get("readOnly"), f"{mount['mountPath']} can be written to"
        found |= {f"{mount['mountPath']}/{name}": content for name, content in files.items()}
    return found


def _of_secret(rendered: Sequence[Document], source: Document, secrets: Secret) -> dict[str, str]:
    name = source["secretName"]
    keys = {item["path"]: item["key"] for item in source.get("items", ())} or {key: key for key in _OF_TLS}
    made = [d for d in rendered if d["kind"] == "Secret" and d["metadata"]["name"] == name]
    if not made:
        return {path: secrets(name, key) for path, key in keys.items()}
    data = made[0]["data"]
    return {path: base64.b64decode(data[key]).decode() for path, key in keys.items()}
