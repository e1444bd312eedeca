//! `sim`: a simulated region for other processes.

use std::ffi::OsStr;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use ecs_sim::{
    FILTERED_IDS, IdFilter, Metadata, Region, RegionBuilder, ScalingGroup, Server, ServerInfo,
    SimError, Tls,
};
use jiff::Timestamp;
use secrecy::ExposeSecret as _;

use crate::args::{self, Global, Sim};
use crate::command_line::quoted;
use crate::confirm::counted;
use crate::credentials::secrets;
use crate::exit::Exit;
use crate::fail::{CliError, chain};
use crate::private_file;
use crate::signals::Signals;
use crate::term::{Printer, Results};

pub(crate) async fn run(
    args: &Sim,
    global: &Global,
    printer: &Printer,
    results: &mut Results,
) -> Result<Exit, CliError> {
    refuse_meaningless(global)?;
    let region = with_identity(region(args)?, global, printer)?;
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
    let info = write_files(args, server.info(), tls.as_ref())?;
    let mut signals = Signals::new()?;
    if std::io::stdout().is_terminal() {
        let intro = "In another terminal, these lines make ecsctl use it:\n";
        results.write(&format!("{intro}{}", variables(&info)));
    } else {
        results.write(&(info.to_line() + "\n"));
    }
    if results.have_failed() {
        // The address could not be printed; the error is reported at the end.
        return Ok(Exit::Failed);
    }
    printer.note(&format!(
        "simulated region {} with {} at {}, its clock runs {}× as fast; Ctrl-C ends it",
        info.region,
        counted(info.servers.len()),
        info.listening,
        info.speed
    ));
    let stop = async {
        signals.next().await;
    };
    server.run(stop).await;
    Ok(Exit::Success)
}

fn refuse_meaningless(global: &Global) -> Result<(), CliError> {
    let meaningless = [
        ("--endpoint", global.endpoint.is_some()),
        ("--iam-endpoint", global.iam_endpoint.is_some()),
        ("--as-endpoint", global.as_endpoint.is_some()),
        ("--cts-endpoint", global.cts_endpoint.is_some()),
        ("--cloud", global.cloud.is_some()),
        ("--profile", global.profile.is_some()),
        ("--security-token", global.security_token.is_some()),
        ("--ca-file", global.ca_file.is_some()),
        ("--sim", global.sim),
        ("--sim-fail", global.sim_fail.is_some()),
    ];
    match meaningless.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(CliError::usage(format!("{option} cannot be used with sim"))
            .hint("--listen says where it listens, --tls and --ca-out make it serve HTTPS")),
    }
}

/// The region, but for its name, project and credentials.
fn region(args: &Sim) -> Result<RegionBuilder, CliError> {
    let mut region = Region::builder()
        .servers(args.servers)
        .seed(args.seed)
        .durations(args.job_seconds.clone())
        .quota(args.quota)
        .failing(args.fail)
        .hanging(args.hang)
        .shutoff(args.stopped)
        .read_only(args.read_only)
        .id_filter(match args.server_id_filter {
            args::ServerIdFilter::Ignored => IdFilter::Ignored,
            args::ServerIdFilter::Refused => IdFilter::Refused,
            args::ServerIdFilter::Applied => IdFilter::Limited(FILTERED_IDS),
        })
        .token_life(args.token_life)
        .key_life(args.key_life)
        .metadata(match args.metadata {
            args::Metadata::Open => Metadata::Open,
            args::Metadata::Protected => Metadata::Protected,
            args::Metadata::Plain => Metadata::Plain,
            args::Metadata::NoAgency => Metadata::NoAgency,
        });
    if let Some(queries) = args.queries_per_minute {
        region = region.queries_per_minute(queries);
    }
    if let Some(place) = args.own_server {
        region = region.own_server(place);
    }
    let mut next = 0_usize;
    for group in &args.scaling_group {
        let end = next.saturating_add(group.members);
        region = region.scaling_group(ScalingGroup::new(&group.name, next..end));
        next = end;
    }
    for permission in &args.deny {
        region = region.deny(permission);
    }
    if let Some(passcode) = &args.passcode {
        region = region.passcode(passcode.as_str());
    }
    if !args.clock_offset.is_zero() {
        let epoch = Timestamp::now().checked_add(args.clock_offset);
        let epoch = epoch.map_err(|error| CliError::usage(format!("--clock-offset: {error}")))?;
        region = region.epoch(epoch);
    }
    Ok(region)
}

/// The region with the name, the project and the credentials that are given.
fn with_identity(
    mut region: RegionBuilder,
    global: &Global,
    printer: &Printer,
) -> Result<RegionBuilder, CliError> {
    if let Some(name) = &global.region {
        region = region.name(name);
    }
    if let Some(project) = &global.project_id {
        region = region.project_id(project.clone());
    }
    let mut warnings = Vec::new();
    let (token, secret_key) = secrets(global, &mut warnings)?;
    for warning in &warnings {
        printer.warn(warning);
    }
    match (&global.access_key, secret_key) {
        (Some(id), Some(secret)) => region = region.access_key(id, secret),
        (None, None) => {}
        (Some(_), None) => return Err(CliError::usage("--access-key needs --secret-key")),
        (None, Some(_)) => return Err(CliError::usage("--secret-key needs --access-key")),
    }
    if let Some(token) = token {
        // A token is checked as a client checks it: no client could send a malformed one.
        ecs_ops::auth::Credentials::token(token.expose_secret())
            .map_err(|error| CliError::usage(format!("--token: {error}")))?;
        region = region.token(token);
    }
    Ok(region)
}

/// Writes the certificate and the variables to the requested files. Returns the information for clients.
fn write_files(
    args: &Sim,
    mut info: ServerInfo,
    tls: Option<&Tls>,
) -> Result<ServerInfo, CliError> {
    if let (Some(path), Some(pem)) = (&args.ca_out, tls.and_then(Tls::ca_pem)) {
        std::fs::write(path, pem).map_err(|error| {
            CliError::usage(format!(
                "cannot write the certificate to {}: {error}",
                path.display()
            ))
        })?;
        info = info.with_ca_file(path);
    }
    if let Some(path) = &args.env_file {
        write_variables(path, &info)?;
    }
    Ok(info)
}

/// Returns the shell lines that make `ecsctl` use this simulator.
fn variables(info: &ServerInfo) -> String {
    let region = info.region.to_ascii_uppercase().replace('-', "_");
    let service = format!("HUAWEICLOUD_SDK_REGION_ECS_{region}");
    let speed = info.speed.to_string();
    let ca_file = info.ca_file.as_ref().map(|path| path.display().to_string());
    let mut variables = vec![
        ("HUAWEICLOUD_SDK_AK", info.access_key.as_str()),
        ("HUAWEICLOUD_SDK_SK", info.secret_key.expose_secret()),
        ("HUAWEICLOUD_SDK_PROJECT_ID", info.project_id.as_str()),
        ("HUAWEICLOUD_SDK_REGION_ID", info.region.as_str()),
        ("HUAWEICLOUD_SDK_IAM_ENDPOINT", info.listening.as_str()),
        (service.as_str(), info.listening.as_str()),
    ];
    if info.speed.get() > 1 {
        variables.push(("ECSCTL_SIM_SPEED", &speed));
    }
    if let Some(ca_file) = &ca_file {
        variables.push(("SSL_CERT_FILE", ca_file));
    }
    let line = |(name, value): (&str, &str)| {
        let value = quoted(OsStr::new(value)).unwrap_or_default();
        format!("export {name}={value}\n")
    };
    variables.into_iter().map(line).collect()
}

/// Writes a file that only its owner can read, because it contains keys.
fn write_variables(path: &Path, info: &ServerInfo) -> Result<(), CliError> {
    let mut options = private_file::options();
    let file = options.create(true).truncate(true).open(path);
    let written = file.and_then(|mut file| file.write_all(variables(info).as_bytes()));
    written.map_err(|error| CliError::usage(format!("cannot write {}: {error}", path.display())))
}

fn tls(args: &Sim) -> Result<Option<Tls>, CliError> {
    if args.tls {
        return Tls::self_signed().map(Some).map_err(cannot);
    }
    let (Some(cert), Some(key)) = (&args.tls_cert, &args.tls_key) else {
        return Ok(None);
    };
    let read = |path: &Path| {
        std::fs::read_to_string(path)
            .map_err(|error| CliError::usage(format!("cannot read {}: {error}", path.display())))
    };
    Tls::from_pem(read(cert)?, read(key)?)
        .map(Some)
        .map_err(cannot)
}

fn cannot(error: SimError) -> CliError {
    CliError::usage(format!(
        "the simulator could not be started: {}",
        chain(&error)
    ))
}
