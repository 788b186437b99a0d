"""The process that others call: Alertmanager's webhook, and Temporal's codec server."""
