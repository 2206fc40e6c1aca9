"""Common Alerting Protocol 1.2 (OASIS): official alerts in, our own alerts out."""
