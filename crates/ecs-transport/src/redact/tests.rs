use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Headers, SECRET};

#[test]
fn secret_and_sensitive_values_are_masked_and_others_shown() {
    let mut headers = HeaderMap::new();
    for name in SECRET {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static("hunter2"),
        );
    }
    let mut sensitive = HeaderValue::from_static("hunter2");
    sensitive.set_sensitive(true);
    headers.insert("x-own", sensitive);
    headers.insert("x-request-id", HeaderValue::from_static("r-1"));

    let shown = format!("{:?}", Headers(&headers));
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        shown.contains("x-auth-token") && shown.contains("r-1"),
        "{shown}"
    );
}
