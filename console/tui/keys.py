"""The keys, in one table: what is bound, what the palette lists and what the help says."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True, slots=True)
class Key:
    """One key: what it is called in the footer (empty: not shown there), and what it does in words."""

    key: str
    action: str
    label: str
    words: str
    group: str
    shown_as: str = ""
    priority: bool = False

    @property
    def shown(self) -> str:
        """How the key is written."""
        return self.shown_as or self.key


KEYS: tuple[Key, ...] = (
    Key("r", "report", "Report", "Take a report; opens an incident", "By hand"),
    Key("d", "dispatch", "Dispatch", "Send units to the incident", "By hand"),
    Key("a", "approvals", "Approvals", "Look at the proposal that is most urgent, or the chosen one", "By hand"),
    Key("space", "acknowledge", "Ack", "Acknowledge the alarm, or mark the incident as read", "By hand"),
    Key("x", "end", "Close", "Close the incident, clear the alarm, reject the proposal, cancel the alert", "By hand"),
    Key("n", "note", "Note", "Write a log entry, with the time it happened", "By hand"),
    Key("colon", "quick", "Line", "Type a line: E12 enr, E12 I-3, I-3 dup I-1, I-3 p1, log gate shut", "By hand", ":"),
    Key("e", "status", "Status", "Set a unit's status", "By hand"),
    Key("s", "stand_down", "Stand down", "Stand a unit down", "By hand"),
    Key("p", "priority", "", "Set the incident's priority", "By hand"),
    Key("E", "edit", "", "Change the incident's title, kind, place, units needed, people unaccounted for", "By hand"),
    Key("y", "duplicate", "", "Mark the incident as a duplicate, or take the mark away", "By hand"),
    Key("o", "reopen", "", "Reopen a closed incident", "By hand"),
    Key("R", "report_more", "", "Take another report for this incident", "By hand"),
    Key("b", "hand_over", "", "Hand over the desk with a brief, or accept it", "By hand"),
    Key("z", "hands_off", "", "Hands off: every playbook back to advice, or released again", "By hand"),
    Key("1,m", "pane('map')", "", "Map", "Go to", "1 m"),
    Key("2,i", "pane('queue')", "", "Incidents", "Go to", "2 i"),
    Key("3", "pane('approvals')", "", "Approvals", "Go to"),
    Key("4", "pane('alarms')", "", "Alarms", "Go to"),
    Key("5,u", "units", "Units", "Unit board, with time in status", "Go to", "5 u"),
    Key("6", "outbox", "", "Alerts and requests: who was told, how far it got", "Go to"),
    Key("7", "log", "", "Log", "Go to"),
    Key("8", "feeds", "", "Feeds", "Go to"),
    Key("9", "map_table", "", "What is on the map, as text", "Go to"),
    Key("w", "why", "", "Why each playbook fired, or did not", "Go to"),
    Key("v", "view", "View", "Show the chosen thing on the map", "Go to"),
    Key("full_stop", "next_mark(1)", "", "Next thing on the map", "Go to", "."),
    Key("comma", "next_mark(-1)", "", "Previous thing on the map", "Go to", ","),
    Key("f2", "pause", "", "Pause the exercise, or go on", "Exercise", "F2"),
    Key("f3", "step", "", "One step", "Exercise", "F3"),
    Key("f4", "speed", "", "Set the speed", "Exercise", "F4"),
    Key("f5", "jump", "", "Jump ahead", "Exercise", "F5"),
    Key("ctrl+r", "emergency", "", "REAL EMERGENCY: stop the exercise for good", "Exercise", "^r", True),
    Key("t", "theme", "", "Dark, light, high contrast", "Console"),
    Key("ctrl+p,slash", "palette", "Palette", "Find anything, do anything", "Console", "^p"),
    Key("question_mark", "help", "Help", "Keys, words and legend", "Console", "?"),
    Key("q", "leave_console", "Quit", "Leave this console; the core goes on", "Console"),
)
"""In the order of the footer. On the map its own keys come first: arrows and hjkl pan, + and - zoom, c crosshair."""


def bindings() -> list[Binding]:
    """The bindings of the app."""
    return [
        Binding(
            key.key,
            key.action,
            key.label or key.words,
            show=bool(key.label),
            key_display=key.shown_as or None,
            priority=key.priority,
        )
        for key in KEYS
    ]
