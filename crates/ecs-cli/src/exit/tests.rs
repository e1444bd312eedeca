use super::*;

#[test]
fn the_exit_code_of_a_run() {
    const NONE: Facts = Facts {
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
            Facts {
                succeeded: true,
                ..NONE
            },
            0,
        ),
        (
            "accepted, not waited for",
            Facts {
                running: true,
                no_wait: true,
                ..NONE
            },
            0,
        ),
        (
            "one failed",
            Facts {
                succeeded: true,
                failed: true,
                ..NONE
            },
            1,
        ),
        (
            "one rejected",
            Facts {
                succeeded: true,
                rejected: true,
                ..NONE
            },
            1,
        ),
        (
            "all rejected",
            Facts {
                rejected: true,
                ..NONE
            },
            1,
        ),
        (
            "not attempted: out of reach",
            Facts {
                not_attempted: true,
                ..NONE
            },
            1,
        ),
        (
            "not waited for, one rejected",
            Facts {
                running: true,
                rejected: true,
                no_wait: true,
                ..NONE
            },
            1,
        ),
        (
            "unknown",
            Facts {
                unknown: true,
                ..NONE
            },
            3,
        ),
        (
            "unknown beats failed",
            Facts {
                unknown: true,
                failed: true,
                not_attempted: true,
                ..NONE
            },
            3,
        ),
        (
            "refused",
            Facts {
                refused: true,
                not_attempted: true,
                ..NONE
            },
            4,
        ),
        (
            "refused, others rejected",
            Facts {
                refused: true,
                not_attempted: true,
                rejected: true,
                ..NONE
            },
            4,
        ),
        (
            "refused after some succeeded",
            Facts {
                refused: true,
                not_attempted: true,
                succeeded: true,
                ..NONE
            },
            1,
        ),
        (
            "refused after some failed",
            Facts {
                refused: true,
                not_attempted: true,
                failed: true,
                ..NONE
            },
            1,
        ),
        (
            "refused after some were accepted",
            Facts {
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
            Facts {
                refused: true,
                not_attempted: true,
                unknown: true,
                ..NONE
            },
            3,
        ),
        (
            "stopped while running",
            Facts {
                stopped: true,
                running: true,
                ..NONE
            },
            5,
        ),
        (
            "stopped before all were sent",
            Facts {
                stopped: true,
                not_attempted: true,
                succeeded: true,
                ..NONE
            },
            5,
        ),
        (
            "stopped with one unknown",
            Facts {
                stopped: true,
                unknown: true,
                ..NONE
            },
            5,
        ),
        (
            "stopped, not waited for",
            Facts {
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
            Facts {
                stopped: true,
                refused: true,
                not_attempted: true,
                ..NONE
            },
            5,
        ),
        (
            "running though waited for",
            Facts {
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
fn the_exit_code_of_an_error() {
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
