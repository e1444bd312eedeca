#!/usr/bin/env bash
# nginx sends a POST to a second server through `error_page … = @named`, although `proxy_next_upstream` protects POSTs.
#
# Where: nginx 1.22.1 (Debian 12, package nginx), `error_page 502 504 = @standby` with a `proxy_pass` in that location, and the
#   default `proxy_next_upstream error timeout`.
# Behaviour: the first server reads a whole POST and closes without an answer. nginx counts that as a 502, goes to the named
#   location and sends the same POST, with its body, to the standby. The client gets the standby's 200. The same happens on
#   `proxy_read_timeout` (504). An `error_page` that names a URI instead of a location keeps the body and makes a GET of the
#   POST: the client gets 502 with the standby's answer to that GET as its body.
# Expected: a 502, as with `upstream { server A; server B backup; }`, where nginx passes on a POST only if `non_idempotent` allows
#   it. The two are taken for two ways to write the same fallback; only one of them knows what a POST is.
# Why it matters: a POST that restarts servers is executed by both gateways of a region, and the client sees one success. No
#   `non_idempotent` is in the configuration for a reviewer to find.
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

cat > servers.py <<'PYTHON'
"""Two servers that print each request: `first` reads it and closes, or stays silent under /slow; `standby` answers."""
import http.server, threading, time


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        print(self.server.name, self.command, self.path, body, flush=True)
        if self.server.name == "first":
            if self.path.startswith("/slow"):
                time.sleep(4)
            self.close_connection = True
            return
        answer = b"from the standby"
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST

    def log_message(self, *_):
        pass


servers = []
for name in ("first", "standby"):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    server.name = name
    threading.Thread(target=server.serve_forever).start()
    servers.append(server)
print(*(server.server_address[1] for server in servers), flush=True)
PYTHON
python3 servers.py > requests &
server_id=$!
for _ in $(seq 100); do [ -s requests ] && break; sleep 0.1; done
read -r first standby < requests
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')

cat > nginx.conf <<CONF
daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit;
events {}
http {
    access_log off; client_body_temp_path b; proxy_temp_path p; fastcgi_temp_path f; uwsgi_temp_path u; scgi_temp_path s;
    proxy_read_timeout 1s;
    upstream both { server 127.0.0.1:$first; server 127.0.0.1:$standby backup; }
    server {
        listen 127.0.0.1:$port;
        location /upstream/ { proxy_pass http://both; }
        location /named/ { proxy_pass http://127.0.0.1:$first; error_page 502 504 = @standby; }
        location /slow/ { proxy_pass http://127.0.0.1:$first; error_page 502 504 = @standby; }
        location /uri/ { proxy_pass http://127.0.0.1:$first; error_page 502 504 /standby; }
        location @standby { proxy_pass http://127.0.0.1:$standby; }
        location = /standby { proxy_pass http://127.0.0.1:$standby; }
    }
}
CONF
"$nginx" -p "$folder" -c nginx.conf -e stderr &
nginx_id=$!

attempt() {
    python3 - "$port" "$1" <<'PYTHON'
import http.client, sys, time
port, path = int(sys.argv[1]), sys.argv[2]
for _ in range(50):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", path, b"{reboot}")
        answer = connection.getresponse()
        body = answer.read().decode()
        print(answer.status, body if body.startswith("from") else "(page of nginx)")
        break
    except ConnectionRefusedError:
        time.sleep(0.1)
PYTHON
}

wrong=0
check() { # path, answer, requests of the two servers, description
    local before answer read
    before=$(wc -l < requests)
    answer=$(attempt "$1")
    read=$(tail -n "+$((before + 1))" requests | paste -sd ';')
    echo "$4: the client got $answer; read: $read"
    [ "$answer|$read" = "$2|$3" ] || wrong=1
}
check /upstream/a "502 (page of nginx)" "first POST /upstream/a {reboot}" "upstream with a backup"
check /named/a "200 from the standby" "first POST /named/a {reboot};standby POST /named/a {reboot}" "error_page, named location, connection closed"
check /slow/a "200 from the standby" "first POST /slow/a {reboot};standby POST /slow/a {reboot}" "error_page, named location, timeout"
check /uri/a "502 from the standby" "first POST /uri/a {reboot};standby GET /standby {reboot}" "error_page, URI"

if [ "$wrong" = 0 ]; then
    echo "unchanged: error_page sent the POST to a second server, the backup of an upstream did not get it"
else
    echo "changed"
    exit 1
fi
