"""Runs openstacksdk, the Huawei Cloud SDK and ecsctl on the rows of official_clients.json and compares what each does.

usage: credentials.py ROWS ECSCTL

A login goes to a recording server on 127.0.0.1; nothing leaves this machine. Ends with 1 where a tool does otherwise than its row
says, or where ecsctl does otherwise than the tool without an error, a warning or a note of the row.
"""
import collections
import contextlib
import hashlib
import http.server
import importlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import warnings

CHECKED = ("account", "project", "region", "domain", "ecs")
REGIONS = ("eu-de", "eu-nl", "lab-1")


class Recorder(http.server.BaseHTTPRequestHandler):
    """A keystone that lets everybody in, and remembers the logins."""

    protocol_version = "HTTP/1.1"
    logins = []

    def reply(self, status, body, **headers):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    @property
    def base(self):
        return "http://127.0.0.1:%d" % self.server.server_address[1]

    def do_GET(self):
        path, _, query = self.path.partition("?")
        if path.rstrip("/") in ("", "/v3"):
            version = {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": self.base + "/v3/"}]}
            body = {"version": version} if path.startswith("/v3") else {"versions": {"values": [version]}}
            return self.reply(200 if path.startswith("/v3") else 300, body)
        if path == "/v3/projects":
            name = dict(urllib.parse.parse_qsl(query)).get("name", "")
            return self.reply(200, {"projects": [{"id": id_of(name), "name": name}]})
        self.reply(404, {"error": {"code": 404, "message": "nothing here"}})

    def do_POST(self):
        text = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path != "/v3/auth/tokens":
            return self.reply(404, {"error": {"code": 404, "message": "nothing here"}})
        body = json.loads(text)
        Recorder.logins.append(body["auth"])
        login = read_login(body["auth"])
        scope = body["auth"].get("scope")
        scope = scope if isinstance(scope, dict) else {}
        project = scope.get("project")
        token = {
            "methods": body["auth"]["identity"]["methods"],
            "issued_at": "2026-11-30T00:00:00.000000Z",
            "expires_at": "2036-11-30T00:00:00.000000Z",
            "user": {"id": "u", "name": login.get("account", "nobody"), "domain": {"id": "d", "name": login.get("domain", "d")}},
            "roles": [],
            "catalog": [
                {"type": kind, "name": kind, "id": kind, "endpoints": [
                    {"id": r, "interface": "public", "region": r, "region_id": r, "url": self.base + path} for r in REGIONS]}
                for kind, path in (("identity", "/v3"), ("compute", "/v2.1"))
            ],
        }
        if project:
            name = project.get("name")
            ident = project.get("id") or id_of(name)
            token["project"] = {"id": ident, "name": name or ident, "domain": {"id": "d", "name": "d"}}
        self.reply(201, {"token": token}, X_Subject_Token="tok")

    def log_message(self, *_):
        pass


def id_of(name):
    return hashlib.md5(name.encode()).hexdigest()


def read_login(auth):
    """Who logs in, and for which project."""
    used = {}
    identity = auth["identity"]
    for method in ("password", "totp"):
        user = identity.get(method, {}).get("user")
        if user:
            used["account"] = user.get("name") or user.get("id")
            domain = user.get("domain", {})
            used["domain"] = domain.get("name") or domain.get("id")
    if "application_credential" in identity:
        used["account"] = "app:" + str(identity["application_credential"].get("id"))
    scope = auth.get("scope")
    project = scope.get("project") if isinstance(scope, dict) else None
    if project:
        used["project"] = project.get("name") or project.get("id")
    return {name: value for name, value in used.items() if value is not None}


class Place:
    """The files and variables of a row, below a directory of its own."""

    def __init__(self, row, base, root):
        self.root = pathlib.Path(root)
        self.home = self.root / "home/ops"
        self.work = self.root / "work"
        for folder in (self.home, self.work):
            folder.mkdir(parents=True)
        for path, text in row.get("files", {}).items():
            path = self.work / path[2:] if path.startswith("./") else self.root / path.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("@IAM@", base))
            path.chmod(0o600)
        self.variables = {name: self.moved(value, base) for name, value in row.get("environment", {}).items()}

    def moved(self, value, base):
        paths = [str(self.root / part.lstrip("/")) if part.startswith("/") else part for part in value.split(":")]
        return (":".join(paths) if value.startswith("/") else value).replace("@IAM@", base)


def in_a_child(action):
    """The result of an action in a process of its own: modules keep what they have read."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            result = action()
        except BaseException as error:  # whatever a tool ends with
            result = {"refused": type(error).__name__}
        with os.fdopen(write, "w") as pipe:
            json.dump(result, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"refused": "nothing"}


def enter(place):
    for name in list(os.environ):
        if name.startswith(("OS_", "HUAWEI", "HW_", "HC_", "XDG_", "SNAP")) or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(place.variables, no_proxy="127.0.0.1")
    os.chdir(place.work)


def run_openstack(row, place):
    def action():
        enter(place)
        warnings.simplefilter("ignore")
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 2)
        import openstack.config.loader as loader

        importlib.reload(loader)
        options = row.get("options", {})
        config = loader.OpenStackConfig().get_one(
            **{name: value for name, value in (("cloud", options.get("cloud")), ("region_name", options.get("region"))) if value}
        )
        session = config.get_session()
        session.get_token()
        return {"region": config.get_region_name() or None}

    Recorder.logins.clear()
    result = in_a_child(action)
    if "refused" in result or not Recorder.logins:
        return {"refused": result.get("refused", "no login")}
    used = read_login(Recorder.logins[-1])
    if result["region"]:
        used["region"] = result["region"]
    return {"used": used}


def run_huawei(row, place):
    def action():
        enter(place)
        import requests
        from huaweicloudsdkcore.auth.internal import MetadataAccessor
        from huaweicloudsdkcore.auth.provider import CredentialProviderChain
        from huaweicloudsdkecs.v2.region.ecs_region import EcsRegion

        MetadataAccessor._METADATA_ENDPOINT = "http://127.0.0.1:9"
        chain = CredentialProviderChain.get_basic_credential_provider_chain()
        try:
            found = chain.get_credentials()
        except requests.ConnectionError:
            return {"used": {"account": "metadata"}}
        accessor = type(getattr(found, "sts_accessor", None)).__name__
        if accessor == "FederalAccessor":
            return {"used": {"account": "idp"}}
        if accessor == "OidcStsAccessor":
            return {"used": {"account": "oidc"}}
        used = {"account": found.ak}
        if found.project_id:
            used["project"] = found.project_id
        region = row.get("options", {}).get("region") or place.variables.get("HUAWEICLOUD_SDK_REGION_ID")
        if region:
            address = EcsRegion.value_of(region)
            used.update(region=region, ecs=address.endpoint or address.endpoints[0])
        return {"used": used}

    return in_a_child(action)


def ecsctl(row, place, program, base):
    command = [program, "auth", "check", "-o", "json", "--endpoint", base]
    for name, value in row.get("options", {}).items():
        command += ["--" + name, value]
    environment = {
        **place.variables,
        "ECSCTL_METADATA_ENDPOINT": "http://127.0.0.1:9",
        # Nothing leaves this machine.
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
    }
    Recorder.logins.clear()
    ended = subprocess.run(command, env=environment, cwd=place.work, capture_output=True, text=True, timeout=30)
    if not ended.stdout:
        return {"refused": ended.stderr.strip()[:200]}
    found = json.loads(ended.stdout)
    said = found["warnings"]
    if found["finding"] in ("malformed", "no_credentials"):
        return {"refused": found["what"], "said": said}
    used = read_login(Recorder.logins[-1]) if Recorder.logins else {}
    used.setdefault("account", found["user"] or found["access_key"])
    project = (found.get("target") or {}).get("project") or {}
    if found["project_id"]:
        used.setdefault("project", project.get("name") or found["project_id"])
    if found["region"]:
        used["region"] = found["region"]
    return {"used": used, "said": said}


def differing(row, tool):
    """What the tool does otherwise than its row says; only what the row has is compared."""
    if row.get("official_refuses"):
        return [] if "refused" in tool else ["not refused: %s" % tool["used"]]
    recorded = row.get("official_used")
    if not recorded:
        return []
    if "refused" in tool:
        return ["refused: " + tool["refused"]]
    names = [name for name in CHECKED if name in recorded and name in tool["used"]]
    return ["%s is %s, not %s" % (name, tool["used"][name], recorded[name]) for name in names if tool["used"][name] != recorded[name]]


def silent(row, tool, ours):
    """What ecsctl does otherwise than the tool without a word."""
    if "refused" in ours or ours["said"] or "note" in row:
        return []
    if "refused" in tool:
        return ["the tool refuses (%s), and ecsctl uses %s" % (tool["refused"], ours["used"])]
    names = [name for name in ("account", "project", "region") if name in tool["used"] and name in ours["used"]]
    return ["%s is %s, and here %s" % (name, tool["used"][name], ours["used"][name])
            for name in names if tool["used"][name] != ours["used"][name]]


def which(row):
    """The tool that can be run on a row here, on this machine alone."""
    text = json.dumps([row.get("files", {}), row.get("environment", {})])
    if row["tool"].startswith("huaweicloudsdkcore") and not row.get("options", {}).get("operator"):
        return "huawei"
    only_here = "@IAM@" in text and "https://" not in text
    named = row["tool"].startswith(("openstacksdk", "PyYAML"))
    return "openstack" if named and only_here else None


def main(path, program):
    import openstack.config.loader  # noqa: F401  before the children
    import huaweicloudsdkcore.auth.provider  # noqa: F401

    rows = json.loads(pathlib.Path(path).read_text())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = "http://127.0.0.1:%d" % server.server_address[1]
    counts = collections.Counter()
    wrong = []
    for row in rows:
        runner = {"openstack": run_openstack, "huawei": run_huawei}.get(which(row))
        if runner is None:
            counts["not run"] += 1
            continue
        with tempfile.TemporaryDirectory() as root:
            place = Place(row, base, root)
            tool = runner(row, place)
            ours = ecsctl(row, place, program, base)
        same = "used" in tool and "used" in ours and not silent(row, tool, {**ours, "said": []})
        how = "the same" if same else "refused" if "refused" in ours else "with a warning" if ours["said"] else "by a note"
        counts[how] += 1
        problems = ["%s does otherwise than its row says: %s" % (row["tool"], it) for it in differing(row, tool)]
        problems += ["in silence: " + it for it in silent(row, tool, ours)]
        wrong += ["%s (%s): %s" % (row["id"], row["title"], problem) for problem in problems]
        if "-v" in sys.argv:
            print(row["id"], how, tool, {name: ours[name] for name in ours if name != "said"})
    print("%d rows: %s" % (len(rows), ", ".join("%d %s" % (count, how) for how, count in sorted(counts.items()))))
    for line in wrong:
        print("DIFFERENT", line)
    with contextlib.suppress(Exception):
        server.shutdown()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
