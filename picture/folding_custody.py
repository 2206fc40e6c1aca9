"""What entries about the journal's keeping do to the picture: users, sessions, claims, holds, links, load, forks;
completes ``HANDLERS``.
"""

from __future__ import annotations

from picture import events as ev
from picture import keeping as k
from picture import model as m
from picture.entry import Entry
from picture.folding import on
from picture.folding_intentions import HANDLERS
from picture.records import changed

__all__ = ["HANDLERS"]


@on(ev.ErasureAsked)
def erasure_asked(p: m.StreamPicture, entry: Entry, e: ev.ErasureAsked) -> None:
    p.erasures[e.id] = k.Erasure(
        e.id, e.scope, e.retention_class, e.person, e.public_key, e.signature, entry.recorded_ms
    )


@on(ev.PayloadShredded)
def payload_shredded(p: m.StreamPicture, entry: Entry, e: ev.PayloadShredded) -> None:
    p.shredded |= dict.fromkeys(e.keys, entry.at_ms)
    p.erasures.pop(e.request, None)


@on(ev.HoldChanged)
def hold_changed(p: m.StreamPicture, entry: Entry, e: ev.HoldChanged) -> None:
    if e.on:
        p.holds.setdefault(e.scope, entry.at_ms)
    else:
        p.holds.pop(e.scope, None)


@on(ev.UserChanged)
def user_changed(p: m.StreamPicture, entry: Entry, e: ev.UserChanged) -> None:
    p.users[e.name] = k.User(e.name, e.agency, e.role, e.positions, e.public_keys, e.active, e.admin)


@on(ev.SessionChanged)
def session_changed(p: m.StreamPicture, entry: Entry, e: ev.SessionChanged) -> None:
    if e.state == "closed":
        p.sessions.pop(e.id, None)
    elif e.state == "opened":
        p.sessions[e.id] = k.DeskSession(e.id, e.person, e.position, e.role, entry.at_ms, client=e.client)
    elif e.id in p.sessions:
        p.sessions[e.id] = changed(p.sessions[e.id], locked=e.state == "locked")


@on(ev.ClaimChanged)
def claim_changed(p: m.StreamPicture, entry: Entry, e: ev.ClaimChanged) -> None:
    if e.held:
        p.claims[e.subject] = k.Claim(e.subject, e.person, e.position, entry.at_ms, entry.seq)
    else:
        p.claims.pop(e.subject, None)


@on(ev.CursorReceived)
def cursor_received(p: m.StreamPicture, entry: Entry, e: ev.CursorReceived) -> None:
    p.received |= {stream: seq for stream, seq, _ in e.cursor}


@on(ev.WorldForked)
def world_forked(p: m.StreamPicture, entry: Entry, e: ev.WorldForked) -> None:
    p.forked = k.Fork(e.parent_stream, e.parent_world, e.parent_seq, e.parent_hash)


@on(ev.LoadChanged)
def load_changed(p: m.StreamPicture, entry: Entry, e: ev.LoadChanged) -> None:
    p.loads[e.queue] = k.Load(e.queue, e.level, e.waiting, e.room, e.lost, entry.at_ms, e.replaced)


@on(ev.LinkChanged)
def link_changed(p: m.StreamPicture, entry: Entry, e: ev.LinkChanged) -> None:
    p.links[e.id] = k.LinkState(e.id, e.state, e.why, entry.at_ms)


@on(ev.ReportsCounted)
def reports_counted(p: m.StreamPicture, entry: Entry, e: ev.ReportsCounted) -> None:
    key = f"{e.source}@{e.minute_ms}"
    before = p.counted[key].count if key in p.counted else 0
    p.counted[key] = k.Counted(e.source, e.minute_ms, e.lane, before + e.count, e.area, entry.seq)
