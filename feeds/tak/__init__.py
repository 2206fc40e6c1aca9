"""Cursor on Target (TAK): field teams' positions and emergencies in; incidents, hazards and units out."""
