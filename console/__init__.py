"""The people: command line, headless core, link to it, full-screen console and drills; the only composition root.

May import every other package, and is imported by none of them; wires stay in ``feeds`` and facts in the journal.
``console.core``, ``console.web`` and ``console.link`` never import ``console.tui``, and the map knows no picture types.
"""
