"""What watches the proxies: dashboards for Grafana, and alerts and a scrape configuration for Prometheus.

Ships with the project and is no part of the program. ``prometheus/`` is written by hand, and
``grafana/dashboards`` is made by this package (``make dashboards``). Alerts lead to ``docs/runbooks``.
"""
