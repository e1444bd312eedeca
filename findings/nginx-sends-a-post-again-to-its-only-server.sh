#!/usr/bin/env bash
# nginx sends a POST a second time to its ONLY upstream server, if `non_idempotent` is allowed.
#
# Where: nginx 1.22.1 (Debian 12, package nginx), `proxy_next_upstream error timeout non_idempotent` with
#   `upstream { server ONE; keepalive 1; }`.
# Behaviour: the server reads a whole POST on a kept connection and closes without an answer. nginx sends the POST again, to the
#   same server, on a new connection. The client gets 200 and cannot see that the POST was executed twice.
# Expected: the directive concerns "the next server". With one server there is none, so the answer is a 502. nginx answers
#   502 without `non_idempotent`, and also with it on a connection that was not kept.
# Why it matters: operators add `non_idempotent` to single-server upstreams as harmless. In front of an API whose POSTs restart
#   servers it restarts them twice. Only the server's own records show it.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested. Installs nothing:
# the package is unpacked into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
nginx_id= server_id=
finish() {
    [ -z "$nginx_id" ] || kill "$nginx_id" 2> /dev/null || true
    [ -z "$server_id" ] || kill "$server_id" 2> /dev/null || true
    wait 2> /dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
chmod 755 .

apt-get download -q nginx=1.22.1-9+deb12u11 > /dev/null 2>&1 || apt-get download -q nginx > /dev/null 2>&1 ||
    { echo "cannot download the package" >&2; exit 2; }
dpkg -x nginx_*.deb package
nginx=$folder/package/usr/sbin/nginx
"$nginx" -v 2>&1

cat > server.py <<'PYTHON'
"""Reads POSTs and writes each down. The first POST of a path is read whole, and the connection closed; all else is answered."""
import socketserver, sys

seen = {}

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        on_this = 0
        while True:
            line = self.rfile.readline().decode()
            if not line:
                return
            method, path, _ = line.split()
            length = 0
            while (header := self.rfile.readline().decode().strip()):
                name, value = header.split(":", 1)
                if name.lower() == "content-length":
                    length = int(value)
            self.rfile.read(length)
            on_this += 1
            if method == "POST":
                seen[path] = seen.get(path, 0) + 1
                print(path, seen[path], "kept" if on_this > 1 else "fresh", flush=True)
                if seen[path] == 1:
                    return
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

server = Server(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
python3 server.py > posts &
server_id=$!
for _ in $(seq 100); do [ -s posts ] && break; sleep 0.1; done
upstream=$(head -n 1 posts)
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat > nginx.conf <<CONF
daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit;
events {}
http {
    access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    upstream one { server 127.0.0.1:$upstream; keepalive 1; }
    server {
        listen 127.0.0.1:$port;
        proxy_http_version 1.1; proxy_set_header Connection "";
        location /default/ { proxy_pass http://one; }
        location /non_idempotent/ { proxy_pass http://one; proxy_next_upstream error timeout non_idempotent; }
        location /fresh/ { proxy_pass http://127.0.0.1:$upstream; proxy_next_upstream error timeout non_idempotent; }
    }
}
CONF
"$nginx" -p "$folder" -c nginx.conf -e stderr &
nginx_id=$!

# One connection to nginx per request; the GET leaves a kept connection to the server behind.
attempt() {
    python3 - "$port" "$1" <<'PYTHON'
import http.client, sys, time
port, path = int(sys.argv[1]), sys.argv[2]
def ask(method, path, body=None):
    for _ in range(50):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request(method, path, body)
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
ask("GET", path)
print(ask("POST", path, b"{}"))
PYTHON
}
read_of() { grep -c "^$1 " posts || true; }

wrong=0
check() { # path, status and number of POSTs that were observed, in words
    status=$(attempt "$1")
    posts=$(read_of "$1")
    echo "$4: the client got $status, the server read the POST $posts time(s)"
    [ "$status $posts" = "$2 $3" ] || wrong=1
}
check /default/a 502 1 "default, kept connection"
check /fresh/a 502 1 "non_idempotent, fresh connection"
check /non_idempotent/a 200 2 "non_idempotent, kept connection, one server"
grep "^/non_idempotent/" posts

if [ "$wrong" = 0 ]; then
    echo "unchanged: nginx sent the POST twice to its only server"
else
    echo "changed"
    exit 1
fi
