"""MQTT 3.1.1 and 5: a transport whose payloads any wire decodes, and a gateway for alerts."""
