"""Makes docs/operations/settings.md from the settings classes: `.venv/bin/python -m tests.docs.settings_page`."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from vprinter_cli.settings import ProbeSettings, UpSettings
from vprinter_common.runtime.settings import CommonSettings
from vprinter_control.settings import ControlSettings
from vprinter_discovery.settings import DiscoverySettings
from vprinter_ftps.settings import FtpsSettings
from vprinter_mqtt.settings import MqttSettings
from vprinter_proxy.settings import ProxySettings

PAGE = Path(__file__).parents[2] / "docs/operations/settings.md"
HEAD = """# Settings

Environment variables; nested ones take two underscores. All are optional. Lists are JSON: `["192.168.1.50"]`.
"""
SERVICES = {
    "Every service": CommonSettings,
    "control": ControlSettings,
    "discovery": DiscoverySettings,
    "ftps": FtpsSettings,
    "mqtt": MqttSettings,
    "proxy": ProxySettings,
}


def page() -> str:
    """The whole page."""
    common = set(CommonSettings.model_fields)
    parts = [HEAD]
    for title, settings in SERVICES.items():
        skipped = set() if settings is CommonSettings else common
        fields = {name: field for name, field in settings.model_fields.items() if name not in skipped}
        parts.append(_table(title, _rows("VPRINTER_", fields)))
    parts.append(_table("`vprinter up`", _rows("VPRINTER_UP__", UpSettings.model_fields)))
    parts.append(_table("`vprinter probe`", _rows("VPRINTER_PROBE__", ProbeSettings.model_fields)))
    return "\n".join(parts)


def _table(title: str, rows: Iterator[str]) -> str:
    return "\n".join([f"## {title}", "", "| variable | default | meaning |", "|---|---|---|", *rows, ""])


def _rows(prefix: str, fields: dict[str, FieldInfo]) -> Iterator[str]:
    for name, field in fields.items():
        section = _section(field)
        if section is not None:
            yield from _rows(f"{prefix}{name.upper()}__", section.model_fields)
        else:
            variable = field.validation_alias or f"{prefix}{name.upper()}"
            meaning = " ".join((field.description or "").split()).replace("|", "\\|")
            yield f"| `{variable}` | {_default(field)} | {meaning} |"


def _section(field: FieldInfo) -> type[BaseModel] | None:
    kinds = [field.annotation, *get_args(field.annotation)]
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "the host's name"
    return "none" if field.default in (None, ()) else f"`{field.default}`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
