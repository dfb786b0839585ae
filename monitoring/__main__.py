"""``python -m monitoring``: write the dashboards into their files."""

from __future__ import annotations

from monitoring.dashboards import PLACE, written


def main() -> None:
    """Write all, and remove those that are no more."""
    content = written()
    for old in set(PLACE.glob("*.json")) - set(content):
        old.unlink()
    for path, text in content.items():
        path.write_text(text)


if __name__ == "__main__":
    main()
