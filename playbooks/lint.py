"""What is wrong with a playbook, with the line: form, conditions, verbs and arguments, where steps lead, and approval.

``lint`` names every fault; the engine loads nothing that has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from picture.conditions import Condition, Env, Expression
from picture.conditions.types import STRING, suggestion
from picture.errors import PlaybookError
from playbooks.effects import FREE, Verb, Verbs
from playbooks.reading import Document, parse_document, read_document
from playbooks.references import is_whole, references_in
from playbooks.rules import (
    base_env,
    choice_env,
    compile_clause,
    known_kind,
    known_table,
    record_env,
    trigger_clauses,
    wait_env,
)
from playbooks.runs import CLEAR, END
from playbooks.schema import Playbook, Step, validated
from playbooks.verbs import standard_verbs
from playbooks.vocabulary import TABLES

Path_ = tuple[str | int, ...]
_WORDS = ("stop", "continue", "escalate")


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One fault, where it stands, and what would mend it where that can be said."""

    line: int
    column: int
    code: str
    message: str
    suggestion: str = ""


def lint(path: Path, verbs: Verbs | None = None) -> list[Problem]:
    """Every fault of the playbook in a file, in the order of the file; empty means it can be loaded."""
    try:
        document = read_document(path)
    except PlaybookError as fault:
        return [_unreadable(fault)]
    return lint_document(document, verbs or standard_verbs())[1]


def lint_text(text: str, verbs: Verbs | None = None, name: str = "playbook.yaml") -> list[Problem]:
    """As ``lint``, for a text."""
    try:
        document = parse_document(name, text)
    except PlaybookError as fault:
        return [_unreadable(fault)]
    return lint_document(document, verbs or standard_verbs())[1]


def lint_document(document: Document, verbs: Verbs) -> tuple[Playbook | None, list[Problem]]:
    """The playbook if its form holds, and every fault found."""
    playbook, faults = validated(document)
    if playbook is None:
        return None, [Problem(one.line, one.column, one.code, one.message, one.suggestion) for one in faults]
    return playbook, sorted(set(_Lint(document, playbook, verbs).problems()))


def load_checked(path: Path, verbs: Verbs) -> Playbook:
    """The playbook in a file; PlaybookError with every fault and its line where it has any."""
    playbook, problems = lint_document(read_document(path), verbs)
    if playbook is None or problems:
        lines = "; ".join(f"{path.name}:{one.line}:{one.column}: {one.message}" for one in problems)
        raise PlaybookError(lines, code=problems[0].code)
    return playbook


def _unreadable(fault: PlaybookError) -> Problem:
    match = re.search(r"line (\d+)(?:, column (\d+))?", fault.detail)
    line, column = (int(match.group(1)), int(match.group(2) or 1)) if match else (1, 1)
    return Problem(line, column, fault.code, fault.message)


class _Lint:
    def __init__(self, document: Document, playbook: Playbook, verbs: Verbs) -> None:
        self.document, self.playbook, self.verbs = document, playbook, verbs
        self.steps = playbook.all_steps()
        self.top = [step.id for step in playbook.steps]
        self.paths = dict(_step_paths(playbook))

    def problems(self) -> Iterator[Problem]:
        yield from self._conditions()
        yield from self._names()
        for step, path in self._placed():
            if step.do is not None:
                yield from self._verb(step, path)
        yield from self._approvals()
        yield from self._flow()

    def _placed(self) -> Iterator[tuple[Step, Path_]]:
        yield from _all_paths(self.playbook)

    def _at(self, path: Path_, code: str, message: str, near: str = "") -> Problem:
        line, column = self.document.at(path)
        return Problem(line, column, code, message, near)

    def _fault(self, path: Path_, fault: PlaybookError) -> Problem:
        near = re.search(r"Did you mean '([^']+)'", fault.detail)
        return self._at(path, fault.code, fault.detail, near.group(1) if near else "")

    # --- conditions -----------------------------------------------------------------------------------------

    def _conditions(self) -> Iterator[Problem]:
        playbook = self.playbook
        for path, clause in trigger_clauses(playbook.trigger):
            kind = "window" if clause.window else "event" if clause.event else "condition"
            try:
                compiled = compile_clause(playbook, clause, "")
            except PlaybookError as fault:
                yield self._fault((*path, kind, "on" if fault.code == "TOC-6104" else "where"), fault)
                continue
            if clause.window is not None:
                yield from self._window_fields((*path, kind), compiled.on, clause.window.model_dump())
        yield from self._nested_all()
        if playbook.clear is not None:
            yield from self._clear()
        yield from self._tried(("mode", "key"), playbook.mode.key, base_env(playbook).with_names({"subject": STRING}))
        for step, path in self._placed():
            if step.wait is not None:
                try:
                    env = wait_env(playbook, known_kind(step.wait.event))
                except PlaybookError as fault:
                    yield self._fault((*path, "wait", "event"), fault)
                    continue
                yield from self._checked((*path, "wait", "where"), step.wait.where, env)
            for number, case in enumerate(step.choose or ()):
                yield from self._checked((*path, "choose", number, "when"), case.when, choice_env(playbook))

    def _nested_all(self) -> Iterator[Problem]:
        for index, clause in enumerate(self.playbook.trigger.any):
            for inner, one in enumerate(clause.all or ()):
                if one.all is not None:
                    yield self._at(
                        ("trigger", "any", index, "all", inner), "TOC-6104", "all does not stand inside all."
                    )

    def _window_fields(self, path: Path_, kind: str, window: dict[str, Any]) -> Iterator[Problem]:
        from picture.events import KINDS

        fields = KINDS[kind].model_fields
        for key in ("by", "count_distinct", "subject"):
            if window[key] and window[key] not in fields:
                near = suggestion(window[key], fields)
                yield self._at((*path, key), "TOC-6104", f"{kind} has no field {window[key]!r}.{near}", _near(near))

    def _clear(self) -> Iterator[Problem]:
        clear = self.playbook.clear
        assert clear is not None
        try:
            env = record_env(self.playbook, known_table(clear.on))
        except PlaybookError as fault:
            yield self._fault(("clear", "on"), fault)
            return
        yield from self._checked(("clear", "where"), clear.where, env)
        yield from self._checked(("clear", "among"), clear.among, env)

    def _checked(self, path: Path_, source: str | list[str], env: Env) -> Iterator[Problem]:
        try:
            Condition.compile(source, env)
        except PlaybookError as fault:
            yield self._fault(path, fault)

    def _tried(self, path: Path_, source: str, env: Env) -> Iterator[Problem]:
        try:
            if Expression.compile(source, env).type.name != "string":
                yield self._at(path, "TOC-6002", "the key is a text, such as subject or 'one'.")
        except PlaybookError as fault:
            yield self._fault(path, fault)

    # --- names ----------------------------------------------------------------------------------------------

    def _names(self) -> Iterator[Problem]:
        seen: set[str] = set()
        for step, path in self._placed():
            if step.id in seen:
                yield self._at((*path, "id"), "TOC-6105", f"there are two steps {step.id!r}.")
            if step.id in (CLEAR, END, *_WORDS):
                yield self._at((*path, "id"), "TOC-6105", f"{step.id!r} is a word of the language, not a step's name.")
            seen.add(step.id)
            if len(path) > 2 and step.do is None:
                yield self._at(path, "TOC-6105", "inside parallel only do stands.")
            yield from self._targets(step, path)

    def _targets(self, step: Step, path: Path_) -> Iterator[Problem]:
        named: list[tuple[Path_, str, tuple[str, ...]]] = [
            ((*path, "next"), step.next, (END,)),
            ((*path, "otherwise"), step.otherwise, (END,)),
            ((*path, "on_failure"), step.on_failure, _WORDS),
            ((*path, "on_timeout"), step.on_timeout, _WORDS),
        ]
        if step.approve is not None:
            named.append(((*path, "approve", "on_reject"), step.approve.on_reject, ("stop", "continue")))
        named += [((*path, "choose", n, "then"), case.then, (END,)) for n, case in enumerate(step.choose or ())]
        for where, target, words in named:
            if target and target not in words and target not in self.top:
                near = suggestion(target, (*self.top, *words))
                yield self._at(where, "TOC-6105", f"there is no step {target!r}.{near}", _near(near))
        for number, name in enumerate(step.approve.of if step.approve else ()):
            if name not in self.steps or self.steps[name].do is None:
                near = suggestion(name, self.steps)
                yield self._at(
                    (*path, "approve", "of", number),
                    "TOC-6105",
                    f"there is no step {name!r} to approve.{near}",
                    _near(near),
                )

    # --- verbs ----------------------------------------------------------------------------------------------

    def _verb(self, step: Step, path: Path_) -> Iterator[Problem]:
        assert step.do is not None
        try:
            verb = self.verbs.get(step.do)
        except PlaybookError as fault:
            yield self._fault((*path, "do"), fault)
            return
        yield from self._arguments(step, verb, path)
        yield from self._references(step, path)
        if verb.reversible and not step.undo:
            yield self._at((*path, "do"), "TOC-6108", f"{verb.name} can be undone: write undo: {verb.undo}.", verb.undo)
        if step.undo and step.undo != verb.undo:
            what = f"write undo: {verb.undo}" if verb.undo else "nothing undoes it"
            yield self._at((*path, "undo"), "TOC-6108", f"{step.undo!r} does not undo {verb.name}; {what}.", verb.undo)

    def _arguments(self, step: Step, verb: Verb, path: Path_) -> Iterator[Problem]:
        fields = verb.Args.model_fields
        for name, value in step.with_.items():
            if name not in fields:
                near = suggestion(name, fields) or f" It takes {', '.join(fields)}."
                yield self._at((*path, "with", name), "TOC-6107", f"{verb.name} takes no {name!r}.{near}", _near(near))
                continue
            yield from self._value(verb.Args, name, value, (*path, "with", name))
        for name, info in fields.items():
            if info.is_required() and name not in step.with_:
                yield self._at((*path, "with"), "TOC-6107", f"{verb.name} needs {name!r}.", name)

    def _value(self, args: type[BaseModel], name: str, value: Any, path: Path_) -> Iterator[Problem]:
        info = args.model_fields[name]
        known = {var: one.value for var, one in self.playbook.vars.items()}
        plain = _filled(value, known)
        if plain is _LATER:
            return
        annotation: Any = info.annotation
        for constraint in info.metadata:
            annotation = _annotated(annotation, constraint)
        try:
            TypeAdapter(annotation).validate_python(plain)
        except ValidationError as error:
            message = error.errors()[0]["msg"]
            yield self._at(path, "TOC-6107", f"{name}: {message}.")

    def _references(self, step: Step, path: Path_) -> Iterator[Problem]:
        roots = {*self.playbook.vars, *TABLES, "run", "subject", "trigger"}
        gives = {one.id: self.verbs.get(one.do).gives for one in self.steps.values() if one.do and one.do in self.verbs}
        waits = {one.id for one in self.steps.values() if one.wait is not None}
        for name, value in step.with_.items():
            for reference in references_in(value):
                root, _, rest = reference.partition(".")
                where = (*path, "with", name)
                if root in gives:
                    if rest not in gives[root]:
                        near = suggestion(rest, gives[root])
                        yield self._at(where, "TOC-6107", f"step {root!r} gives no {rest!r}.{near}", _near(near))
                elif root not in roots and root not in waits:
                    near = suggestion(root, (*roots, *gives))
                    yield self._at(where, "TOC-6107", f"there is no {{{reference}}}.{near}", _near(near))

    # --- approval -------------------------------------------------------------------------------------------

    def _approvals(self) -> Iterator[Problem]:
        quorum: dict[str, int] = {}
        for step, path in self._placed():
            for number, name in enumerate(step.approve.of if step.approve else ()):
                assert step.approve is not None
                where = (*path, "approve", "of", number)
                if name in quorum:
                    yield self._at(where, "TOC-6106", f"{name!r} is approved twice.")
                quorum[name] = step.approve.quorum
                yield from self._after_approval(step.id, name, where)
        for step, path in self._placed():
            if step.do is None or step.do not in self.verbs:
                continue
            verb = self.verbs.get(step.do)
            if verb.act_class == "act_unless_vetoed" and (verb.outward or not verb.reversible):
                yield self._at(
                    (*path, "do"), "TOC-6106", f"{verb.name} may not wait for a veto: it is outward or irreversible."
                )
            elif verb.act_class not in FREE and step.id not in quorum:
                yield self._at(
                    (*path, "do"),
                    "TOC-6106",
                    f"{verb.name} ({verb.act_class}) needs an approve step that names {step.id!r}.",
                )
            elif verb.act_class == "two_person" and quorum[step.id] < 2:
                yield self._at(
                    (*path, "do"),
                    "TOC-6106",
                    f"{verb.name} needs two persons: write quorum: 2 where {step.id!r} is approved.",
                )

    def _after_approval(self, approve: str, name: str, where: Path_) -> Iterator[Problem]:
        top = next(
            (one.id for one in self.playbook.steps if one.id == name or name in [p.id for p in one.parallel or ()]), ""
        )
        if approve in self.top and top and self.top.index(top) < self.top.index(approve):
            yield self._at(where, "TOC-6106", f"{name!r} stands before its approval.")

    # --- flow -----------------------------------------------------------------------------------------------

    def _flow(self) -> Iterator[Problem]:
        graph = {step.id: self._leads_to(step) for step in self.playbook.steps}
        reached, todo = set[str](), [self.top[0]]
        while todo:
            here = todo.pop()
            if here not in reached:
                reached.add(here)
                todo += [one for one in graph[here] if one in graph]
        for step in self.playbook.steps:
            if step.id not in reached:
                yield self._at((*self.paths[step.id], "id"), "TOC-6105", f"no step leads to {step.id!r}.")
        for step in self.playbook.steps:
            if self._comes_back_without_pause(step.id, graph):
                yield self._at((*self.paths[step.id], "id"), "TOC-6105",
                               f"{step.id!r} leads back to itself without a wait or an approval.")  # fmt: skip

    def _leads_to(self, step: Step) -> set[str]:
        follows = self.playbook.following(step.id)
        found = {follows} if step.choose is None else {case.then for case in step.choose} | {step.otherwise or follows}
        found |= {target for target in (step.on_failure, step.on_timeout) if target in self.top}
        if "continue" in (step.on_failure, step.on_timeout):
            found.add(follows)
        if step.approve is not None and step.approve.on_reject in self.top:
            found.add(step.approve.on_reject)
        return found

    def _comes_back_without_pause(self, start: str, graph: dict[str, set[str]]) -> bool:
        pauses = {step.id for step in self.playbook.steps if step.wait is not None or step.approve is not None}
        if start in pauses:
            return False
        seen, todo = set[str](), [one for one in graph[start] if one not in pauses]
        while todo:
            here = todo.pop()
            if here == start:
                return True
            if here in graph and here not in seen:
                seen.add(here)
                todo += [one for one in graph[here] if one not in pauses]
        return False


_LATER: Any = object()


def _filled(value: Any, known: dict[str, Any]) -> Any:
    """The argument with variables put in; ``_LATER`` where it hangs on what only a run knows."""
    references = list(references_in(value))
    if any(one not in known for one in references):
        if isinstance(value, (list, dict)) or is_whole(value):
            return _LATER
        return "text"
    if isinstance(value, str) and is_whole(value):
        return known[references[0]]
    if isinstance(value, list):
        found: list[Any] = []
        for item in value:
            one = _filled(item, known)
            found.extend(one) if isinstance(item, str) and is_whole(item) and isinstance(one, list) else found.append(
                one
            )
        return found
    return value


def _annotated(annotation: Any, constraint: Any) -> Any:
    from typing import Annotated

    return Annotated[annotation, constraint]


def _near(words: str) -> str:
    match = re.search(r"Did you mean '([^']+)'", words)
    return match.group(1) if match else ""


def _step_paths(playbook: Playbook) -> Iterator[tuple[str, Path_]]:
    for step, path in _all_paths(playbook):
        yield step.id, path


def _all_paths(playbook: Playbook) -> Iterator[tuple[Step, Path_]]:
    for index, step in enumerate(playbook.steps):
        yield step, ("steps", index)
        for inner, one in enumerate(step.parallel or ()):
            yield one, ("steps", index, "parallel", inner)
