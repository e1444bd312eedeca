//! The main job over a transport written by hand: one connection for each exchange, on a plain TCP
//! socket.
//!
//! `cargo run -p ecs-ops --example own_transport` runs it against the simulator's HTTP server. What
//! matters is the order: `hold` first, `set` just before the first byte can leave, and `NotSent`
//! only where that is certain. Then everything above decides right, also when this future is
//! dropped half-way.

#![allow(clippy::print_stdout, reason = "what an example has to say")]

use bytes::Bytes;
use ecs_ops::auth::{Credentials, StaticCredentials};
use ecs_ops::model::RebootType;
use ecs_ops::transport::{
    Attempt, BoxFuture, Delivery, Transport, TransportError, TransportErrorKind,
};
use ecs_ops::{Client, Event};
use ecs_sim::{Region, Server, SimServer};
use http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[derive(Debug)]
struct PlainTcp;

impl Transport for PlainTcp {
    fn send<'a>(
        &'a self,
        request: Request<Bytes>,
        attempt: &'a Attempt,
    ) -> BoxFuture<'a, Result<Response<Bytes>, TransportError>> {
        Box::pin(async move {
            attempt.mark().hold();
            let not_sent = |error| {
                TransportError::new(TransportErrorKind::Connect, Delivery::NotSent)
                    .with_source(error)
            };
            let authority = request
                .uri()
                .authority()
                .map_or("", |authority| authority.as_str());
            let mut stream = TcpStream::connect(authority).await.map_err(not_sent)?;

            attempt.mark().set();
            let bytes = to_wire(&request, authority);
            stream
                .write_all(&bytes)
                .await
                .map_err(TransportError::unknown)?;
            let mut answer = Vec::new();
            stream
                .read_to_end(&mut answer)
                .await
                .map_err(TransportError::unknown)?;
            from_wire(&answer).ok_or_else(|| {
                TransportError::new(TransportErrorKind::BodyCut, Delivery::MaybeSent)
            })
        })
    }
}

fn to_wire(request: &Request<Bytes>, authority: &str) -> Vec<u8> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str());
    let mut bytes = format!(
        "{} {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n",
        request.method()
    )
    .into_bytes();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend(format!("content-length: {}\r\n\r\n", request.body().len()).into_bytes());
    bytes.extend(request.body());
    bytes
}

/// `None` unless the response is whole.
fn from_wire(bytes: &[u8]) -> Option<Response<Bytes>> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
    let mut lines = head.split("\r\n");
    let status: StatusCode = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let mut response = Response::new(Bytes::copy_from_slice(body));
    *response.status_mut() = status;
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::try_from(name.trim()).ok()?;
        response
            .headers_mut()
            .append(name, HeaderValue::try_from(value.trim()).ok()?);
    }
    let length = response.headers().get("content-length")?.to_str().ok()?;
    (length.parse() == Ok(body.len())).then_some(response)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    const SPEED: u32 = 60;
    let region = Region::builder().servers(30).build()?;
    let project = region.identity().project_id.clone();
    let token = Credentials::token(region.identity().token.expose_secret())?;
    let server = SimServer::start(Server::builder(region).speed(SPEED.try_into()?)).await?;

    let client = Client::builder(server.info().listening.parse()?, project)
        .credentials(StaticCredentials::new(token))
        .transport(PlainTcp)
        .time_factor(f64::from(SPEED))
        .build()?;
    let mut run = client
        .reboot(RebootType::Hard, server.info().servers.clone())
        .batch_size(10)
        .start()
        .await?;
    let mut events = run.events();
    let report = run.await;
    while let Some(event) = events.next().await {
        if let Event::Accepted {
            request, job_id, ..
        } = event
        {
            println!("batch {request} is job {job_id}");
        }
    }
    println!("{:?}", report.summary());
    Ok(())
}
