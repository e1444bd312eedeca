//! The operator of the account: named, or determined by an address or the region.

use super::{GIVEN, Resolver, address, conflict};
use crate::config::CredentialOptions;
use crate::{AuthError, AuthReason, Operator, Sourced};

/// Returns the operator that an option names.
pub(super) fn of_options(options: &CredentialOptions) -> Result<Option<Operator>, AuthError> {
    let Some(id) = &options.operator else {
        return Ok(None);
    };
    if let Some(operator) = Operator::by_id(id) {
        return Ok(Some(operator));
    }
    let known: Vec<&str> = Operator::all().map(Operator::id).collect();
    Err(AuthError::malformed(
        format!(
            "there is no operator {id} in the table, only: {}",
            known.join(", ")
        ),
        AuthReason::OperatorUnknown { id: id.clone() },
    ))
}

impl Resolver<'_> {
    /// Returns the operator: named, or determined by an address or the region.
    pub(super) fn named_operator(
        &self,
        addresses: &address::Addresses,
        region: Option<&Sourced>,
    ) -> Result<Option<(Operator, String)>, AuthError> {
        let all = [&addresses.ecs, &addresses.iam];
        let of_address = all.into_iter().flatten().find_map(|address| {
            let operator = Operator::of_address(&address.value)?;
            Some((operator, address))
        });
        if let Some(operator) = self.operator {
            if let Some((other, address)) =
                of_address.filter(|(other, _)| !other.is_sibling_of(operator))
            {
                return Err(conflict(
                    format!(
                        "the operator {} is named, and {} is an address of {other}",
                        operator.id(),
                        address.value
                    ),
                    ["operator"],
                ));
            }
            let operator = of_address.map_or(operator, |(other, _)| other);
            return Ok(Some((operator, GIVEN.to_owned())));
        }
        let of_address = of_address.map(|(operator, address)| {
            let by_region = region.filter(|_| address.origin.starts_with("the region"));
            (
                operator,
                by_region.map_or("the address", |_| "the region").to_owned(),
            )
        });
        Ok(of_address)
    }
}
