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
    Key(
        "x",
        "end",
        "Close",
        "Close the incident, clear the alarm, reject the proposal, cancel the alert, lift the road closure",
        "By hand",
    ),
    Key("n", "note", "Note", "Write a log entry, with the time it happened", "By hand"),
    Key("colon", "quick", "Line", "Type a line: E12 enr, E12 I-3, I-3 dup I-1, I-3 p1, log gate shut", "By hand", ":"),
    Key("e", "status", "Status", "Set a unit's status", "By hand"),
    Key("s", "stand_down", "Stand down", "Stand a unit down", "By hand"),
    Key("p", "priority", "", "Set the incident's priority", "By hand"),
    Key("E", "edit", "", "Change the incident's title, kind, place, units needed, people unaccounted for", "By hand"),
    Key("y", "duplicate", "", "Mark the incident as a duplicate, or take the mark away", "By hand"),
    Key("o", "reopen", "", "Reopen a closed incident or road", "By hand"),
    Key("R", "report_more", "", "Take another report for this incident", "By hand"),
    Key("G", "claim", "", "Take it into your hands, let go of it, or take it over from whoever holds it", "By hand"),
    Key("X", "close_road", "", "Close a road: the one under the crosshair, a street, the incident's", "By hand"),
    Key("V", "change_road", "", "Make a road slower, or open a one-way street against its direction", "By hand"),
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
    Key("W", "roads", "", "Roads: what is closed or changed, by whom and why", "Go to"),
    Key("P", "people", "", "Who is at which desk, and what they have in their hands", "Go to"),
    Key("C", "conflicts", "", "Conflicts between cores, with the entries behind them", "Go to"),
    Key("Q", "load", "", "Links and queues: watermarks, what was counted, other cores", "Go to"),
    Key("w", "why", "", "Why each playbook fired, or did not", "Go to"),
    Key("v", "view", "View", "Show the chosen thing on the map", "Go to"),
    Key("full_stop", "next_mark(1)", "", "Next thing on the map", "Go to", "."),
    Key("comma", "next_mark(-1)", "", "Previous thing on the map", "Go to", ","),
    Key("T", "time", "Time", "Look back: go to a time (14:05, -20m) or an entry (#812)", "Time"),
    Key("left_square_bracket", "minutes(-1)", "", "A minute back", "Time", "["),
    Key("right_square_bracket", "minutes(1)", "", "A minute on", "Time", "]"),
    Key("left_curly_bracket", "hours(-1)", "", "An hour back", "Time", "{"),
    Key("right_curly_bracket", "hours(1)", "", "An hour on", "Time", "}"),
    Key("less_than_sign", "entry(-1)", "", "One entry back", "Time", "<"),
    Key("greater_than_sign", "entry(1)", "", "One entry on", "Time", ">"),
    Key("N", "now", "", "Back to now", "Time"),
    Key("S", "entries", "", "The journal's entries around what is shown", "Time"),
    Key("M", "mark", "", "Mark this instant, to compare with another", "Time"),
    Key("D", "changes", "", "What changed since the marked instant, as text", "Time"),
    Key("f2", "pause", "", "Pause the exercise, or go on", "Exercise", "F2"),
    Key("f3", "step", "", "One step", "Exercise", "F3"),
    Key("f4", "speed", "", "Set the speed", "Exercise", "F4"),
    Key("f5", "jump", "", "Jump ahead", "Exercise", "F5"),
    Key("ctrl+r", "emergency", "", "REAL EMERGENCY: stop the exercise for good", "Exercise", "^r", True),
    Key("ctrl+l", "lock", "Lock", "Lock this desk; alarms stay in sight and sound", "Console", "^l", True),
    Key("t", "theme", "", "Dark, light, high contrast", "Console"),
    Key("ctrl+p,slash", "palette", "Palette", "Find anything, do anything", "Console", "^p"),
    Key("question_mark", "help", "Help", "Keys, words and legend", "Console", "?"),
    Key("q", "leave_console", "Quit", "Leave this console; the core goes on", "Console"),
)
"""In the order of the footer. On the map its own keys come first: arrows and hjkl pan, + and - zoom, c crosshair."""

ACTING = frozenset(
    (
        "report", "report_more", "dispatch", "acknowledge", "end", "quick", "status", "stand_down", "priority",
        "edit", "duplicate", "reopen", "hand_over", "hands_off", "pause", "step", "speed", "jump", "claim",
        "close_road", "change_road", "approve", "reject", "leave_out",
    )
)  # fmt: skip
"""Actions that command something, those of the proposal's page included: not from the past, not from a locked desk."""

ABOUT_A_ROW = frozenset(
    ("dispatch", "acknowledge", "end", "status", "stand_down", "priority", "edit", "duplicate", "reopen",
     "report_more", "claim")
)  # fmt: skip
"""Those of them that are about what is under the cursor: not about another core's things."""


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
