//! `sim`: a simulated region for other processes.

use std::path::Path;

use ecs_sim::{Region, Server, SimError, Tls};
use secrecy::ExposeSecret as _;

use crate::args::{Global, Sim};
use crate::confirm::counted;
use crate::connect::token;
use crate::exit::Exit;
use crate::fail::{Fail, chain};
use crate::signals::Signals;
use crate::term::{Notes, Results};

pub(crate) async fn run(
    args: &Sim,
    global: &Global,
    notes: &Notes,
    results: &mut Results,
) -> Result<Exit, Fail> {
    let meaningless = [
        ("--endpoint", global.endpoint.is_some()),
        ("--ca-file", global.ca_file.is_some()),
        ("--sim", global.sim),
    ];
    if let Some((option, _)) = meaningless.into_iter().find(|(_, given)| *given) {
        return Err(
            Fail::usage(format!("{option} has no meaning for a simulator"))
                .hint("--listen says where it listens, --tls and --ca-out make it serve HTTPS"),
        );
    }
    let mut region = Region::builder()
        .servers(args.servers)
        .seed(args.seed)
        .durations(args.job_seconds.clone())
        .quota(args.quota)
        .failing(args.fail);
    if let Some(project) = &global.project_id {
        region = region.project_id(project.clone());
    }
    if let Some(given) = &global.token {
        let token = token(given)?;
        // The same check as that of a client: a token that no client can send would let nobody in.
        ecs_ops::auth::Credentials::token(token.expose_secret())
            .map_err(|error| Fail::usage(format!("--token: {error}")))?;
        region = region.token(token);
    }
    let mut server = Server::builder(region.build().map_err(cannot)?)
        .listen(&args.listen)
        .speed(args.speed);
    let tls = tls(args)?;
    if let Some(tls) = &tls {
        server = server.tls(tls.clone());
    }
    let server = server.bind().await.map_err(|error| {
        cannot(error)
            .hint("--listen takes an address of this machine and a port, such as 127.0.0.1:8080")
    })?;
    let mut info = server.info();
    if let (Some(path), Some(pem)) = (&args.ca_out, tls.as_ref().and_then(Tls::ca_pem)) {
        std::fs::write(path, pem).map_err(|error| {
            Fail::usage(format!(
                "cannot write the certificate to {}: {error}",
                path.display()
            ))
        })?;
        info = info.with_ca_file(path);
    }
    let mut signals = Signals::new()?;
    results.write(&(info.to_line() + "\n"));
    if results.have_failed() {
        // Nobody would ever know where it is; why is said at the end.
        return Ok(Exit::Failed);
    }
    notes.note(&format!(
        "simulated region {} with {} at {}, its clock runs {}× as fast; Ctrl-C ends it",
        info.region,
        counted(info.servers.len()),
        info.listening,
        info.speed
    ));
    server.run(signals.next()).await;
    Ok(Exit::Success)
}

fn tls(args: &Sim) -> Result<Option<Tls>, Fail> {
    if args.tls {
        return Tls::self_signed().map(Some).map_err(cannot);
    }
    let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Ok(None);
    };
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| Fail::usage(format!("cannot read {}: {error}", path.display())))
    };
    Tls::from_pem(read(cert)?, read(key)?)
        .map(Some)
        .map_err(cannot)
}

fn cannot(error: SimError) -> Fail {
    Fail::usage(format!(
        "the simulator could not be started: {}",
        chain(&error)
    ))
}
