//! Application of settings to arguments.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::UserSettings;
use super::layers::{Given, Key, Setting};
use crate::args::{
    FailureLimit, Global, Run, at_least_1, command, duration, duration_or_never, wave,
};
use crate::fail::CliError;
use crate::term::Printer;

/// Returns the settings that options give.
pub(super) fn given(global: &Global) -> Given {
    let text = |value: &Option<String>| value.clone();
    let values = [
        (Key::Cloud, text(&global.cloud)),
        (Key::Profile, text(&global.profile)),
        (Key::Endpoint, text(&global.endpoint)),
        (Key::Region, text(&global.region)),
        (Key::Operator, text(&global.operator)),
        (
            Key::ProjectId,
            global.project_id.as_ref().map(ToString::to_string),
        ),
        (Key::IamEndpoint, text(&global.iam_endpoint)),
        (Key::AsEndpoint, text(&global.as_endpoint)),
        (Key::CtsEndpoint, text(&global.cts_endpoint)),
        (
            Key::CaFile,
            global
                .ca_file
                .as_ref()
                .map(|path| path.display().to_string()),
        ),
    ];
    let mut credentials = global.given().into_iter();
    Given {
        keys: values
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect(),
        credentials: credentials.rfind(|option| ["--token", "--access-key"].contains(option)),
    }
}

/// Fills in global options that are not given.
pub(crate) fn apply_global(settings: &UserSettings, global: &mut Global) -> Result<(), CliError> {
    global.settings.options = global.given();
    let get = |key| settings.resolved.get(key);
    const SHOWN: [(&str, Key); 4] = [
        ("--endpoint", Key::Endpoint),
        ("--region", Key::Region),
        ("--operator", Key::Operator),
        ("--project-id", Key::ProjectId),
    ];
    let filled = SHOWN
        .into_iter()
        .filter(|(option, _)| !global.settings.options.contains(option));
    global.settings.origins = filled
        .filter_map(|(option, key)| Some((option, get(key)?.origin.clone())))
        .collect();
    let text = |key, slot: &mut Option<String>| {
        if slot.is_none() {
            *slot = get(key).map(|setting| setting.value.clone());
        }
    };
    text(Key::Cloud, &mut global.cloud);
    text(Key::Profile, &mut global.profile);
    text(Key::Endpoint, &mut global.endpoint);
    text(Key::Region, &mut global.region);
    text(Key::Operator, &mut global.operator);
    text(Key::IamEndpoint, &mut global.iam_endpoint);
    text(Key::AsEndpoint, &mut global.as_endpoint);
    text(Key::CtsEndpoint, &mut global.cts_endpoint);
    if global.project_id.is_none() {
        global.project_id = get(Key::ProjectId).map(parsed).transpose()?;
    }
    if global.ca_file.is_none() {
        global.ca_file = get(Key::CaFile).map(|setting| PathBuf::from(&setting.value));
    }
    global.settings.journal_dir = get(Key::JournalDir).map(|setting| PathBuf::from(&setting.value));
    global.settings.store = get(Key::Store).map(|setting| {
        let origin = setting.origin.clone();
        (setting.value.clone(), origin)
    });
    global.settings.journal_keep = get(Key::JournalKeep).map(journal_keep).transpose()?;
    Ok(())
}

/// Fills in options of a run that are not given.
pub(crate) fn apply_run(
    settings: &UserSettings,
    run: &mut Run,
    printer: &Printer,
) -> Result<(), CliError> {
    let get = |key| settings.resolved.get(key);
    if run.deadline.is_none() {
        run.deadline = get(Key::Deadline)
            .map(|setting| with(setting, duration))
            .transpose()?;
    }
    if !run.reconcile {
        run.reconcile = get(Key::Reconcile).map(flag).transpose()?.unwrap_or(false);
    }
    let rolling = &mut run.rolling;
    const WAIT: [Key; 6] = [
        Key::Wave,
        Key::Pause,
        Key::MaxFailures,
        Key::HealthCmd,
        Key::Canary,
        Key::Verify,
    ];
    if run.no_wait {
        // These options wait for jobs.
        let unused = WAIT.into_iter().filter_map(|key| Some((key, get(key)?)));
        for (key, setting) in unused {
            printer.warn(&format!(
                "{} of {} is not used with --no-wait",
                key.name(),
                setting.origin
            ));
        }
        return Ok(());
    }
    if !run.verify {
        run.verify = get(Key::Verify).map(flag).transpose()?.unwrap_or(false);
    }
    if let (None, true, Some(limit)) = (run.verify_timeout, run.verify, get(Key::VerifyTimeout)) {
        run.verify_timeout = Some(with(limit, duration)?);
    }
    if let (None, Some(canary)) = (rolling.canary, get(Key::Canary)) {
        rolling.canary = Some(with(canary, at_least_1)?);
        rolling.canary_of = Some(canary.origin.clone());
    }
    if let (None, Some(_), Some(pause)) =
        (rolling.canary_pause, rolling.canary, get(Key::CanaryPause))
    {
        rolling.canary_pause = Some(with(pause, duration)?);
    }
    if rolling.wave.is_none() {
        rolling.wave = get(Key::Wave)
            .map(|setting| with(setting, wave))
            .transpose()?;
    }
    if rolling.max_failures.is_none() {
        rolling.max_failures = get(Key::MaxFailures)
            .map(parsed::<FailureLimit>)
            .transpose()?;
    }
    if rolling.health_cmd.is_none() {
        rolling.health_cmd = get(Key::HealthCmd)
            .map(|setting| with(setting, command))
            .transpose()?;
    }
    if let (None, Some(_), Some(limit)) = (
        rolling.health_timeout,
        &rolling.health_cmd,
        get(Key::HealthTimeout),
    ) {
        rolling.health_timeout = Some(with(limit, duration)?);
    }
    if let (None, Some(pause)) = (rolling.pause, get(Key::Pause)) {
        // A pause needs waves, and the canary has a pause of its own.
        if rolling.wave.is_some() || rolling.asks() {
            rolling.pause = Some(with(pause, duration)?);
        } else {
            printer.warn(&format!(
                "pause of {} is not used without waves (--wave)",
                pause.origin
            ));
        }
    }
    Ok(())
}

/// Checks a value, for whichever command it is.
pub(super) fn check(key: Key, setting: &Setting) -> Result<(), CliError> {
    match key {
        Key::Wave => with(setting, wave).map(|_| ()),
        Key::Pause | Key::Deadline | Key::HealthTimeout | Key::CanaryPause | Key::VerifyTimeout => {
            with(setting, duration).map(|_| ())
        }
        Key::Canary => with(setting, at_least_1).map(|_| ()),
        Key::Verify | Key::Reconcile => flag(setting).map(|_| ()),
        Key::MaxFailures => parsed::<FailureLimit>(setting).map(|_| ()),
        Key::HealthCmd => with(setting, command).map(|_| ()),
        Key::JournalKeep => journal_keep(setting).map(|_| ()),
        Key::ProjectId => parsed::<ecs_ops::model::ProjectId>(setting).map(|_| ()),
        _ => Ok(()),
    }
}

/// Parses the time that journals are kept, in days, too.
fn journal_keep(setting: &Setting) -> Result<Duration, CliError> {
    with(setting, |text| {
        let days = text
            .strip_suffix('d')
            .and_then(|days| days.parse::<u64>().ok());
        match days {
            Some(days @ 1..=36_500) => Ok(Duration::from_secs(days * 24 * 3600)),
            _ => duration_or_never(text).map_err(|error| format!("{error}, or 30d")),
        }
    })
}

/// Parses `true` or `false`.
fn flag(setting: &Setting) -> Result<bool, CliError> {
    with(setting, |text| match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("expected true or false".to_owned()),
    })
}

fn with<T>(setting: &Setting, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, CliError> {
    parse(&setting.value).map_err(|error| wrong(setting, &error))
}

fn parsed<T: FromStr<Err: fmt::Display>>(setting: &Setting) -> Result<T, CliError> {
    setting
        .value
        .parse()
        .map_err(|error: T::Err| wrong(setting, &error))
}

fn wrong(setting: &Setting, error: &dyn fmt::Display) -> CliError {
    CliError::usage(format!(
        "{}: invalid value {:?}: {error}",
        setting.origin, setting.value
    ))
}
