"""The starter ``tocsin.toml`` that ``tocsin init`` writes: every key with a word on it, valid as it stands."""

from __future__ import annotations

STARTER = """\
# Tocsin: this site. Unknown keys are refused; docs/worlds.md says more. No secret stands in this file.

site = "SITE"
agency = "EOC"                  # whose desk this is
position = "duty_officer"       # the post taken where none is given
city = "port-meridian"          # a shipped city, one made by `tocsin city import`, or the path of a pack
theme = "dark"                  # dark, light or high_contrast

# positions = ["duty_officer", "supervisor"]   # posts that may be taken here; all if not given
# playbooks = "playbooks"       # a folder beside this file; those that ship if not given
# armed = ["surge-at-quay"]     # which of them are armed; all if not given

# [policy]
# own_agencies = ["PMFD"]       # whose units we send ourselves; of others we ask

# [geocoder]                    # places that the city pack does not know; docs/roads.md
# name = "nominatim"            # or photon
# url = "https://geo.example.org"
# user_agent = "harbour-eoc"    # who asks

# [retention]                   # days that sealed values are kept, or "keep"; docs/journal.md
# personal_days = 90
# operations_days = 1825

# [inbox]
# host = "127.0.0.1"
# port = 8470                   # 0 takes a free one and writes it to worlds/live/inbox.json
# allowed_hosts = []            # further names it may be addressed by

# [journal]                     # on NATS servers instead of in worlds/live/journal; docs/nats.md
# nats = "nats://127.0.0.1:4222"
# stream = "core-meridian"      # as in the server's nats.toml
# seed = "file:keys/core-meridian.seed"   # or env:NAME

# [clients]                     # consoles on other machines, over TLS; docs/users.md
# host = "127.0.0.1"
# port = 8471
# names = []                    # further names the core may be called by
# certificate = "tls/chain.pem"
# key = "tls/key.pem"           # mode 0600
# onlookers = false             # whether somebody may look on without a log-in

# [[feeds]]                     # one of these for each source
# id = "gauges"
# wire = "sensorthings"
# grade = "A2"                  # Admiralty code
# silent_after_s = 900
# may_speak = ["observation:G-*"]

# [channels.sms]                # by this name the directory speaks of it
# credential = "sms"            # stored by `tocsin credential add sms --world live`

# [[directory]]                 # who can be alerted
# name = "Harbour Control"
# agency = "PMHA"
# role = "harbour_control"
# channel = "sms"
"""
