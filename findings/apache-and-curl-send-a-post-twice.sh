#!/usr/bin/env bash
# Apache httpd as a gateway hides a lost answer, and curl then sends the POST a second time, without --retry.
#
# Where: Apache httpd 2.4.71 (Debian 12, apache2-bin), `ProxyPass`, all else default; curl 7.88.1 (Debian 12). libcurl 8.23.0
#   (pycurl 7.49.0) also resends a POST whose kept connection closes without an answer (seen without Apache).
# Behaviour: the server behind Apache reads a POST and closes without an answer. On the first request of a client's connection
#   Apache answers 502. On a later request of a kept connection it answers nothing: it closes the connection. curl takes that
#   for a kept connection that had expired before the request, and sends the POST again on a new one. The result is a plain 200.
#   With `KeepAlive Off` in Apache the client gets 502, and the server reads one POST.
# Expected: a 502 in both cases, as for every other request whose answer is lost. Each program relies on the other: Apache closes
#   so that a client can repeat what is safe to repeat, curl repeats as nobody seems to have read the request.
# Why it matters: `curl -d … URL1 --next -d … URL2`, a config file of curl, and programs on libcurl with one handle reuse the
#   connection. A loop that restarts servers through such a gateway restarts a server twice, and reports one success.
#
# Prints what it saw. Exits with 0 if the behaviour is unchanged, 1 if it changed, 2 if it cannot be tested. Installs nothing:
# the packages are unpacked into a temporary folder.
set -euo pipefail

folder=$(mktemp -d)
apache_id= server_id=
finish() {
    [ -z "$apache_id" ] || kill "$apache_id" 2> /dev/null || true
    [ -z "$server_id" ] || kill "$server_id" 2> /dev/null || true
    wait 2> /dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
cd "$folder"
chmod 755 .

get() { # package, version: that version, or the one that Debian has now
    apt-get download -q "$1=$2" > /dev/null 2>&1 || apt-get download -q "$1" > /dev/null 2>&1 ||
        { echo "cannot download the package $1" >&2; exit 2; }
    dpkg -x "$1"_*.deb package
}
get apache2-bin 2.4.71-1~deb12u1
get libapr1 1.7.2-3+deb12u1
get libaprutil1 1.6.3-1+deb12u1
get curl 7.88.1-10+deb12u15
get libcurl4 7.88.1-10+deb12u15
export LD_LIBRARY_PATH=$folder/package/usr/lib/x86_64-linux-gnu
apache=$folder/package/usr/sbin/apache2 curl=$folder/package/usr/bin/curl
"$apache" -v | head -n 1
"$curl" --version | head -n 1 | cut -d ' ' -f 1-4

cat > server.py <<'PYTHON'
"""Answers POSTs and writes each down. The first POST of a path that begins with /lost is read whole, and not answered."""
import http.server, sys

seen = {}


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        seen[self.path] = seen.get(self.path, 0) + 1
        print(self.path, flush=True)
        if self.path.startswith("/lost") and seen[self.path] == 1:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
print(server.server_address[1], flush=True)
server.serve_forever()
PYTHON
python3 server.py > posts &
server_id=$!
for _ in $(seq 100); do [ -s posts ] && break; sleep 0.1; done
upstream=$(head -n 1 posts)
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
kept=$(free_port) off=$(free_port)

{
    for module in mpm_event authz_core proxy proxy_http; do
        echo "LoadModule ${module}_module $folder/package/usr/lib/apache2/modules/mod_$module.so"
    done
    cat <<CONF
ServerName gateway.example
User nobody
Group nogroup
PidFile $folder/pid
DefaultRuntimeDir $folder
ErrorLog $folder/errors
Listen 127.0.0.1:$kept
Listen 127.0.0.1:$off
ProxyPass / http://127.0.0.1:$upstream/
<VirtualHost 127.0.0.1:$off>
    KeepAlive Off
</VirtualHost>
CONF
} > apache.conf
"$apache" -f "$folder/apache.conf" -DFOREGROUND > output 2>&1 &
apache_id=$!
up=
for _ in $(seq 100); do
    if "$curl" --noproxy '*' -s -o answer -d '{}' "http://127.0.0.1:$kept/up"; then up=1; break; fi
    sleep 0.1
done
[ -n "$up" ] || { cat output errors >&2; echo "Apache does not start" >&2; exit 2; }

wrong=0
check() { # port, paths, expected codes, expected number of POSTs of the last path, description
    local urls=() path codes posts
    for path in $2; do urls+=(-o answer "http://127.0.0.1:$1$path"); done
    codes=$("$curl" --noproxy '*' -s -w '%{http_code} ' -d '{}' "${urls[@]}" || true)
    posts=$(grep -c "^${2##* }$" posts || true)
    echo "$5: curl got ${codes% }; the server read the last POST $posts time(s)"
    [ "$codes$posts" = "$3 $4" ] || wrong=1
}
check "$kept" "/lost-a" "502" 1 "first request of a connection"
check "$kept" "/before /lost-b" "200 200" 2 "second request of a kept connection"
check "$off" "/before /lost-c" "200 502" 1 "second request, KeepAlive Off in Apache"

if [ "$wrong" = 0 ]; then
    echo "unchanged: Apache gave no answer on a kept connection, and curl sent the POST twice"
else
    echo "changed"
    exit 1
fi
