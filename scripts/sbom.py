"""Writes sbom.json: the run requirements as CycloneDX, with version, licence and hashes.

Same pins and same licences give the same bytes: no time, serial number, host or path stands in it. Licences
come from the installed metadata; of a package that this machine does not install (another platform's or
another Python's), the licence on record in sbom.json is kept while its version is the same.
"""

from __future__ import annotations

import json
import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
SBOM = ROOT / "sbom.json"
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ \\;]+)(?: ; (?P<marker>[^\\]+?))?(?= \\|$)")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# What metadata says in a way that names exactly one SPDX licence; anything vaguer is quoted as it stands.
SPDX = {
    "MIT": "MIT",
    "MIT License": "MIT",
    "BSD-2-Clause": "BSD-2-Clause",
    "BSD-3-Clause": "BSD-3-Clause",
    "Apache-2.0": "Apache-2.0",
    "Apache License, Version 2.0": "Apache-2.0",
    "ISC License (ISCL)": "ISC",
    "MPL-2.0": "MPL-2.0",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}


def pins(requirements: str) -> list[dict[str, Any]]:
    """Each pin of a requirements file: name, version, marker and hashes, in the file's order."""
    found: list[dict[str, Any]] = []
    for line in requirements.splitlines():
        if start := PIN.match(line):
            found.append({**start.groupdict(), "hashes": []})
        if digest := HASH.search(line):
            found[-1]["hashes"].append(digest.group(1))
    return found


def licence(name: str, version: str) -> list[dict[str, Any]] | None:
    """The CycloneDX licence choice from installed metadata, or None where this version is not installed."""
    try:
        installed = distribution(name)
    except PackageNotFoundError:
        return None
    if installed.version != version:
        return None
    return _stated(installed) or _enclosed(installed)


def _stated(installed: Distribution) -> list[dict[str, Any]]:
    """What the metadata says: an SPDX expression, else the licence field or trove classifiers."""
    meta = installed.metadata
    if "License-Expression" in meta:
        return [{"expression": meta["License-Expression"]}]
    field = meta["License"].strip().splitlines()[:1] if "License" in meta else []
    troves = [
        line.rsplit(" :: ", 1)[1]
        for line in meta.get_all("Classifier") or []
        if line.startswith("License :: ") and line != "License :: OSI Approved"
    ]
    for name in field + sorted(troves):
        if name in SPDX:
            return [{"license": {"id": SPDX[name]}}]
    return [{"license": {"name": name[:80]}} for name in sorted(troves) or field]


def _enclosed(installed: Distribution) -> list[dict[str, Any]]:
    """What a bill of materials inside the wheel says of the wheel itself (PEP 770)."""
    for path in installed.files or []:
        if path.parent.name == "sboms" and path.name.endswith(".cyclonedx.json"):
            subject = json.loads(path.read_text(encoding="utf-8"))["metadata"]["component"]
            if subject["name"].replace("_", "-") == installed.name.replace("_", "-"):
                licences: list[dict[str, Any]] = subject.get("licenses", [])
                return licences
    return []


def component(pin: dict[str, Any], recorded: dict[str, Any]) -> dict[str, Any]:
    """One CycloneDX component; ``recorded`` is the former one of the same name and version, or empty."""
    name, version = pin["name"], pin["version"]
    purl = f"pkg:pypi/{name}@{version}"
    licences = licence(name, version)
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": recorded.get("licenses", []) if licences is None else licences,
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in sorted(pin["hashes"])],
        "properties": [{"name": "tocsin:marker", "value": pin["marker"]}] if pin["marker"] else [],
    }


def sbom(requirements: str, former: dict[str, Any]) -> dict[str, Any]:
    """The whole bill of materials of a requirements file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recorded = {entry["bom-ref"]: entry for entry in former.get("components", [])}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": "tocsin",
                "name": project["name"],
                "version": project["version"],
                "licenses": [{"expression": project["license"]}],
            }
        },
        "components": [
            component(pin, recorded.get(f"pkg:pypi/{pin['name']}@{pin['version']}", {}))
            for pin in sorted(pins(requirements), key=lambda pin: (pin["name"], pin["version"]))
        ],
    }


def render() -> str:
    """The file's text as it should stand now."""
    former = json.loads(SBOM.read_text(encoding="utf-8")) if SBOM.exists() else {}
    bom = sbom((ROOT / "requirements.txt").read_text(encoding="utf-8"), former)
    return json.dumps(bom, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


if __name__ == "__main__":
    SBOM.write_text(render(), encoding="utf-8")
