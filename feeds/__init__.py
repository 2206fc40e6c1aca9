"""Every wire, both ways: the only package that exchanges messages with other organisations.

It owns codecs, transports and sinks, and turns bytes from outside into ``picture.reports`` or refuses them with a code.
It may import ``picture`` alone. It must not know the journal's store, the twin, playbooks, agents or any screen.
"""
