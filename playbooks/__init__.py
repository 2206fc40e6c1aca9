"""What to do when: playbooks, their conditions and windows, the verbs they may use, and the engine that runs them.

May use feeds, the twin and the picture; what needs a road engine, a planner or a directory is handed in by the core as
``Services``. It never acts by itself beyond an internal notice: it proposes, and carries out what a person approved.
"""
