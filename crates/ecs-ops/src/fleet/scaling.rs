//! Members of groups of auto-scaling.
//!
//! A group checks its members, and removes one that is stopped; one that the group made itself it
//! deletes, and makes another one in its place (user guide of Auto Scaling, *Health Check*, Open
//! Telekom Cloud 6823e7e and Huawei Cloud as of 2026: "do not stop or delete instances that have
//! been added to an AS group", says its FAQ on automatic removal). Groups that use a load
//! balancer's check remove what does not answer, which a server does not while it restarts. A group
//! that is disabled checks, and removes nothing.

use std::collections::HashMap;

use ecs_auth::BoxFuture;
use ecs_client::Client as Requests;
use ecs_model::{
    ListScalingGroups, ListScalingInstances, ScalingGroup, ScalingGroupId, ScalingGroupStatus,
    ScalingInstance, ServerId,
};
use futures_util::future::join_all;

use super::listing::{Listing, Page, Query};
use super::read::{Pages, whole};
use crate::{Client, Error, PowerAction};

/// The number of rows per page: the most that the service has.
const PAGE: usize = 100;
/// The number of groups whose members are read at the same time.
const AT_ONCE: usize = 8;

/// Returns `true` if this action can make a group remove the members that it is done to: each that
/// takes them out of service, if only for a moment. Starting does not.
pub fn endangers_members(action: PowerAction) -> bool {
    !matches!(action, PowerAction::Start)
}

/// A group of auto-scaling.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ScalingGroupSummary {
    /// Its id.
    pub id: ScalingGroupId,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// `true` if it is disabled: then it removes no members.
    pub is_disabled: bool,
}

/// The servers of a project that are members of groups of auto-scaling.
#[derive(Clone, Debug, Default)]
pub struct ScalingMembers {
    groups: Vec<ScalingGroupSummary>,
    members: HashMap<ServerId, usize>,
}

impl ScalingMembers {
    /// Asks the Auto Scaling service for all groups and their members: one request for each page of
    /// groups, and one for each page of members of each group that has any. The client is one of
    /// that service, whose address is its own (`as.REGION…` in place of `ecs.REGION…`).
    ///
    /// # Errors
    /// As of [`Client::servers`]: refused, no readable answer, or a list that is not whole.
    pub async fn read(client: &Client) -> Result<Self, Error> {
        let listing =
            Listing::by_number(PAGE, |group: &ScalingGroup| group.scaling_group_id.clone());
        let client = &client.0.core;
        let listed = whole(client, &Groups, listing, "auto-scaling groups").await?;
        let mut found = Self::default();
        let mut asked = Vec::new();
        for group in listed {
            let Some(id) = group.scaling_group_id else {
                continue;
            };
            if group.current_instance_number != Some(0) {
                asked.push((found.groups.len(), Members(id.clone())));
            }
            found.groups.push(ScalingGroupSummary {
                id,
                name: group.scaling_group_name,
                is_disabled: group.scaling_group_status == Some(ScalingGroupStatus::Paused),
            });
        }
        for some in asked.chunks(AT_ONCE) {
            let read = some.iter().map(|(_, members)| members.all(client));
            for ((place, _), members) in some.iter().zip(join_all(read).await) {
                let ids = members?.into_iter().filter_map(|member| member.instance_id);
                found.members.extend(ids.map(|id| (id, *place)));
            }
        }
        Ok(found)
    }

    /// The group that a server is a member of.
    pub fn group_of(&self, server: &ServerId) -> Option<&ScalingGroupSummary> {
        self.groups.get(*self.members.get(server)?)
    }

    /// Returns the number of groups.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }
}

struct Groups;

impl Pages for Groups {
    type Key = ScalingGroupId;
    type Row = ScalingGroup;

    fn read<'a>(
        &'a self,
        client: &'a Requests,
        query: Query<ScalingGroupId>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page<ScalingGroup>, Error>> {
        Box::pin(async move {
            let (start, limit) = row_numbers(&query, limit);
            let wanted = ListScalingGroups::builder()
                .start_number(start)
                .limit(limit)
                .build()?;
            let page = client.read(&wanted).await?;
            Ok(Page {
                rows: page.scaling_groups.unwrap_or_default(),
                count: page.total_number,
            })
        })
    }
}

/// The members of a group.
struct Members(ScalingGroupId);

impl Members {
    /// All of them; none if the group is gone.
    async fn all(&self, client: &Requests) -> Result<Vec<ScalingInstance>, Error> {
        // A server that is being made has no id yet, and is distinguished by its name.
        let listing = Listing::by_number(PAGE, |member: &ScalingInstance| {
            let id = member.instance_id.map(|id| id.to_string());
            id.or_else(|| member.instance_name.clone())
        });
        match whole(client, self, listing, "members of an auto-scaling group").await {
            Err(error) if error.problem().status() == Some(404) => Ok(Vec::new()),
            members => members,
        }
    }
}

impl Pages for Members {
    type Key = String;
    type Row = ScalingInstance;

    fn read<'a>(
        &'a self,
        client: &'a Requests,
        query: Query<String>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Page<ScalingInstance>, Error>> {
        Box::pin(async move {
            let (start, limit) = row_numbers(&query, limit);
            let wanted = ListScalingInstances::builder(self.0.clone())
                .start_number(start)
                .limit(limit)
                .build()?;
            let page = client.read(&wanted).await?;
            Ok(Page {
                rows: page.scaling_group_instances.unwrap_or_default(),
                count: page.total_number,
            })
        })
    }
}

/// This service counts rows, not pages.
fn row_numbers<K>(query: &Query<K>, limit: usize) -> (u64, u64) {
    let rows = match query {
        Query::Page { rows, .. } => *rows,
        // It has no markers, so none is requested.
        Query::After(_) => 0,
    };
    let number = |rows: usize| u64::try_from(rows).unwrap_or(u64::MAX);
    (number(rows), number(limit))
}

#[cfg(test)]
mod tests;
