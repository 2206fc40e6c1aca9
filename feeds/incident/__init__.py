"""Tocsin's own plain JSON for people and small systems that have no standard to speak: ``tocsin.incident/1``."""
