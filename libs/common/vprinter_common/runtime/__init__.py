"""How a service runs: settings, logging, metrics, health, tasks, start and graceful stop."""
