//! A baseline: reqwest, serde with owned strings, HMAC signing.

use std::process::ExitCode;

use ecs_bench::{
    Action, Arguments, Job, Usage, WARM_UP, print_failure, reboot_body, server_ids, sign,
};

type Failure = Box<dyn std::error::Error>;

#[derive(serde::Deserialize)]
struct Accepted {
    job_id: String,
}

struct WithReqwest {
    arguments: Arguments,
    host: String,
    client: reqwest::Client,
}

impl WithReqwest {
    fn request(
        &self,
        method: http::Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<reqwest::Request, Failure> {
        let signature = sign(&self.arguments, method.as_str(), &self.host, path, &body)?;
        let request = self
            .client
            .request(method, format!("{}{path}", self.arguments.base_url))
            .header("content-type", "application/json")
            .header("x-project-id", &self.arguments.project_id)
            .header("x-sdk-date", signature.date)
            .header("authorization", signature.authorization)
            .body(body);
        Ok(request.build()?)
    }

    async fn call(&self, servers: &[String]) -> Result<(), Failure> {
        let project = &self.arguments.project_id;
        let action = format!("/v1/{project}/cloudservers/action");
        match self.arguments.action {
            Action::BenchJob | Action::Job => {
                let path = format!("/v1/{project}/jobs/{}", self.arguments.job_id);
                let request = self.request(http::Method::GET, &path, Vec::new())?;
                let response = self.client.execute(request).await?.error_for_status()?;
                if self.arguments.skip_body {
                    std::hint::black_box(response.bytes().await?);
                } else {
                    std::hint::black_box(response.json::<Job>().await?);
                }
            }
            Action::BenchEncode => {
                let request = self.request(http::Method::POST, &action, reboot_body(servers)?)?;
                std::hint::black_box(request);
            }
            Action::BenchReboot => {
                let request = self.request(http::Method::POST, &action, reboot_body(servers)?)?;
                let response = self.client.execute(request).await?.error_for_status()?;
                std::hint::black_box(response.json::<Accepted>().await?.job_id);
            }
        }
        Ok(())
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let host = arguments.base_url.trim_start_matches("http://").to_owned();
    let client = reqwest::Client::new();
    let with = WithReqwest {
        arguments,
        host,
        client,
    };
    let servers = server_ids(with.arguments.servers);
    if with.arguments.action != Action::Job {
        for _ in 0..WARM_UP {
            with.call(&servers).await?;
        }
    }
    let before = Usage::now();
    for _ in 0..with.arguments.calls {
        with.call(&servers).await?;
    }
    before.print_since(with.arguments.calls);
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
