//! The Auto Scaling service: groups and their members. In the cloud it has its own host.

use std::ops::Range;

use ecs_model::{AnyOperation, ListScalingGroups, ListScalingInstances, ProjectId};
use http::StatusCode;
use serde_json::{Value, json};

use super::Region;
use crate::answer::Answer;
use crate::scaling::ScalingGroup;

impl Region {
    /// Returns the gateway's answer if the service does not exist.
    pub(super) fn refuse_absent(
        &self,
        operation: Option<&(ProjectId, AnyOperation)>,
    ) -> Option<Answer> {
        let (_, operation) = operation?;
        let scaling = matches!(
            operation,
            AnyOperation::ListScalingGroups(_) | AnyOperation::ListScalingInstances(_)
        );
        (scaling && self.settings.scaling.is_none()).then(|| {
            let message = "no API has this path".to_owned();
            Answer::Gateway(StatusCode::NOT_FOUND, "APIGW.0101", message)
        })
    }

    pub(super) fn list_scaling_groups(&self, query: &ListScalingGroups) -> Answer {
        let groups = self.groups();
        let (start, limit) = (query.start_number(), query.limit());
        let range = page(groups.len(), start, limit);
        let shown = range.clone().filter_map(|place| {
            let group = groups.get(place)?;
            Some(json!({
                "scaling_group_id": id(place),
                "scaling_group_name": group.name,
                "scaling_group_status": group.status,
                "scaling_configuration_id": id(place),
                "current_instance_number": self.members(group).count(),
                "desire_instance_number": group.members.len(),
                "health_periodic_audit_method": "NOVA_AUDIT",
                "is_scaling": false,
            }))
        });
        Answer::found(&json!({
            "total_number": groups.len(),
            "start_number": start.unwrap_or_default(),
            "limit": limit.unwrap_or(ListScalingGroups::DEFAULT_LIMIT),
            "scaling_groups": shown.collect::<Vec<Value>>(),
        }))
    }

    pub(super) fn list_scaling_instances(&self, query: &ListScalingInstances) -> Answer {
        let mut groups = self.groups().iter().enumerate();
        let wanted = query.scaling_group_id().as_str();
        let Some((place, group)) = groups.find(|(place, _)| id(*place) == wanted) else {
            let message = format!("The requested resource [{wanted}] could not be found.");
            return Answer::Error(StatusCode::NOT_FOUND, "AS.0007", message);
        };
        let members: Vec<_> = self.members(group).collect();
        let (start, limit) = (query.start_number(), query.limit());
        let shown = page(members.len(), start, limit).filter_map(|member| {
            let server = members.get(member)?;
            Some(json!({
                "instance_id": server.id,
                "instance_name": server.name,
                "scaling_group_id": id(place),
                "scaling_group_name": group.name,
                "life_cycle_state": "INSERVICE",
                "health_status": "NORMAL",
                "scaling_configuration_id": id(place),
                "protect_from_scaling_down": false,
            }))
        });
        Answer::found(&json!({
            "total_number": members.len(),
            "start_number": start.unwrap_or_default(),
            "limit": limit.unwrap_or(ListScalingInstances::DEFAULT_LIMIT),
            "scaling_group_instances": shown.collect::<Vec<Value>>(),
        }))
    }

    fn groups(&self) -> &[ScalingGroup] {
        self.settings.scaling.as_deref().unwrap_or_default()
    }

    fn members<'a>(
        &'a self,
        group: &'a ScalingGroup,
    ) -> impl Iterator<Item = &'a crate::fleet::Server> {
        let servers = self.fleet.all();
        group.members.clone().filter_map(|place| servers.get(place))
    }
}

/// Returns the range of places on a page.
fn page(all: usize, start: Option<u64>, limit: Option<u64>) -> Range<usize> {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let start = number(start.unwrap_or_default()).min(all);
    let limit = number(limit.unwrap_or(ListScalingGroups::DEFAULT_LIMIT));
    start..start.saturating_add(limit).min(all)
}

/// Returns the id of the group at this place: the same in each region.
fn id(place: usize) -> String {
    format!("5ca11ab1-e000-4000-8000-{place:012x}")
}
