"""The configuration in force, as operators see it: as in the file, with defaults and without secrets."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, SecretStr

from cqlproxy.admin.view import ConfigChangeError
from cqlproxy.config import Config
from frame_codec import ConsistencyLevel

_MASK = "***"


class ConfigInForce:
    """Implements ``admin.view.ConfigView``. Nothing of it can be changed while the proxy runs."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def shown(self) -> dict[str, object]:
        """See ``admin.view.ConfigView``."""
        return {"config": _shown(self._config), "changeable": []}

    async def change(self, changes: Mapping[str, object], *, by: str) -> dict[str, object]:
        """See ``admin.view.ConfigView``."""
        what = "cannot be changed while the proxy runs: change the file, and restart the proxy"
        raise ConfigChangeError([(key, what) for key in changes], needs_restart=True)

    def schema(self) -> dict[str, object]:
        """See ``admin.view.ConfigView``."""
        return Config.model_json_schema()


def _shown(value: object) -> object:
    match value:
        case BaseModel():
            return {name: _shown(getattr(value, name)) for name in type(value).model_fields}
        case SecretStr():
            return _MASK
        case ConsistencyLevel():
            return value.name
        case list() | tuple():
            return [_shown(one) for one in value]
        case None | bool() | int() | float():
            return value
        case _:
            return str(value)
