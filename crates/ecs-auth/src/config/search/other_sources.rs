//! Other sources than the one in use: settings that contradict it, and logins that their own tools
//! would use.

use super::super::clouds::Clouds;
use super::super::fields::Field as F;
use super::super::layer::{Family, Layer};
use super::super::{CredentialOptions, conflict, files, method};
use super::{Found, OPENSTACK_ENV};
use crate::AuthError;
use crate::environment::Environment;

/// Fails if the environment of OpenStack's tools names a cloud or an account, but no login.
/// openstacksdk refuses that, too.
pub(super) fn incomplete_login(found: &Found) -> Result<(), AuthError> {
    let Some(layer) = found.layers.get(OPENSTACK_ENV) else {
        return Ok(());
    };
    let address = layer.has(F::Iam) || layer.has(F::Vendor);
    let names = [
        F::ProjectId,
        F::ProjectName,
        F::UserDomainName,
        F::UserDomainId,
        F::AgencyName,
    ];
    let other = names.into_iter().find(|field| layer.has(*field));
    match other {
        Some(_) if address => {
            let given = if layer.has(F::Iam) { F::Iam } else { F::Vendor };
            Err(method::incomplete(layer, given, F::UserName))
        }
        _ => Ok(()),
    }
}

/// Fails if the environment contradicts the only cloud of a file, which is used without being
/// named. The environment may complete it. openstacksdk refuses either.
pub(super) fn contradiction(found: &Found) -> Result<(), AuthError> {
    let (Some(around), Some(cloud)) = (found.layers.get(OPENSTACK_ENV), found.layer()) else {
        return Ok(());
    };
    let project = |layer: &Layer| {
        layer
            .peek(F::ProjectId)
            .or_else(|| layer.peek(F::ProjectName))
            .map(str::to_owned)
    };
    let of = |layer: &Layer, field| layer.peek(field).map(str::to_owned);
    let pairs = [
        (F::Iam, of(around, F::Iam), of(cloud, F::Iam)),
        (F::ProjectId, project(around), project(cloud)),
        (
            F::UserDomainName,
            of(around, F::UserDomainName),
            of(cloud, F::UserDomainName),
        ),
        (
            F::UserDomainId,
            of(around, F::UserDomainId),
            of(cloud, F::UserDomainId),
        ),
    ];
    for (field, around_value, own) in pairs {
        let (Some(around_value), Some(own)) = (around_value, own) else {
            continue;
        };
        if around_value != own {
            let setting = around
                .setting(field)
                .or_else(|| around.setting(F::ProjectName));
            let name = setting.map_or("", |setting| &setting.name);
            let source = &cloud.source;
            return Err(conflict(
                format!(
                    "{name} is {around_value}, and {source}, which nobody named, has {own}: set OS_CLOUD to use the cloud as it \
                     is, or unset {name}"
                ),
                [name],
            ));
        }
    }
    Ok(())
}

/// Reports clouds beside credentials of other tools' variables: openstacksdk would use them.
pub(super) fn unused_clouds(
    options: &CredentialOptions,
    environment: &Environment,
    found: &mut Found,
) {
    let family = found.family();
    let clouds = Clouds::load(environment).ok().flatten();
    if let Some(clouds) = clouds.filter(|_| !found.named && family != Family::OpenStack) {
        match clouds.names()[..] {
            [only] => {
                let cloud = clouds.cloud(only, options.region.as_deref());
                found.layers.extend(cloud.ok().map(|cloud| cloud.layer));
            }
            [] => {}
            ref several => found.unused.push(format!(
                "{} describes the clouds {}, and none of them is used: the credentials come from {}",
                clouds.path.display(),
                several.join(", "),
                found.source()
            )),
        }
    }
}

/// Reports profiles beside credentials of other tools: their own tool would use them.
pub(super) fn unused_profiles(environment: &Environment, found: &mut Found) {
    let family = found.family();
    let profile = files::profile(environment, None);
    let is_there = |layer: &Layer| {
        found
            .layers
            .iter()
            .any(|other| other.source == layer.source)
    };
    if family != Family::Huawei
        && let Ok(Ok(layer)) = profile
        && !is_there(&layer)
    {
        found.layers.push(layer);
    }
    if let Ok(Ok(layer)) = files::koocli(environment, None)
        && family != Family::KooCli
    {
        found.layers.push(layer);
    }
}
