"""The full-screen console: screens, widgets and the map that operators steer from the keyboard.

May import textual, ``console.link`` and, of the twin, ``twin.pack`` alone; it loads no scipy, shapely or networkx.
It holds no fact of its own: everything shown is a projection of the picture, everything typed becomes a command.
"""
