"""The city as a model that can be asked "what if": roads, terrain, hazards and dependent lifelines.

It may import :mod:`picture` and numerical libraries, never feeds, playbooks, agents or the console.
It knows no wire format, no screen and no person, and it takes clock, randomness and ids from its caller.
"""
