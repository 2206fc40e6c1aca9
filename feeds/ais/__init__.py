"""Automatic Identification System: ships' positions and particulars, and the distress beacons that speak it."""
