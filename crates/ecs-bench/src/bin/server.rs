//! A service that answers at once, from prepared bytes, so that the client is what is measured.
//!
//! A job has as many sub-jobs as the last four digits of its id say. Prints its address as the first line.

#![allow(clippy::print_stdout, reason = "says where it listens")]

use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use ecs_bench::job_body;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// The bodies of jobs, by the number of their sub-jobs.
#[derive(Default)]
struct Answers(std::cell::RefCell<HashMap<usize, Rc<[u8]>>>);

impl Answers {
    fn job(&self, path: &str) -> Rc<[u8]> {
        let digits = path.len().checked_sub(4).and_then(|at| path.get(at..));
        let sub_jobs = digits.and_then(|digits| digits.parse().ok()).unwrap_or(2);
        let mut known = self.0.borrow_mut();
        Rc::clone(
            known
                .entry(sub_jobs)
                .or_insert_with(|| answer(&job_body(sub_jobs)).into()),
        )
    }
}

fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: 8c6e25a8cd19\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

async fn serve(mut stream: TcpStream, answers: Rc<Answers>) -> io::Result<()> {
    let accepted = answer(r#"{"job_id":"ff80808288d41e1b018990260955686a"}"#);
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(64 * 1024);
    loop {
        let end = loop {
            if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let head = String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).into_owned();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().ok())?
        });
        let whole = end + 4 + length.unwrap_or(0);
        while buffer.len() < whole {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        buffer.drain(..whole);
        let path = head.split(' ').nth(1).unwrap_or_default();
        if head.starts_with("POST") {
            stream.write_all(&accepted).await?;
        } else {
            stream.write_all(&answers.job(path)).await?;
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}", listener.local_addr()?);
    let answers = Rc::new(Answers::default());
    tokio::task::LocalSet::new()
        .run_until(async {
            loop {
                let (stream, _) = listener.accept().await?;
                // A client that goes away is no matter of the server.
                tokio::task::spawn_local(serve(stream, Rc::clone(&answers)));
            }
        })
        .await
}
