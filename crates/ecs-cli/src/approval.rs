//! Approvals of plans: SSH signatures (SSHSIG) of a plan's hash, as `ssh-keygen -Y sign -n ecsctl-plan` makes them.

use std::path::Path;

use ecs_ops::store::{PlanApproval, StoreIdentity};
use ssh_key::{HashAlg, LineEnding, PrivateKey, PublicKey, SshSig};
use zeroize::Zeroizing;

use crate::fail::CliError;
use crate::next_step::NextStep;

/// The namespace of a plan's signatures. Signatures with another one are refused.
const NAMESPACE: &str = "ecsctl-plan";

/// Signs the hash with a private key that is not encrypted.
pub(crate) fn sign(hash: &str, key: &Path) -> Result<String, CliError> {
    let shown = key.display();
    let read = std::fs::read_to_string(key).map(Zeroizing::new);
    let text =
        read.map_err(|error| CliError::usage(format!("cannot read the key {shown}: {error}")))?;
    let with_openssh = || NextStep::show_approving("to see how to sign with OpenSSH");
    let private = PrivateKey::from_openssh(text.as_bytes()).map_err(|error| {
        CliError::usage(format!(
            "{shown} is not a private key in OpenSSH's format: {error}"
        ))
        .next(with_openssh())
    })?;
    if private.is_encrypted() {
        return Err(CliError::usage(format!("the key {shown} is encrypted")).next(with_openssh()));
    }
    let signature = private.sign(NAMESPACE, HashAlg::Sha512, hash.as_bytes());
    let pem = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
    pem.map_err(|error| {
        CliError::usage(format!("the key {shown} cannot sign: {error}")).next(with_openssh())
    })
}

/// Reads a signature and checks that it signs the hash.
pub(crate) fn read_signature(hash: &str, path: &Path) -> Result<String, CliError> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| CliError::usage(format!("cannot read the signature {shown}: {error}")))?;
    let signature = SshSig::from_pem(&text)
        .map_err(|error| CliError::usage(format!("{shown} is not an SSH signature: {error}")))?;
    let key = PublicKey::from(signature.public_key().clone());
    key.verify(NAMESPACE, hash.as_bytes(), &signature)
        .map_err(|_| {
            CliError::usage(format!(
                "{shown} is not a signature of this plan's hash for {NAMESPACE}"
            ))
            .next(NextStep::show_approving("to see how a plan is approved"))
        })?;
    Ok(text)
}

/// Returns the fingerprint of the key that signed.
pub(crate) fn described(signature: &str) -> String {
    match SshSig::from_pem(signature) {
        Ok(signature) => {
            let key = PublicKey::from(signature.public_key().clone());
            key.fingerprint(HashAlg::Sha256).to_string()
        }
        Err(_) => "an unreadable signature".to_owned(),
    }
}

/// Returns the fingerprint of the key that signed the hash; `None` if the signature is not one of this hash.
pub(crate) fn verified(hash: &str, signature: &str) -> Option<String> {
    let parsed = SshSig::from_pem(signature).ok()?;
    let key = PublicKey::from(parsed.public_key().clone());
    key.verify(NAMESPACE, hash.as_bytes(), &parsed).ok()?;
    Some(key.fingerprint(HashAlg::Sha256).to_string())
}

/// Returns the approvals by persons other than the planner and the applier, or an error that describes the
/// missing approval.
pub(crate) fn by_others<'a>(
    approvals: &'a [PlanApproval],
    applies: &StoreIdentity,
    planned: Option<&str>,
) -> Result<Vec<&'a PlanApproval>, CliError> {
    // A user by number, such as in a container, identifies no person.
    let named = planned.filter(|planned| !person(planned).starts_with("uid "));
    let Some(planned) = named else {
        return Err(CliError::usage(
            "--four-eyes requires a plan that names who made it, and this one does not; nothing was sent",
        )
        .hint("make the plan again as a user with a name"));
    };
    let counts = |approval: &&PlanApproval| {
        let user = person(&approval.user);
        let has_other_role = match (&approval.role, &applies.role) {
            (Some(role), Some(own)) => role != own,
            _ => true,
        };
        has_other_role && user != person(&applies.user) && user != person(planned)
    };
    let others: Vec<_> = approvals.iter().filter(counts).collect();
    if !others.is_empty() {
        return Ok(others);
    }
    let message = match approvals {
        [] => "the plan has no approval in the store, and --four-eyes requires one by another person; nothing was sent"
            .to_owned(),
        known => format!(
            "--four-eyes requires an approval by another person than who planned the plan and who applies it, and it is \
             approved by {}; nothing was sent",
            known.iter().map(approver).collect::<Vec<_>>().join(", ")
        ),
    };
    let applies = match &applies.role {
        Some(role) => format!("the role {role}"),
        None => applies.user.clone(),
    };
    Err(CliError::usage(message)
        .hint(format!(
            "it was planned by {planned}, and {applies} applies it: another person must approve it"
        ))
        .next(NextStep::show_approving("to see how a plan is approved")))
}

/// Describes the approver.
pub(crate) fn approver(approval: &PlanApproval) -> String {
    let PlanApproval { user, host, .. } = approval;
    match &approval.role {
        Some(role) => format!("role {role} ({user} on {host})"),
        None => format!("{user} on {host}"),
    }
}

/// Returns the person behind a user, which is the user before `sudo`.
fn person(user: &str) -> &str {
    let sudo = user.split_once(" (sudo by ");
    sudo.map_or(user, |(_, before)| before.trim_end_matches(')'))
}

/// Checks that one of the signatures is by one of the keys in a file.
pub(crate) fn check<'a>(
    hash: &str,
    signatures: impl Iterator<Item = &'a str>,
    keys: &Path,
) -> Result<(), CliError> {
    let shown = keys.display();
    let text = std::fs::read_to_string(keys)
        .map_err(|error| CliError::usage(format!("cannot read the keys in {shown}: {error}")))?;
    let mut known = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = PublicKey::from_openssh(line).map_err(|error| {
            CliError::usage(format!(
                "{shown}:{}: not a public SSH key: {error}",
                index + 1
            ))
        })?;
        known.push(key);
    }
    let mut count = 0_usize;
    for signature in signatures.filter_map(|text| SshSig::from_pem(text).ok()) {
        count += 1;
        let is_valid = |key: &&PublicKey| {
            key.key_data() == signature.public_key()
                && key.verify(NAMESPACE, hash.as_bytes(), &signature).is_ok()
        };
        if known.iter().find(is_valid).is_some() {
            return Ok(());
        }
    }
    let message = match count {
        0 => format!(
            "the plan has no approval, and --require-approval {shown} asks for one; nothing was sent"
        ),
        1 => format!("the plan's approval is by none of the keys in {shown}; nothing was sent"),
        count => {
            format!("none of the plan's {count} approvals is by a key in {shown}; nothing was sent")
        }
    };
    Err(CliError::usage(message)
        .hint("a person whose key is there must approve the plan")
        .next(NextStep::show_approving("to see how a plan is approved")))
}

#[cfg(test)]
mod tests;
