use proptest::prelude::*;

use super::*;

#[test]
fn paths_name_pages() {
    let run = || "r-1".to_owned();
    for (path, route) in [
        ("/", Route::List(Form::Page)),
        ("/events", Route::List(Form::Events)),
        ("/runs.json", Route::List(Form::Json)),
        ("/runs/r-1", Route::Run(run(), Form::Page)),
        ("/runs/r%2D1", Route::Run(run(), Form::Page)),
        ("/runs/r-1/events", Route::Run(run(), Form::Events)),
        ("/runs/r-1.json", Route::Run(run(), Form::Json)),
        ("/healthz", Route::Health),
    ] {
        assert_eq!(Route::of(path), Some(route), "{path}");
    }
    for path in [
        "",
        "/x",
        "//",
        "/runs",
        "/runs/",
        "/runs/a/b",
        "/runs//events",
        "/runs/%ff",
        "/runs/%0a",
        "/login/",
        "/../etc/passwd",
    ] {
        assert_eq!(Route::of(path), None, "{path}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_asked_for_panics(path in "\\PC*") {
        let _ = Route::of(&path);
    }

    #[test]
    fn the_path_of_a_run_leads_to_it(id in "[^\\p{Cc}]{1,40}") {
        prop_assume!(!id.ends_with(".json"));
        let path = run_path(&id);
        prop_assert!(path.is_ascii() && !path.contains(['"', '<', '>', '&', '\'', '?', '#', ' ']));
        prop_assert_eq!(Route::of(&path), Some(Route::Run(id, Form::Page)));
    }
}
