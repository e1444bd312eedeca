use bytes::Bytes;

use super::*;
use crate::AnyOperation;

fn read(method: &str, uri: &str) -> Result<(ProjectId, AnyOperation), RequestError> {
    let request = http::Request::builder()
        .method(method)
        .uri(uri)
        .body(Bytes::new())
        .expect("a request");
    AnyOperation::from_request(&request)
}

#[test]
fn invalid_requests_have_their_error_kind() {
    use RequestErrorKind::{Invalid, NoSuchMethod, NoSuchPath};
    const ID: &str = "616fb98f-46ca-475e-917e-2563e5a8cd19";
    let rows = [
        ("GET", "/", NoSuchPath),
        ("GET", "/v1", NoSuchPath),
        ("GET", "/v1/p", NoSuchPath),
        ("GET", "/v2/p/jobs/j", NoSuchPath),
        ("GET", "/v1/p/jobs", NoSuchPath),
        ("GET", "/v1/p/jobs/j/", NoSuchPath),
        ("GET", "/v1/p//jobs/j", NoSuchPath),
        ("GET", "//v1/p/jobs/j", NoSuchPath),
        ("GET", "/v1/p/flavors", NoSuchPath),
        ("GET", "/v2.1/p/flavors", NoSuchPath),
        ("GET", "/v2.1/p/jobs/j", NoSuchPath),
        ("GET", "/v2.1/p/servers/web-1/os-instance-actions", Invalid),
        (
            "POST",
            "/v2.1/p/servers/web-1/os-instance-actions",
            NoSuchMethod,
        ),
        ("GET", "/v3/p/jobs/j", NoSuchPath),
        ("GET", "/v1/p/traces", NoSuchPath),
        ("POST", "/v3/p/traces", NoSuchMethod),
        ("GET", "/autoscaling-api/v1/p/jobs/j", NoSuchPath),
        ("GET", "/v1/p/scaling_group", NoSuchPath),
        ("GET", "/autoscaling-api/v2/p/scaling_group", NoSuchPath),
        ("GET", "/a/autoscaling-api/v1/p/scaling_group", NoSuchPath),
        ("POST", "/autoscaling-api/v1/p/scaling_group", NoSuchMethod),
        ("GET", "/v1/p/jobs/%zz", NoSuchPath),
        ("GET", "/v1/p/jobs/%ff", NoSuchPath),
        ("POST", "/v1/p/jobs/j", NoSuchMethod),
        ("GET", "/v1/p/cloudservers/action", NoSuchMethod),
        ("POST", "/v1/p/cloudservers/detail", NoSuchMethod),
        (
            "DELETE",
            "/v1/p/cloudservers/616fb98f-46ca-475e-917e-2563e5a8cd19",
            NoSuchMethod,
        ),
        ("POST", "/v1/p/cloudservers/action", Invalid),
        ("GET", "/v1/p/cloudservers/web-1", Invalid),
        ("GET", "/v1/p/cloudservers/detail?limit=x", Invalid),
        ("GET", "/v1/a.b/jobs/j", Invalid),
        ("GET", "/v1/../jobs/j", Invalid),
        ("GET", "/v1/p%2F..%2Fq/jobs/j", Invalid),
        ("GET", "/v1/p/jobs/..", Invalid),
        ("GET", "/v1/p/jobs/%2e%2e", Invalid),
        ("GET", "/v1/p/jobs/..%2Fcloudservers", Invalid),
        ("GET", "/v1/p/jobs/", Invalid),
    ];
    for (method, uri, kind) in rows {
        let error = read(method, uri).expect_err(uri);
        assert_eq!(error.kind(), kind, "{method} {uri}");
        assert_eq!(
            error.violations().is_empty(),
            kind != Invalid,
            "{method} {uri}"
        );
        assert!(!error.to_string().is_empty());
    }
    assert!(read("GET", &format!("/v1/p/cloudservers/{}", ID.to_uppercase())).is_ok());
    // A plus sign in a path stays a plus sign.
    let (_, operation) = read("GET", "/v1/p/jobs/a+b%2B").expect("a job");
    assert_eq!(
        operation,
        AnyOperation::ShowJob(crate::ShowJob::new("a+b+".parse().expect("an id")))
    );
}

#[test]
fn pointers_name_the_invalid_parameter() {
    let error = read("GET", "/v1/p/cloudservers/web-1").expect_err("no UUID");
    assert_eq!(error.violations()[0].pointer(), "/server_id");
    let error = read("GET", "/v1/a.b/jobs/j").expect_err("no project");
    assert_eq!(error.violations()[0].pointer(), "/project_id");
    let error = read("GET", "/v1/p/jobs/..").expect_err("no job");
    assert_eq!(error.violations()[0].pointer(), "/job_id");
}
