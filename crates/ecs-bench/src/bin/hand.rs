//! The baseline: hyper, serde with owned strings, HMAC signing, and nothing else.

use std::process::ExitCode;

use bytes::Bytes;
use ecs_bench::{
    Action, Arguments, Job, Usage, WARM_UP, print_failure, reboot_body, server_ids, sign,
};
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

type Failure = Box<dyn std::error::Error>;

#[derive(serde::Deserialize)]
struct Accepted {
    job_id: String,
}

struct Hand {
    arguments: Arguments,
    host: String,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Hand {
    fn request(
        &self,
        method: &str,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Request<Full<Bytes>>, Failure> {
        let signature = sign(&self.arguments, method, &self.host, path, &body)?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.arguments.base_url))
            .header("content-type", "application/json")
            .header("host", &self.host)
            .header("x-project-id", &self.arguments.project_id)
            .header("x-sdk-date", signature.date)
            .header("authorization", signature.authorization)
            .body(Full::new(Bytes::from(body)))?;
        Ok(request)
    }

    async fn send(&self, method: &str, path: &str, body: Vec<u8>) -> Result<Bytes, Failure> {
        let response = self
            .client
            .request(self.request(method, path, body)?)
            .await?;
        if !response.status().is_success() {
            return Err(format!("HTTP {}", response.status()).into());
        }
        Ok(response.into_body().collect().await?.to_bytes())
    }

    async fn job(&self) -> Result<(), Failure> {
        let path = format!(
            "/v1/{}/jobs/{}",
            self.arguments.project_id, self.arguments.job_id
        );
        let body = self.send("GET", &path, Vec::new()).await?;
        if !self.arguments.skip_body {
            let job: Job = serde_json::from_slice(&body)?;
            std::hint::black_box(job);
        }
        Ok(())
    }

    fn action_path(&self) -> String {
        format!("/v1/{}/cloudservers/action", self.arguments.project_id)
    }

    async fn call(&self, servers: &[String]) -> Result<(), Failure> {
        match self.arguments.action {
            Action::BenchJob | Action::Job => self.job().await,
            Action::BenchEncode => {
                let request = self.request("POST", &self.action_path(), reboot_body(servers)?)?;
                std::hint::black_box(request);
                Ok(())
            }
            Action::BenchReboot => {
                let path = self.action_path();
                let body = self.send("POST", &path, reboot_body(servers)?).await?;
                let accepted: Accepted = serde_json::from_slice(&body)?;
                std::hint::black_box(accepted.job_id);
                Ok(())
            }
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let host = arguments.base_url.trim_start_matches("http://").to_owned();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let mut client = Client::builder(TokioExecutor::new());
    if arguments.fresh {
        client.pool_max_idle_per_host(0);
    }
    let client = client.build(connector);
    let hand = Hand {
        arguments,
        host,
        client,
    };
    let servers = server_ids(hand.arguments.servers);
    if hand.arguments.action != Action::Job {
        for _ in 0..WARM_UP {
            hand.call(&servers).await?;
        }
    }
    let before = Usage::now();
    for _ in 0..hand.arguments.calls {
        hand.call(&servers).await?;
    }
    before.print_since(hand.arguments.calls);
    Ok(())
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let ended = Arguments::parse(std::env::args().skip(1))
        .map_err(Failure::from)
        .and_then(|arguments| runtime?.block_on(run(arguments)));
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print_failure(&error.to_string());
            ExitCode::FAILURE
        }
    }
}
