"""The worker process: wiring, task queues, health endpoint, shutdown."""
