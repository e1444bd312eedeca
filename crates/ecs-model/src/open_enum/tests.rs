use crate::{JobStatus, RebootType, StopType};

#[test]
fn open_enums_keep_unknown_values() {
    for text in ["INIT", "RUNNING", "SUCCESS", "FAIL"] {
        let status = JobStatus::from(text);
        assert!(!matches!(status, JobStatus::Unknown(_)), "{text}");
        assert_eq!(status.to_string(), text);
    }
    for text in ["PENDING_PAYMENT", "success", ""] {
        assert_eq!(JobStatus::from(text), JobStatus::Unknown(text.to_owned()));
        assert_eq!(JobStatus::from(text).as_str(), text);
    }
    let json = serde_json::to_string(&JobStatus::from("PENDING_PAYMENT")).expect("JSON");
    assert_eq!(json, r#""PENDING_PAYMENT""#);
    for text in ["SUCCESS", "PENDING_PAYMENT", "a \\ \"quoted\" one"] {
        let status = JobStatus::from(text);
        let json = serde_json::to_string(&status).expect("JSON");
        assert_eq!(serde_json::from_str::<JobStatus>(&json).ok(), Some(status));
    }
}

#[test]
fn closed_enums_are_exact() {
    for &kind in RebootType::ALL {
        assert_eq!(RebootType::from_wire(kind.as_str()), Some(kind));
        assert_eq!(
            serde_json::to_string(&kind).expect("JSON"),
            format!("\"{kind}\"")
        );
        let json = format!("\"{kind}\"");
        assert_eq!(serde_json::from_str::<RebootType>(&json).ok(), Some(kind));
        assert_eq!(kind.as_str().to_lowercase().parse(), Ok(kind));
    }
    assert!("soft ".parse::<RebootType>().is_err());
    let error = serde_json::from_str::<StopType>("\"soft\"").unwrap_err();
    assert!(error.to_string().contains("`SOFT`"), "{error}");
    assert_eq!(RebootType::ALL.len(), 2);
    for text in ["soft", "SOFT ", ""] {
        assert_eq!(RebootType::from_wire(text), None);
        assert_eq!(StopType::from_wire(text), None);
    }
}
