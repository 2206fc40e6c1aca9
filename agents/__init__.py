"""Who proposes: the deterministic planner, and later tools and assistants that may only propose.

May use playbooks, the twin and the picture. It never acts: what it returns is a draft that a person decides on, and it
knows no feed's wire and no screen.
"""
