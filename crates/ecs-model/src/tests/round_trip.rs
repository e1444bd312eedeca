//! Encoded requests are parsed back.

use http::header::{ACCEPT, CONTENT_TYPE};
use proptest::prelude::*;
use serde_json::Value;

use super::config;
use crate::{
    AnyOperation, BatchRebootServers, BatchStartServers, BatchStopServers, JobId,
    ListServersDetails, Operation, ProjectId, ServerId, ShowJob, arbitrary,
};

fn encode(operation: &AnyOperation, project: &ProjectId) -> http::Request<bytes::Bytes> {
    match operation {
        AnyOperation::BatchRebootServers(value) => value.encode(project),
        AnyOperation::BatchStartServers(value) => value.encode(project),
        AnyOperation::BatchStopServers(value) => value.encode(project),
        AnyOperation::ShowJob(value) => value.encode(project),
        AnyOperation::ListServersDetails(value) => value.encode(project),
        AnyOperation::ShowServer(value) => value.encode(project),
        AnyOperation::ListServerActions(value) => value.encode(project),
        AnyOperation::ListScalingGroups(value) => value.encode(project),
        AnyOperation::ListScalingInstances(value) => value.encode(project),
        AnyOperation::ListTraces(value) => value.encode(project),
    }
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn every_operation(operation in arbitrary::any_operation(), project in arbitrary::project_id()) {
        let request = encode(&operation, &project);
        let (read_project, read) = AnyOperation::from_request(&request).expect("our own request");
        prop_assert_eq!(read_project, project);
        prop_assert_eq!(read, operation);

        // Path and query only, and the headers that the service requires.
        prop_assert!(request.uri().authority().is_none() && request.uri().scheme().is_none());
        prop_assert_eq!(&request.headers()[CONTENT_TYPE], "application/json");
        prop_assert_eq!(&request.headers()[ACCEPT], "application/json");
        let is_get = request.method() == http::Method::GET;
        prop_assert_eq!(request.body().is_empty(), is_get);
    }

    /// Ids in any case become canonical; nothing else changes.
    #[test]
    fn bodies_of_other_clients_round_trip(body in arbitrary::valid_request(), project in arbitrary::project_id()) {
        let request = http::Request::post(format!("/v1/{project}/cloudservers/action"))
            .body(body.to_string().into())
            .expect("a request");
        let (_, operation) = AnyOperation::from_request(&request).expect("valid");
        let encoded = encode(&operation, &project);
        prop_assert_eq!(encoded.uri(), request.uri());
        let encoded: Value = serde_json::from_slice(encoded.body()).expect("JSON");
        let mut expected = body;
        let actions = expected.as_object_mut().expect("an object").values_mut();
        for server in actions.flat_map(|action| action["servers"].as_array_mut().expect("a list")) {
            server["id"] = server["id"].as_str().expect("a text").to_lowercase().into();
        }
        prop_assert_eq!(encoded, expected);
    }

    #[test]
    fn encoded_bodies_round_trip(
        reboot in arbitrary::batch_reboot_servers(),
        start in arbitrary::batch_start_servers(),
        stop in arbitrary::batch_stop_servers(),
        project in arbitrary::project_id(),
    ) {
        prop_assert_eq!(BatchRebootServers::from_json(reboot.encode(&project).body()), Ok(reboot));
        prop_assert_eq!(BatchStartServers::from_json(start.encode(&project).body()), Ok(start));
        prop_assert_eq!(BatchStopServers::from_json(stop.encode(&project).body()), Ok(stop));
    }

    #[test]
    fn queries(list in arbitrary::list_servers_details(), project in arbitrary::project_id()) {
        let request = list.encode(&project);
        prop_assert_eq!(ListServersDetails::from_query(request.uri().query().unwrap_or("")), Ok(list));
    }

    #[test]
    fn server_ids(id in arbitrary::server_id(), flips in any::<u64>()) {
        let text: String = id
            .to_string()
            .char_indices()
            .map(|(i, c)| if flips >> i & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        prop_assert_eq!(text.parse::<ServerId>(), Ok(id));
        prop_assert_eq!(id.to_string(), text.to_lowercase());
        prop_assert_eq!(ServerId::from_bytes(*id.as_bytes()), id);
        let json = serde_json::to_string(&id).expect("JSON");
        prop_assert_eq!(&json, &format!("\"{id}\""));
        prop_assert_eq!(serde_json::from_str::<ServerId>(&json).expect("an id"), id);
    }

    /// Any job id stays one segment of the path, and cannot leave it even behind a proxy that
    /// decodes the path before it resolves it.
    #[test]
    fn job_ids_stay_in_their_segment(
        text in prop_oneof![any::<String>(), r"[./\\%a]{0,6}"],
        project in arbitrary::project_id(),
    ) {
        let Ok(id) = text.parse::<JobId>() else { return Ok(()) };
        let request = ShowJob::new(id.clone()).encode(&project);
        prop_assert!(request.uri().query().is_none());
        let path = request.uri().path();
        let prefix = format!("/v1/{project}/jobs/");
        let segment = path.strip_prefix(&prefix).expect("the path of a job");
        prop_assert!(!segment.is_empty());
        prop_assert!(segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b)));
        let decoded = crate::operation::percent_decode(segment).expect("our own encoding");
        prop_assert_eq!(&decoded, id.as_str());
        prop_assert!(!decoded.split(['/', '\\']).any(|part| part == ".." || part == "."));
        prop_assert_eq!(
            AnyOperation::from_request(&request),
            Ok((project, AnyOperation::ShowJob(ShowJob::new(id))))
        );
    }

    #[test]
    fn percent_encoding(text in any::<String>()) {
        let encoded = crate::operation::percent_encode(&text);
        prop_assert_eq!(crate::operation::percent_decode(&encoded), Some(text));
    }
}
