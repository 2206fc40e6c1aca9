"""GTFS Realtime: what public transport says of itself: service alerts, as protobuf over HTTP."""
