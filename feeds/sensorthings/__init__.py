"""OGC SensorThings API 1.1: what gauges and other sensors measure."""
