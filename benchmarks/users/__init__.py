"""Users of the broker, as locust runs them: dashboards, domain systems, historians, receivers of notifications."""
