"""Exercises: scenarios, the simulated people and counterparts of a drill, and what was expected of it.

Owns the scenario format, the recorded messages' timetable, the unit and counterpart simulators and the drill's summary.
May use every room below; it knows no screen, and it reaches a core only through messages, commands and decisions.
"""
