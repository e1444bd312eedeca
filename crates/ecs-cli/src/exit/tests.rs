use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn a_report_determines_the_exit_code() {
    const NONE: OutcomeFlags = OutcomeFlags {
        succeeded: false,
        failed: false,
        rejected: false,
        running: false,
        not_attempted: false,
        unknown: false,
        refused: false,
        stopped: false,
        no_wait: false,
    };
    let table = [
        (
            "all succeeded",
            OutcomeFlags {
                succeeded: true,
                ..NONE
            },
            0,
        ),
        (
            "accepted, not waited for",
            OutcomeFlags {
                running: true,
                no_wait: true,
                ..NONE
            },
            0,
        ),
        (
            "one failed",
            OutcomeFlags {
                succeeded: true,
                failed: true,
                ..NONE
            },
            1,
        ),
        (
            "one rejected",
            OutcomeFlags {
                succeeded: true,
                rejected: true,
                ..NONE
            },
            1,
        ),
        (
            "all rejected",
            OutcomeFlags {
                rejected: true,
                ..NONE
            },
            1,
        ),
        (
            "not attempted: out of reach",
            OutcomeFlags {
                not_attempted: true,
                ..NONE
            },
            1,
        ),
        (
            "not waited for, one rejected",
            OutcomeFlags {
                running: true,
                rejected: true,
                no_wait: true,
                ..NONE
            },
            1,
        ),
        (
            "unknown",
            OutcomeFlags {
                unknown: true,
                ..NONE
            },
            3,
        ),
        (
            "unknown beats failed",
            OutcomeFlags {
                unknown: true,
                failed: true,
                not_attempted: true,
                ..NONE
            },
            3,
        ),
        (
            "refused",
            OutcomeFlags {
                refused: true,
                not_attempted: true,
                ..NONE
            },
            4,
        ),
        (
            "refused, others rejected",
            OutcomeFlags {
                refused: true,
                not_attempted: true,
                rejected: true,
                ..NONE
            },
            4,
        ),
        (
            "refused after some succeeded",
            OutcomeFlags {
                refused: true,
                not_attempted: true,
                succeeded: true,
                ..NONE
            },
            1,
        ),
        (
            "refused after some failed",
            OutcomeFlags {
                refused: true,
                not_attempted: true,
                failed: true,
                ..NONE
            },
            1,
        ),
        (
            "refused after some were accepted",
            OutcomeFlags {
                refused: true,
                not_attempted: true,
                running: true,
                no_wait: true,
                ..NONE
            },
            1,
        ),
        (
            "refused with one unknown",
            OutcomeFlags {
                refused: true,
                not_attempted: true,
                unknown: true,
                ..NONE
            },
            3,
        ),
        (
            "stopped while running",
            OutcomeFlags {
                stopped: true,
                running: true,
                ..NONE
            },
            5,
        ),
        (
            "stopped before all were sent",
            OutcomeFlags {
                stopped: true,
                not_attempted: true,
                succeeded: true,
                ..NONE
            },
            5,
        ),
        (
            "stopped with one unknown",
            OutcomeFlags {
                stopped: true,
                unknown: true,
                ..NONE
            },
            5,
        ),
        (
            "stopped, not waited for",
            OutcomeFlags {
                stopped: true,
                running: true,
                not_attempted: true,
                no_wait: true,
                ..NONE
            },
            5,
        ),
        (
            "stopped and refused",
            OutcomeFlags {
                stopped: true,
                refused: true,
                not_attempted: true,
                ..NONE
            },
            5,
        ),
        (
            "running though waited for",
            OutcomeFlags {
                running: true,
                ..NONE
            },
            5,
        ),
    ];
    for (case, facts, code) in table {
        assert_eq!(facts.exit() as u8, code, "{case}");
    }
}

#[test]
fn an_error_determines_the_exit_code() {
    for (kind, code) in [
        (ErrorKind::Invalid, 2),
        (ErrorKind::NotTheService, 2),
        (ErrorKind::Credentials, 4),
        (ErrorKind::Refused, 1),
        (ErrorKind::Unreachable, 1),
        (ErrorKind::Deadline, 5),
    ] {
        assert_eq!(of_error(kind) as u8, code, "{kind:?}");
    }
}
