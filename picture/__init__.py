"""What is known: a pure fold over a journal, and the judgements made when something arrives.

Owns the model of the shared operating picture, the journal and its entries, fusion, alarms, conditions and decisions.
May import nothing above it, and does no I/O outside ``picture/journal``; it knows no wire, no road engine, no screen.
"""
