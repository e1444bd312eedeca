//! Answers of gateways in place of the service's.

/// An answer that a gateway generates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The gateway and its setting.
    pub name: &'static str,
    /// Status code and reason.
    pub status: &'static str,
    /// Complete header lines, without `Content-Length`.
    pub headers: &'static str,
    /// The body.
    pub body: &'static str,
}

const HTML: &str = "Content-Type: text/html\r\n";
const NGINX: &str = "Server: nginx/1.22.1\r\nContent-Type: text/html\r\n";
const HAPROXY: &str = "cache-control: no-cache\r\ncontent-type: text/html\r\n";
const SQUID: &str = "Server: squid/5.7\r\nMime-Version: 1.0\r\nContent-Type: text/html;charset=utf-8\r\n\
                     X-Squid-Error: ERR_ACCESS_DENIED 0\r\nX-Cache: MISS from gate\r\nVia: 1.1 gate (squid/5.7)\r\n";

/// Pages of real gateways, as observed on Debian 12 (nginx 1.22.1, HAProxy 2.6.12, Squid 5.7,
/// ModSecurity 3), and bare ones of the same statuses. Each was observed, or can be configured,
/// **after** the service had executed the request: by rules about answers, error pages, limits of
/// size or time.
pub const PAGES: [Page; 20] = [
    page(
        "HAProxy http-response deny 429",
        "429 Too Many Requests",
        HAPROXY,
        "<html><body><h1>429 Too Many Requests</h1>\nYou have sent too many requests in a given amount of time.\n</body></html>\n",
    ),
    page(
        "HAProxy http-response deny 403",
        "403 Forbidden",
        HAPROXY,
        "<html><body><h1>403 Forbidden</h1>\nRequest forbidden by administrative rules.\n</body></html>\n",
    ),
    page(
        "HAProxy http-response return 404, JSON",
        "404 Not Found",
        "content-type: application/json\r\n",
        "{}",
    ),
    page(
        "HAProxy 502",
        "502 Bad Gateway",
        HAPROXY,
        "<html><body><h1>502 Bad Gateway</h1>\nThe server returned an invalid or incomplete response.\n</body></html>\n",
    ),
    page(
        "HAProxy 503",
        "503 Service Unavailable",
        HAPROXY,
        "<html><body><h1>503 Service Unavailable</h1>\nNo server is available to handle this request.\n</body></html>\n",
    ),
    page(
        "HAProxy 504",
        "504 Gateway Time-out",
        HAPROXY,
        "<html><body><h1>504 Gateway Time-out</h1>\nThe server didn't respond in time.\n</body></html>\n",
    ),
    page(
        "Squid http_reply_access deny",
        "403 Forbidden",
        SQUID,
        "<html><head><title>ERROR: The requested URL could not be retrieved</title></head><body>Access Denied.</body></html>",
    ),
    page(
        "Squid deny_info 429",
        "429 Too Many Requests",
        SQUID,
        "<html><head><title>ERROR: The requested URL could not be retrieved</title></head></html>",
    ),
    page(
        "Squid deny_info 401",
        "401 Unauthorized",
        SQUID,
        "<html><head><title>ERROR: Cache Access Denied.</title></head></html>",
    ),
    page(
        "ModSecurity phase 3, 429",
        "429 Too Many Requests",
        NGINX,
        "<html>\r\n<head><title>429 Too Many Requests</title></head>\r\n<body></body></html>\r\n",
    ),
    page(
        "ModSecurity phase 3, 403",
        "403 Forbidden",
        NGINX,
        "<html>\r\n<head><title>403 Forbidden</title></head>\r\n<body></body></html>\r\n",
    ),
    page(
        "nginx error_page 502 =404",
        "404 Not Found",
        NGINX,
        "<html>\r\n<head><title>404 Not Found</title></head>\r\n<body></body></html>\r\n",
    ),
    page(
        "nginx error_page 502 =401",
        "401 Unauthorized",
        NGINX,
        "<html>\r\n<head><title>401 Authorization Required</title></head></html>",
    ),
    page(
        "nginx error_page 502 =413",
        "413 Request Entity Too Large",
        NGINX,
        "<html>\r\n<head><title>413 Request Entity Too Large</title></head></html>",
    ),
    page(
        "nginx 502",
        "502 Bad Gateway",
        NGINX,
        "<html>\r\n<head><title>502 Bad Gateway</title></head></html>",
    ),
    page(
        "nginx 504",
        "504 Gateway Time-out",
        NGINX,
        "<html>\r\n<head><title>504 Gateway Time-out</title></head></html>",
    ),
    page("429 without a body", "429 Too Many Requests", "", ""),
    page(
        "400 with {}",
        "400 Bad Request",
        "Content-Type: application/json\r\n",
        "{}",
    ),
    page("409, a page", "409 Conflict", HTML, "<html>conflict</html>"),
    page(
        "429 with {} and Retry-After",
        "429 Too Many Requests",
        "Content-Type: application/json\r\nRetry-After: 1\r\n",
        "{}",
    ),
];

const fn page(
    name: &'static str,
    status: &'static str,
    headers: &'static str,
    body: &'static str,
) -> Page {
    Page {
        name,
        status,
        headers,
        body,
    }
}

impl Page {
    /// Returns its bytes, for a connection that is closed afterwards.
    pub fn bytes(&self) -> Vec<u8> {
        format!(
            "HTTP/1.1 {}\r\n{}Content-Length: {}\r\nConnection: close\r\n\r\n{}",
            self.status,
            self.headers,
            self.body.len(),
            self.body
        )
        .into_bytes()
    }
}
