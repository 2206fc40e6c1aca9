"""Widgets of the console, one per file; each draws lines of styled plain text."""
