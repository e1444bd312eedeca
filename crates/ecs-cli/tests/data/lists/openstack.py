#!/usr/bin/env python3
"""Writes openstack-*.{value,csv,json,yaml}: what the real `openstack` prints for three servers, in every format.

usage: openstack.py OPENSTACK FOLDER     (OPENSTACK: the program of python-openstackclient)

Serves the few compute and image requests that `openstack server list` and `server show` send, on a free port of
127.0.0.1, and runs the program against it. Nothing else is sent anywhere. openstack.sh installs the program and runs this.
"""

import http.server
import json
import subprocess
import sys
import threading

PROJECT = "5dd3c0b24cdc4d31952c49589182a89d"
USER = "bb7f23e27e7e46f3aaceb5f53a158bdc"
IMAGE = "1ce5800a-e487-4c1b-b264-3353a39e2b4b"
NETWORK = "164489f6-cbf7-45b4-b6d0-d407c48cf7fc"
SERVERS = [
    ("616fb98f-46ca-475e-917e-2563e5a8cd19", "web-1", "ACTIVE"),
    ("726fb98f-46ca-475e-917e-2563e5a8cd20", "web, \"two\"", "SHUTOFF"),
    ("836fb98f-46ca-475e-917e-2563e5a8cd21", "db-1", "ACTIVE"),
]


def server(id, name, status):
    return {
        "id": id, "name": name, "status": status, "tenant_id": PROJECT, "user_id": USER,
        "created": "2026-01-05T13:46:09Z", "updated": "2026-02-14T07:26:49Z", "hostId": "f9" * 28,
        "addresses": {NETWORK: [{"version": 4, "addr": "192.168.0.7", "OS-EXT-IPS:type": "fixed",
                                 "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:bb:b3:fe"}]},
        "flavor": {"id": "s3.large.2", "links": []}, "image": {"id": IMAGE, "links": []}, "links": [],
        "key_name": None, "accessIPv4": "", "accessIPv6": "", "config_drive": "", "metadata": {"os_type": "Linux"},
        "security_groups": [{"name": "default"}], "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "eu-de-01", "OS-EXT-STS:power_state": 1, "OS-EXT-STS:task_state": None,
        "OS-EXT-STS:vm_state": "active" if status == "ACTIVE" else "stopped",
        "OS-SRV-USG:launched_at": "2026-01-05T13:46:46.000000", "OS-SRV-USG:terminated_at": None,
        "os-extended-volumes:volumes_attached": [],
    }


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        base = f"http://127.0.0.1:{self.server.server_address[1]}"
        urls = {"identity": base + "/v3", "compute": base + "/v2.1", "image": base}
        catalog = [{"type": kind, "name": kind, "id": kind, "endpoints": [
            {"id": kind, "interface": "public", "region": "r", "region_id": "r", "url": url}]} for kind, url in urls.items()]
        domain = {"id": "d", "name": "d"}
        token = {"methods": ["password"], "user": {"id": USER, "name": "u", "domain": domain}, "catalog": catalog,
                 "project": {"id": PROJECT, "name": "p", "domain": domain}, "roles": [],
                 "issued_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2099-01-01T00:00:00.000000Z"}
        self.answer(201, {"token": token})

    def do_GET(self):
        path = self.path.split("?")[0].rstrip("/")
        base = f"http://127.0.0.1:{self.server.server_address[1]}"
        links = [{"rel": "self", "href": base + "/v2.1/"}]
        version = {"id": "v2.1", "status": "CURRENT", "version": "2.1", "min_version": "2.1", "links": links}
        servers = [server(*row) for row in SERVERS]
        found = None
        if path == "/v2.1":
            found = {"version": version}
        elif path == "/v3":
            found = {"version": {"id": "v3.14", "status": "stable", "links": [{"rel": "self", "href": base + "/v3/"}]}}
        elif path == "":
            found = {"versions": [version]}
        elif path.endswith("/servers/detail"):
            found = {"servers": [] if "marker=" in self.path else servers}
        elif path.endswith("/servers"):
            found = {"servers": [one for one in servers if f"name={one['name']}" in self.path]}
        elif "/servers/" in path:
            of = [one for one in servers if path.endswith(one["id"])]
            found = {"server": of[0]} if of else None
        elif path.endswith("/images") or path.endswith("/images/detail"):
            found = {"images": [{"id": IMAGE, "name": "Standard_Debian_12_latest"}]}
        elif "/images/" in path:
            found = {"id": IMAGE, "name": "Standard_Debian_12_latest"}
        elif path.endswith("/flavors/detail") or path.endswith("/flavors"):
            found = {"flavors": [{"id": "s3.large.2", "name": "s3.large.2", "vcpus": 2, "ram": 4096, "disk": 0}]}
        elif "/os-extra_specs" in path:
            found = {"extra_specs": {}}
        elif "/flavors/" in path:
            found = {"flavor": {"id": "s3.large.2", "name": "s3.large.2", "vcpus": 2, "ram": 4096, "disk": 0}}
        elif "os-volume_attachments" in path:
            found = {"volumeAttachments": []}
        if found is not None:
            self.answer(200, found)
        else:
            self.answer(404, {"itemNotFound": {"code": 404, "message": path}})

    def answer(self, status, found):
        body = json.dumps(found).encode()
        self.send_response(status)
        self.send_header("X-Subject-Token", "t")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        if "-v" in sys.argv:
            sys.stderr.write(self.path + "\n")


def main():
    openstack, folder = sys.argv[1], sys.argv[2]
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    account = ["--os-auth-url", f"http://127.0.0.1:{httpd.server_address[1]}/v3", "--os-username", "u",
               "--os-password", "p", "--os-user-domain-name", "d", "--os-project-id", PROJECT]
    commands = {f"list.{form}": ["server", "list", "-f", form] for form in ["value", "csv", "json", "yaml", "table"]}
    commands |= {f"show.{form}": ["server", "show", SERVERS[0][0], "-f", form]
                 for form in ["value", "json", "yaml", "shell"]}
    commands["list-ids.value"] = ["server", "list", "-f", "value", "-c", "ID"]
    commands["list-names-first.value"] = ["server", "list", "-f", "value", "-c", "Name", "-c", "ID"]
    commands["list-ids.csv"] = ["server", "list", "-f", "csv", "-c", "ID", "--quote", "all"]
    commands["list-names.csv"] = ["server", "list", "-f", "csv", "-c", "Name", "--quote", "minimal"]
    running = {name: subprocess.Popen([openstack, *account, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
               for name, arguments in commands.items()}
    for name, process in running.items():
        out, err = process.communicate()
        if process.returncode != 0:
            sys.exit(f"{name}: {err.decode()}")
        with open(f"{folder}/openstack-{name}", "wb") as file:
            file.write(out)


main()
