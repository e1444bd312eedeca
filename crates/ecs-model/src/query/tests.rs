use crate::ListServersDetails;

fn wrong(query: &str) -> Vec<String> {
    let error = ListServersDetails::from_query(query).expect_err(query);
    error.violations().iter().map(ToString::to_string).collect()
}

#[test]
fn all_violations_are_reported_at_once() {
    assert_eq!(
        wrong("limit=0&offset=x&a/b~c=1&limit=5&name=%zz&a%2Fb=%ff"),
        [
            "/name: broken percent-encoding",
            "/a%2Fb: broken percent-encoding",
            "/offset: an integer at least 0 is needed, found \"x\"",
            "/limit: an integer from 1 to 1000 is needed, found \"0\"",
            "/a~1b~0c: not a parameter of this request, or given twice",
            "/limit: not a parameter of this request, or given twice",
        ]
    );
}

#[test]
fn integers_are_parsed_and_bounded() {
    for text in [
        "",
        "0",
        "1001",
        "-1",
        "+5",
        "%2B5",
        "5.0",
        "1e2",
        "18446744073709551616",
        "٣",
        "5%20",
    ] {
        assert_eq!(wrong(&format!("limit={text}")).len(), 1, "{text}");
    }
    for (text, number) in [("1", 1), ("1000", 1000), ("007", 7), ("%35", 5)] {
        let query = ListServersDetails::from_query(&format!("limit={text}")).expect(text);
        assert_eq!(query.limit(), Some(number));
    }
    // The builder checks the same bounds with the same messages.
    for limit in [0, 1001] {
        let built = ListServersDetails::builder()
            .limit(limit)
            .build()
            .expect_err("out of bounds");
        let read =
            ListServersDetails::from_query(&format!("limit={limit}")).expect_err("out of bounds");
        assert_eq!(built, read);
    }
    let long = wrong(&format!("limit={}", "9".repeat(10_000)));
    assert!(long[0].len() < 200, "{long:?}");
}

#[test]
fn texts_are_decoded() {
    let query =
        ListServersDetails::from_query("&&name=a+b%2Bc%26&not-tags=&limit=1&").expect("valid");
    assert_eq!(query.name(), Some("a b+c&"));
    assert_eq!(query.not_tags(), Some(""));
    assert_eq!(query.status(), None);
    assert_eq!(
        ListServersDetails::from_query("").expect("valid"),
        ListServersDetails::default()
    );
}

#[test]
fn many_parameters_are_parsed() {
    let query = "x=1&".repeat(100_000);
    assert_eq!(wrong(&query).len(), 100_000);
}
