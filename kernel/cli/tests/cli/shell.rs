//! Verbs in a shell: help, suggestions, formats, and exit codes.

use crate::program::Place;

#[test]
fn without_a_lab_status_says_so_and_succeeds() {
    assert!(Place::new().run(&["lab", "status"]).ok().contains("there is no lab"));
}

#[test]
fn a_lab_is_made_and_found_from_below_and_by_option() {
    let place = Place::new();
    place.run(&["lab", "init", "project"]).ok();
    place.write("project/notes/readme.txt", "");
    let root = place.path().join("project").canonicalize().expect("the lab's root").display().to_string();
    let before = place.run(&["--lab", "project", "lab", "status", "--format", "json"]).ok();
    let after = place.run(&["lab", "status", "--format=json", "--lab=project"]).ok();
    for status in [before, after] {
        let status: serde_json::Value = serde_json::from_str(&status).expect("JSON");
        assert_eq!(status["lab"], root);
    }
}

#[test]
fn mistakes_are_named_with_a_way_out() {
    let place = Place::new();
    for (arguments, message, hint) in [
        (&["featur", "list"][..], "no magic `%featur`", "`%feature`"),
        (&["feature", "lst"], "no verb `lst`", "`list`"),
        (&["cost", "report", "--bye", "cell"], "--bye", "--by"),
        (&["cost", "report", "--by", "cel"], "cel", "`cell`"),
        (&["cost", "report"], "there is no lab", "%lab init"),
        (&["lab", "status", "--format", "xml"], "`xml`", "text, json"),
    ] {
        let ran = place.run(arguments);
        assert_eq!(ran.code(), Some(2), "{arguments:?}");
        assert_eq!(ran.stdout(), "", "{arguments:?}");
        assert!(ran.stderr().contains(message) && ran.stderr().contains(hint), "{arguments:?}: {}", ran.stderr());
    }
}

#[test]
fn help_comes_from_the_declarations() {
    let place = Place::new();
    assert!(place.run(&[]).ok().contains("kernwerk MAGIC VERB"));
    assert!(place.run(&["cost", "--help"]).ok().contains("report"));
    let help = place.run(&["cost", "report", "--help"]).ok();
    assert!(help.contains("--by") && help.contains("Examples:"), "{help}");
    assert_eq!(help, place.run(&["cost", "report?"]).ok());
}

#[test]
fn results_go_to_standard_output_in_every_format() {
    let place = Place::new();
    place.run(&["lab", "init"]).ok();
    for (format, start) in [("json", "["), ("csv", "verb,"), ("html", "<div"), ("text", "consumption")] {
        let ran = place.run(&["cost", "report", "--by", "verb", "--format", format]);
        assert!(ran.ok().starts_with(start), "{format}: {}", ran.stdout());
    }
    let json = place.run(&["cost", "report", "--by", "verb", "--format", "json"]);
    assert!(json.stderr().contains("consumption by verb"));
}
